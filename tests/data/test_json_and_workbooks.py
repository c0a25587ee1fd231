"""JSON in its forms and Excel workbooks: read for what they hold."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from elman.data import read_series, read_table
from elman.data.options import SeriesOptions
from elman.data.series_report import described
from elman.errors import DataError, MissingDependencyError
from tests.data.tables import DAYS, VALUES, iso, read, write


def test_json_in_its_forms(tmp_path):
    records = [{"ds": day, "y": value} for day, value in zip(iso(), VALUES.tolist(), strict=True)]
    columns = {"ds": iso(), "y": VALUES.tolist()}
    texts = [json.dumps(records), json.dumps(columns), "\n".join(map(json.dumps, records))]
    texts += [
        json.dumps({"status": "ok", "data": records}),
        json.dumps({k: dict(enumerate(v)) for k, v in columns.items()}),
    ]
    rows = [[record["ds"], record["y"]] for record in records]
    texts += [json.dumps([["ds", "y"], *rows]), json.dumps({"columns": ["ds", "y"], "data": rows})]
    names = ("a.json", "b.json", "c.jsonl", "d.json", "e.json", "f.json", "h.json")
    for text, name in zip(texts, names, strict=True):
        (series,) = read(tmp_path, text, name)
        assert_array_equal(series.values, VALUES)
        assert_array_equal(series.times, DAYS.astype("datetime64[s]"))
    (series,) = read(
        tmp_path, '[{"ds": "2022-01-01", "y": 1}, {"ds": "2022-01-02"}, {"ds": "2022-01-03", "y": 3}]', "g.json"
    )
    assert_array_equal(series.values, [1, np.nan, 3])


def test_json_columns_are_joined_by_their_keys(tmp_path):
    times, count = iso(), len(DAYS)
    ahead = dict(zip(range(count), times, strict=True))
    back = dict(reversed(list(enumerate(VALUES.tolist()))))
    (series,) = read(tmp_path, json.dumps({"ds": ahead, "y": back}), "a.json")
    assert_array_equal(series.values, VALUES)
    assert_array_equal(series.times, DAYS.astype("datetime64[s]"))
    gap = {k: v for k, v in back.items() if k not in (3, 4)}
    (series,) = data = read(tmp_path, json.dumps({"ds": ahead, "y": gap}), "b.json")
    assert_array_equal(series.values, np.where(np.isin(np.arange(count), (3, 4)), np.nan, VALUES))
    assert "filled in: 2 of 120 steps" in described(data)[-1]
    with pytest.raises(DataError, match=r"c.json: columns 'y' and 'ds' have no key in common; give all values of a"):
        read(tmp_path, '{"ds": {"a": "2022-01-01"}, "y": {"b": 1}}', "c.json")


MILLISECONDS = (1000 * DAYS.astype("datetime64[s]").astype(int)).tolist()


@pytest.mark.parametrize("keys", [iso(), MILLISECONDS], ids=["dates", "milliseconds"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_what_names_the_rows_of_json_is_a_column(tmp_path, keys, newest_first):
    rows = list(zip(keys, VALUES.tolist(), strict=True))[:: -1 if newest_first else 1]
    split = {"columns": ["v"], "index": [key for key, _ in rows], "data": [[value] for _, value in rows]}
    for value in ({"v": dict(rows)}, split):
        (series,) = data = read(tmp_path, json.dumps(value), "some.json")
        assert_array_equal(series.values, VALUES)
        assert_array_equal(series.times, DAYS.astype("datetime64[s]"))
        assert (data.read_as.time, data.read_as.targets) == ("index", ("v",))
    split["index"].pop()
    with pytest.raises(DataError, match=r"some.json: 119 elements of `index` for 120 rows; give as many as"):
        read(tmp_path, json.dumps(split), "some.json")


def test_what_only_counts_the_rows_of_json_is_none(tmp_path):
    for keys in (range(120), range(1, 121), range(1900, 2020), np.random.default_rng(0).permutation(120).tolist()):
        frame = {"ds": dict(zip(keys, iso(), strict=True)), "y": dict(zip(keys, VALUES.tolist(), strict=True))}
        assert list(read_table(write(tmp_path, json.dumps(frame), "some.json")).columns) == ["ds", "y"]
    two = {"a": dict(enumerate(iso())), "b": dict(enumerate(iso())), "y": dict(enumerate(VALUES.tolist()))}
    assert list(read_table(write(tmp_path, json.dumps(two), "some.json")).columns) == ["a", "b", "y"]
    with pytest.raises(DataError, match=r"column 'index': it counts backwards, so the newest row comes first"):
        read(tmp_path, json.dumps({"y": {k: k for k in range(9, 0, -1)}}), "some.json")
    assert read(tmp_path, json.dumps({"y": {k: k for k in range(9)}}), "some.json").series[0].times is None


def test_a_workbook(tmp_path, monkeypatch):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Sales of the year"])
    sheet.append([])
    sheet.append(["Date", "Sales"])
    for day, value in zip(DAYS, VALUES.tolist(), strict=True):
        sheet.append([day.item(), value])
    sheet.append(["Total", float(VALUES.sum())])
    book.create_sheet("empty")
    file = io.BytesIO()
    book.save(file)
    (series,) = data = read(tmp_path, file.getvalue(), "some.xlsx")
    assert_array_equal(series.values, VALUES)
    assert data.following(series, 1) == ["2022-05-01"]
    assert "passed over 1 line above" in "\n".join(described(data))
    assert "left out 1 line below" in "\n".join(described(data))
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(MissingDependencyError, match=r"some.xlsx: reading Excel workbooks needs openpyxl.*pip install"):
        read(tmp_path, file.getvalue(), "some.xlsx")


def sheet(*columns):
    """A workbook of days and columns."""
    openpyxl = pytest.importorskip("openpyxl")
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["Tag", *(f"v{i}" for i in range(len(columns)))])
    for row in zip(DAYS.tolist(), *columns, strict=False):
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def test_cells_of_a_workbook_that_are_numbers_are_these_numbers(tmp_path):
    typed = [1.111, 1.112, 1e-7, None, 1234567.5, -2.125]
    wanted = [1.111, 1.112, 1e-7, np.nan, 1234567.5, -2.125]
    for decimal in (None, ",", "."):
        (series,) = read(tmp_path, sheet(typed), "a.xlsx", options=SeriesOptions(decimal=decimal))
        assert_array_equal(series.values, wanted)
    texts = sheet(["10.230,0", "13.150,0", 1.111], [1.111, 1.112, 1.113], ["1.234", "1.235", "1.236"])
    for column, values in (("v0", [10230, 13150, 1.111]), ("v1", [1.111, 1.112, 1.113]), ("v2", [1234, 1235, 1236])):
        assert_array_equal(read(tmp_path, texts, "b.xlsx", target=column).series[0].values, values)
    (series,) = read(tmp_path, sheet(["1.051", "2.052", 1.051]), "c.xlsx", options=SeriesOptions(decimal=","))
    assert_array_equal(series.values, [1051, 2052, 1.051])
    with pytest.raises(DataError, match=r"c.xlsx, line 3, column 'v0': '1.5' has no %, as others have"):
        read(tmp_path, sheet(["3%", 1.5, "4%"]), "c.xlsx")


def test_numbers_of_json_and_of_lists_are_these_numbers(tmp_path):
    column = [1.051, None, "1.052"]
    for source in ({"y": column}, write(tmp_path, json.dumps({"y": column}), "some.json")):
        (series,) = read_series(source, options=SeriesOptions(decimal=","))
        assert_array_equal(series.values, [1.051, np.nan, 1052])
