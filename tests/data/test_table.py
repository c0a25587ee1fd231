"""Files, frames and arrays give the same columns, whatever form they come in."""

from __future__ import annotations

import csv
import gzip
import io
import subprocess
import sys

import numpy as np
import pandas
import polars
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from elman.data import read_table
from elman.data.csv_file import parse_csv
from elman.errors import DataError, MissingDependencyError

NAN = float("nan")

# a name that is no number, time or missing token, so that the first row is a header
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), min_size=1, max_size=8).map(
    lambda s: "c_" + s.strip()
)


@given(
    st.dictionaries(NAMES, st.just(None), min_size=2, max_size=4),
    st.lists(st.floats(allow_infinity=False), min_size=1, max_size=6),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_written_columns_are_read_as_they_were(tmp_path_factory, names, numbers, delimiter, end, bom):
    names = list(dict.fromkeys(name.strip() for name in names))
    rows = [[repr(number + i) for i in range(len(names))] for number in numbers]
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=end).writerows([names, *rows])
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_bytes(file.getvalue().encode("utf-8-sig" if bom else "utf-8"))
    table = read_table(path)
    assert list(table.columns) == names
    for i, name in enumerate(names):
        assert_array_equal(table.numbers(name), [number + i for number in numbers])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("suffix", [".csv", ".txt", ".csv.gz"])
def test_encodings_and_compression(tmp_path, encoding, suffix):
    content = "Größe,y\n1,2\n3,4\n".encode(encoding)
    path = tmp_path / f"data{suffix}"
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    for given_as in (path, str(path)):
        table = read_table(given_as)
        assert list(table.columns) == ["Größe", "y"]
        assert_array_equal(table.numbers("Größe"), [1, 3])
        assert_array_equal(table.lines, [2, 3])


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a,b\n1,2\n3,4", {"a": [1, 3], "b": [2, 4]}),
        ("a\tb\n1\t2\n", {"a": [1], "b": [2]}),
        ("a;b\n1,5;2\n3;4,25\n", {"a": [1.5, 3], "b": [2, 4.25]}),
        ('"a, in m";b\n1,25;2\n', {"a, in m": [1.25], "b": [2]}),
        ("a, b\n 1,  2\n", {"a": [1], "b": [2]}),
        ('"a","b"\n"1","2"\n', {"a": [1], "b": [2]}),
        ("a,b,\n1,2,\n3,4,\n", {"a": [1, 3], "b": [2, 4]}),
        ("a,b\n1,2,\n3,4,,\n", {"a": [1, 3], "b": [2, 4]}),
        ("a,b\r\n1,2\r\n\r\n  \n,,,\n\n", {"a": [1], "b": [2]}),
        ("\n\na\r1\r2\r", {"a": [1, 2]}),
        ("a\n1\n\n3\n", {"a": [1, NAN, 3]}),
        (",b\n0,2\n1,3\n", {"index": [0, 1], "b": [2, 3]}),
        ("a,,c\n1,2,3\n", {"a": [1], "column 2": [2], "c": [3]}),
        ("1\n2\n", {"0": [1, 2]}),
        ("1,2\n3,NA\n", {"0": [1, 3], "1": [2, NAN]}),
        ("1,5;2,5\n3,5;4,5\n", {"0": [1.5, 3.5], "1": [2.5, 4.5]}),
        ("0,123;1\n0,456;2\n", {"0": [0.123, 0.456], "1": [1, 2]}),
        ("a\n1e3\n-.5\n+2.\n 7 \n", {"a": [1000, -0.5, 2, 7]}),
        ("a,b\nNA,1\nN/A,2\nNaN,3\nnull,4\nNone,5\n-,6\n?,7\n#N/A,8\n,9\n5,10\n", {"a": [NAN] * 9 + [5]}),
    ],
)
def test_dialects(text, columns):
    table = parse_csv(text, "some.csv")
    for name, values in columns.items():
        assert_array_equal(table.numbers(name), values)
    if len(columns) > 1:
        assert list(table.columns) == list(columns)


def test_rows_with_times_and_no_header_are_all_kept():
    table = parse_csv("2020-01-01,5\n2020-01-02,6\n", "bare.csv")
    assert table.columns == {"0": ["2020-01-01", "2020-01-02"], "1": ["5", "6"]}
    assert table.unnamed == ("0", "1")
    assert table.place(0) == "bare.csv, line 1"


def test_lines_are_counted_as_in_the_file_even_past_quoted_line_breaks():
    table = parse_csv('a,b\n"one\ntwo",2\nthree,x\n', "notes.csv")
    assert_array_equal(table.lines, [2, 4])
    with pytest.raises(DataError, match=r"^notes.csv, line 4, column 'b': 'x' is not a number; correct it"):
        table.numbers("b")


def test_every_kind_of_frame_gives_the_same_columns(tmp_path):
    days = np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="datetime64[D]")
    columns = {"unique_id": ["a", "b", "b"], "ds": days, "y": [1.5, None, 3.0], "n": [1, 2, 3]}
    pandas_frame = pandas.DataFrame({**columns, "ds": days.astype("datetime64[ns]")})
    polars_frame = polars.DataFrame(columns)
    arrow = polars_frame.to_arrow()
    pandas_frame.to_parquet(tmp_path / "pandas.parquet")
    polars_frame.write_parquet(tmp_path / "polars.parquet")
    files = [tmp_path / "pandas.parquet", tmp_path / "polars.parquet"]
    for source in (columns, pandas_frame, pandas_frame.convert_dtypes(), polars_frame, arrow, *files):
        table = read_table(source)
        assert list(table.columns) == list(columns)
        assert table.texts("unique_id") == ["a", "b", "b"]
        assert_array_equal(table.columns["ds"], days)
        assert_array_equal(table.numbers("y"), [1.5, NAN, 3])
        assert table.texts("n") == ["1", "2", "3"]


