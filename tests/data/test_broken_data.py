"""Broken files: each is refused in one line that names the place and the remedy."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import read_series
from elman.data.options import SeriesOptions
from elman.errors import DataError, ElmanError

PARQUET = b"PAR1 and then nothing of the kind PAR1"
STRICT = SeriesOptions(strict=True)
LATIN = "Month,Größe\n2020-01,1\n2020-02,2\n".encode("latin-1")

# content of the file, how it is read, where the message says that it is wrong, what it says can be done
BROKEN = {
    "empty": (b"", {}, "data.csv: the file is empty", "give a file with a header and rows"),
    "only blank lines": (b"\n \n\n", {}, "data.csv: the file is empty", "give a file with a header and rows"),
    "only commas": (b",,\n,,\n", {}, "data.csv: the file is empty", "give a file with a header and rows"),
    "header only": (b"ds,y\n", {}, "data.csv, line 1: the file ends after its header", "add rows of data"),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0", {}, "data.csv: this is a PNG picture", "give a CSV or Parquet file"),
    "workbook": (b"PK\x03\x04\x14", {}, "data.csv: this is a zip archive or a damaged Excel workbook", "save it anew"),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1", {}, "data.csv: this is an old Excel workbook", "save it as .xlsx or CSV"),
    "PDF": (b"%PDF-1.7", {}, "data.csv: this is a PDF document", "give a CSV or Parquet file"),
    "NUL bytes": (b"y\n1\n\0\n", {}, "data.csv, line 3: this is a binary file", "give a CSV or Parquet file"),
    "cut UTF-16": (b"\xff\xfey\0\n\0\x31", {}, "data.csv: the UTF-16 text is damaged", "save the file as UTF-8"),
    "bytes of no text": (
        b"y\n1\n\xf6\x02\n",
        {},
        "data.csv, line 3: byte 0xf6 is not UTF-8",
        "with the encoding UTF-8",
    ),
    "strict Latin-1": (
        LATIN,
        {"options": STRICT},
        "data.csv: read as Windows-1252, since byte 0xf6 in line 1",
        "`strict`",
    ),
    "cut gzip": (gzip.compress(b"y\n1\n" * 99)[:20], {}, "data.csv: the gzip file is damaged", "compress it again"),
    "no Parquet": (PARQUET, {}, "data.csv: the Parquet file is damaged", "write or fetch it again"),
    "uneven": (b"a,y\n1,2\n3\n", {}, "data.csv, line 3: 1 fields where the first line has 2", "correct the line"),
    "too wide": (b"a,y\n1,2\n3,4,5\n", {}, "data.csv, line 3: 3 fields", "in double quotes"),
    "blank line": (b"a,y\n1,2\n\n3,4\n", {}, "data.csv, line 3: the line is blank", "delete it"),
    "open quotes": (b'a,y\n1,2\n"3,4\n5,6\n', {}, "data.csv, line 3: the quotes or fields", "correct the line"),
    "open quotes among tabs": (
        b"a\ty\n" + b"1\t2\n" * 30 + b'"3"4\t5\n',
        {},
        "data.csv, line 32: the quotes or fields are broken ('\\t' expected after",
        "correct the line",
    ),
    "same names": (b"y,a,y\n1,2,3\n", {}, "data.csv, line 1: columns 1 and 3 are both named 'y'", "rename one"),
    "no such column": (b"ds,sales\n", {}, "data.csv, line 1", "add rows"),
    "missing target": (b"day,sales\n1,2\n", {"target": "sale"}, "there is no column 'sale'", "did you mean 'sales'?"),
    "missing time": (b"day,sales\n1,2\n", {"time": "hour"}, "no column 'hour'", "choose one of 'day', 'sales'"),
    "several targets": (b"a,b\n1,2\n3,4\n", {}, "several columns could be the target", "`target` from 'a', 'b'"),
    "nothing but times": (b"ds\n2020-01\n", {}, "data.csv: besides 'ds' there is no column", "add one of numbers"),
    "text": (b"ds,y\n2020-01,1\n2020-02,twelve\n", {}, "line 3, column 'y': 'twelve' is not a number", "correct it"),
    "strict thousands": (
        b'ds,y\n2020-01,"1,200"\n2020-02,"2,000"\n',
        {"options": STRICT},
        "data.csv: column 'y': 2 numbers with marks between the thousands",
        "`strict`",
    ),
    "maybe thousands": (
        b"a;y\n1;1,200\n",
        {"target": "y"},
        "line 2, column 'y': '1,200' may be 1200 or 1.2",
        "`decimal`",
    ),
    "maybe thousands, tabs": (b"a\ty\n1\t1.200\n", {"target": "y"}, "line 2, column 'y': '1.200' may be", "`decimal`"),
    "hundreds beside three decimals": (b"ds,y\n2020-01,995\n2020-02,1.019\n", {}, "'1.019' may be", "`decimal`"),
    "two currencies": (b"ds,y\n2020-01,$5\n2020-02,3 EUR\n", {}, "line 3, column 'y': '3 EUR' is in 'EUR'", "convert"),
    "two units": (b"ds,y\n2020-01,5 kg\n2020-02,3 g\n", {}, "line 3, column 'y': '3 g' is in 'g', others", "convert"),
    "percent and not": (b"ds,y\n2020-01,5%\n2020-02,0.03\n", {}, "line 3, column 'y': '0.03' has no %", "one way"),
    "one with a letter": (
        b"ds,y\n2020-01,5\n2020-02,3\n2020-03,4x\n",
        {},
        "column 'y': '4x' is not a number",
        "correct",
    ),
    "marks of two kinds": (b"a;y\n1;1.5\n2;2,5\n", {"target": "y"}, "does not fit the marks of the others", "one way"),
    "another decimal mark": (
        b"a;y\n1;1.5\n",
        {"target": "y", "options": SeriesOptions(decimal=",")},
        "line 2, column 'y': '1.5' is not a number with the decimal mark ','",
        "`decimal`",
    ),
    "broken JSON": (
        b'[{"y": 1},\n {"y": }]',
        {"file": "data.json"},
        "data.json, line 2: this is no JSON",
        "correct it",
    ),
    "JSON of something else": (
        b'{"a": 1}',
        {"file": "data.json"},
        "data.json: the JSON object holds no",
        "list of objects",
    ),
    "nested JSON": (b'[{"y": {"a": 1}}]', {"file": "data.json"}, "data.json, row 0", "list of objects"),
    "no workbook": (b"y\n1\n", {"file": "data.xlsx"}, "data.xlsx: the workbook is damaged", "save it anew, or as CSV"),
    "infinite": (
        b"y,z\n1,1\n2,1\n-inf,1\n",
        {"target": "y"},
        "line 4, column 'y': the value is infinite",
        "correct it",
    ),
    "too large": (b"y\n1\n1e999\n", {}, "data.csv, line 3, column 'y': the value is infinite", "leave it empty"),
    "all missing": (b"a,y\n1,NA\n2,\n", {"target": "y"}, "column 'y': all 2 values are missing", "give a column"),
    "one row": (b"y\n1\n", {}, "column 'y': only 1 observed value(s), 2 are needed", "give more rows"),
    "one of each series": (b"unique_id,y\na,1\nb,3\n", {}, "column 'y', series 'a': only 1", "give more rows"),
    "no id": (b"unique_id,y\na,1\n,2\n", {}, "line 3, column 'unique_id': the id is missing", "fill it in"),
    "no time": (b"ds,y\n2020-01,1\nNA,2\n", {}, "line 3, column 'ds': the time is missing", "delete the row"),
    "ambiguous": (
        b"date,y\n03/04/2020,1\n",
        {},
        "line 2, column 'date': '03/04/2020' may be 2020-04-03 or 2020-03-04",
        "`day_first`",
    ),
    "no date": (
        b"ds,y\n2020-01-31,1\n2020-02-30,2\n",
        {},
        "line 3, column 'ds': '2020-02-30' is no",
        "write ISO dates",
    ),
    "words": (
        b"date,y\nthe first,1\nnext,2\n",
        {},
        "line 2, column 'date': 'the first' is not a time",
        "`time_format`",
    ),
    "mixed": (
        b"ds,y\n2020-01,1\n2020-02-01,2\n",
        {},
        "line 2, column 'ds': '2020-01' is written otherwise",
        "one form",
    ),
    "zones": (
        b"ds,y\n2020-01-01 00:00,1\n2020-01-01 01:00Z,2\n",
        {},
        "line 3, column 'ds': '2020-01-01 01:00Z' is written otherwise",
        "write all times in one form",
    ),
    "fractions": (
        b"ds,y\n2020-01-01 00:00:00.5,1\n",
        {},
        "line 2, column 'ds': '2020-01-01 00:00:00.5' has a fraction",
        "round the times",
    ),
    "twice": (
        b"ds,y\n2020-01,1\n2020-02,2\n2020-01,3\n",
        {},
        "line 4, column 'ds': '2020-01' is there twice (before: line 2)",
        "`id`",
    ),
    "off the steps": (
        b"ds,y\n2020-01-01 00:00,1\n2020-01-01 01:00,2\n2020-01-01 02:00,3\n2020-01-01 03:10,4\n",
        {},
        "line 5, column 'ds': '2020-01-01 03:10' is not on the steps of the other times, which are hourly",
        "resample to a regular step",
    ),
    "irregular": (
        b"ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-09,3\n2020-01-23,4\n",
        {},
        "column 'ds': the times",
        "resample",
    ),
    "far apart": (
        b"ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n2920-01-04,4\n",
        {},
        "4 rows on 328722 daily",
        "correct",
    ),
    "dates in two orders": (
        b"date,y\n01/31/2020,1\n02/28/2020,2\n31/03/2020,3\n",
        {},
        "line 4, column 'date': '31/03/2020' is written otherwise than '01/31/2020'",
        "`time_format`",
    ),
    "another order": (
        b"date,y\n12/31/2020,1\n",
        {"options": SeriesOptions(day_first=True)},
        "line 2, column 'date': '12/31/2020' is no date with the day first",
        "`day_first`",
    ),
    "another format": (
        b"date,y\n2020-12-31,1\n",
        {"options": SeriesOptions(time_format="%d.%m.%Y")},
        "line 2, column 'date': '2020-12-31' is not written as %d.%m.%Y",
        "`time_format`",
    ),
    "no format": (
        b"date,y\n2020-12-31,1\n",
        {"options": SeriesOptions(time_format="%!")},
        "cannot be read with `time_format` %!",
        "strptime",
    ),
    "an unused column of broken times": (
        b"observed_date,y\n2020-01-31,1\n2020-02-30,2\n",
        {},
        "line 3, column 'observed_date': '2020-02-30' is not a time",
        "`time_format`",
    ),
    "two columns of times": (b"a,b,y\n2020-01-01,2020-01-02,1\n", {}, "columns 'a' and 'b' hold times", "`time`"),
    "steps counted backwards": (
        b"index,y\n3,1\n2,2\n1,3\n",
        {},
        "column 'index': it counts backwards",
        "sort the rows",
    ),
    "months counted backwards": (
        b"month,y\nMar,1\nFeb,2\nJan,3\n",
        {},
        "column 'month': it counts back",
        "add the year",
    ),
    "series of two frequencies": (
        b"unique_id,ds,y\n"
        + b"".join(b"a,2020-01-%02d,1\n" % day for day in range(1, 29))
        + b"".join(b"b,2020-%02d-01,1\n" % month for month in range(1, 9)),
        {},
        "series 'b' (monthly) has another frequency than the others, which are daily",
        "in a file apart",
    ),
    "most of it made up": (
        b"ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n2020-01-29,4\n",
        {},
        "4 rows on 29 daily steps from 2020-01-01T00:00:00 to 2020-01-29T00:00:00: 86% would have to be filled in",
        "leave out what lies before the gap",
    ),
    "target and time": (
        b"ds,y\n2020,1\n",
        {"time": "y", "target": "y"},
        "'y' cannot be both target and time",
        "another",
    ),
    "id and time": (b"a,y\n2020,1\n", {"time": "a", "id": "a"}, "'a' cannot be both id and time", "another"),
    "same target": (b"a,y\n1,1\n", {"target": ["y", "y"]}, "column 'y' is named twice", "name it once"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files(tmp_path, case):
    content, how, place, remedy = BROKEN[case]
    path = tmp_path / how.get("file", "data.csv")
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_series(path, **{key: value for key, value in how.items() if key != "file"})
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert place in message
    assert remedy in message.split(";", 1)[1]


def test_broken_paths(tmp_path, monkeypatch):
    for path, message in [
        (tmp_path / "absent.csv", "there is no such file; check the path"),
        (tmp_path, "this is a folder; give the file"),
        (tmp_path / ("x" * 5000), "cannot be read (File name too long); check the path"),
        ("a\0b", "cannot be read (embedded null byte); check the path"),
        ("", "this is a folder"),
    ]:
        with pytest.raises(DataError, match=re.escape(message)):
            read_series(path)

    def denied(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(DataError, match=r"^some.csv: permission to read is denied; change the file's permissions"):
        read_series("some.csv")


def test_a_file_that_is_called_parquet_and_is_none(tmp_path):
    path = tmp_path / "data.parquet"
    path.write_bytes(b"y\n1\n")
    with pytest.raises(DataError, match=r"data.parquet: this is not a Parquet file; if it is text, name it .csv"):
        read_series(path)


PIECES = st.sampled_from(
    [*",;\t\n\r\"'x\0é\ufeff", "\r\n", "ds", "y", "unique_id", "1", "2.5", "-3", "1,5", "1e308", "inf", "NA", "2020"]
)
TIMES = st.sampled_from(["2020-01", "2020-01-31", "2020-02-01 10:00", "2020-02-01T11:00Z", "9999-12-31", "01.02.2020"])
CONTENTS = st.lists(PIECES | TIMES, max_size=30).map("".join).map(str.encode) | st.binary(max_size=60)


@given(CONTENTS, st.sampled_from([{}, {"target": "y"}, {"time": "ds"}, {"id": "x"}, {"at_least": 1}]))
@settings(max_examples=300)
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_line(tmp_path_factory, content, how):
    path = tmp_path_factory.getbasetemp() / "whatever.csv"
    path.write_bytes(content)
    message, data = None, ()
    try:
        data = read_series(path, **how)
    except ElmanError as error:
        message = str(error)
    assert message is None or re.fullmatch(rf"{path}[^\n]*; [^\n]*", message)
    for series in data:
        assert np.isfinite(series.values[[0, -1]]).all()
        assert len(data.labels(series)) == len(series)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"y": [True, False]}, r"^data, column 'y' holds true/false values; give a column of numbers"),
        ({"y": [1, float("inf")]}, r"^data, row 1 \(counted from 0\), column 'y': the value is infinite"),
        ({"y": [1, None, "x"]}, r"^data, row 2 \(counted from 0\), column 'y': 'x' is not a number"),
        ({"y": [[1], [2]]}, r"^data: a column of shape"),
        (
            polars.DataFrame({"y": [None, None]}, schema={"y": polars.Float64}),
            "^data, column 'y': all 2 values are missing",
        ),
        (
            polars.DataFrame({"y": [1, 2], "ds": [None, None]}, schema_overrides={"ds": polars.Date}),
            "the time is missing",
        ),
    ],
)
def test_broken_frames(source, message):
    with pytest.raises(ElmanError, match=message):
        read_series(source)


def test_two_columns_of_times_are_not_chosen_from():
    frame = polars.DataFrame({"a": ["2020-01-01"], "b": ["2020-01-02"], "y": [1]}).with_columns(
        polars.col("a", "b").str.to_date()
    )
    with pytest.raises(DataError, match="columns 'a' and 'b' hold times; choose with `time`"):
        read_series(frame)