def test_parquet_with_whichever_reader_there_is(tmp_path, monkeypatch):
    path = tmp_path / "data.parquet"
    zoned = (
        polars.Series("ds", ["2020-01-01T00:00", "2020-01-01T01:00"])
        .str.to_datetime()
        .dt.replace_time_zone("Europe/Berlin")
    )
    frame = polars.DataFrame({"ds": zoned, "y": [1, None], "d": ["1.5", None]})
    frame.write_parquet(path)
    expected = read_table(path)
    assert expected.columns["ds"] == ["2019-12-31T23:00:00.000000+00:00", "2020-01-01T00:00:00.000000+00:00"]
    monkeypatch.setitem(sys.modules, "polars", None)
    table = read_table(path)
    assert table.columns["ds"] == expected.columns["ds"]
    assert_array_equal(table.numbers("y"), [1, NAN])
    assert_array_equal(table.numbers("d"), [1.5, NAN])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"data.parquet: reading Parquet files needs polars.*pip install"):
        read_table(path)


def test_a_csv_file_is_read_without_any_data_frame_library(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("ds,y\n2020-01,1\n2020-02,2\n", encoding="utf-8")
    program = (
        "import sys; from elman.data import read_series; data = read_series(sys.argv[1]); "
        "print(*data.following(data.series[0], 1), *{'pandas', 'polars', 'pyarrow', 'torch'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["2020-03"]


def test_a_pandas_index_of_times_is_a_column():
    index = pandas.date_range("2020-01-01", periods=2, tz="Europe/Berlin")
    table = read_table(pandas.Series([1.0, 2.0], index=index))
    assert list(table.columns) == ["index", "0"]
    assert table.unnamed == ("0",)
    assert table.columns["index"][0] == np.datetime64("2020-01-01")  # days are those of the place
    hours = read_table(
        pandas.Series([1.0, 2.0], index=pandas.date_range("2020-01-01", periods=2, freq="h", tz="Asia/Tokyo"))
    )
    assert hours.columns["index"][0] == "2019-12-31T15:00:00.000000+00:00"
    named = read_table(
        pandas.Series([1, 2], name="z", index=pandas.period_range("2020-01", periods=2, freq="M", name="m"))
    )
    assert named.columns["m"] == ["2020-01", "2020-02"]
    weeks = read_table(pandas.Series([1, 2], index=pandas.period_range("2020-01-06", periods=2, freq="W")))
    assert_array_equal(weeks.columns["index"], np.array(["2020-01-06", "2020-01-13"], dtype="datetime64[ns]"))
    filtered = pandas.DataFrame({"y": [1, 2, 3]}).iloc[1:]
    assert list(read_table(filtered).columns) == ["y"]


def test_arrays_lists_and_series():
    assert_array_equal(read_table(np.float32([1, 2])).numbers("0"), [1, 2])
    assert_array_equal(read_table([[1, 2], [3, 4]]).numbers("1"), [2, 4])
    assert_array_equal(read_table([1, None, "2.5"]).numbers("0"), [1, NAN, 2.5])
    assert_array_equal(read_table(i for i in range(3)).numbers("0"), [0, 1, 2])
    assert_array_equal(read_table(np.ma.masked_equal([1, 9], 9)).numbers("0"), [1, NAN])
    assert_array_equal(read_table(polars.Series("p", [1, None])).numbers("p"), [1, NAN])
    mixed = np.array([pandas.NA, pandas.NaT, NAN, 3], dtype=object)
    assert_array_equal(read_table({"o": mixed}).numbers("o"), [NAN, NAN, NAN, 3])
    table = read_table([1, 2])
    assert read_table(table) is table


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3.5, "a builtins.float is not a table; give a path"),
        (b"a,b", "a builtins.bytes is not a table"),
        ({"a": [1], "b": [1, 2]}, "columns of different length"),
        ({"a": [[1, 2], [3, 4]]}, "give columns of one dimension"),
        ({}, "there are no rows"),
        ([], "there are no rows"),
        ([[1, 2], [3]], "rows of different length; give all rows as many"),
        (np.zeros((2, 2, 2)), r"an array of shape \(2, 2, 2\); give \(n,\)"),
        (np.array([1j]), "values of type complex128 are no numbers"),
        (polars.LazyFrame({"y": [1]}), "call collect"),
        (pandas.DataFrame([[1, 2]], columns=["y", "y"]), "two columns are named 'y'; rename one"),
        (pandas.DataFrame({"y": [1]}, index=pandas.MultiIndex.from_tuples([(1, 2)])), "call reset_index"),
        (pandas.Timestamp("2020-01-01"), "is not a table"),
        (pyarrow.schema([]), "is not a table"),
    ],
)
def test_what_is_no_table_is_refused_with_a_remedy(source, message):
    with pytest.raises(DataError, match=f"^my data: .*{message}"):
        read_table(source, what="my data")
