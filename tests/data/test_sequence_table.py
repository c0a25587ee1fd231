"""Sequences from tables: which column is what, in which order the rows are, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from elman.data import read_sequence_table
from elman.data.options import TimeOptions
from elman.errors import DataError

LONG = {
    "unique_id": ["b", "a", "b", "a", "b"],
    "when": ["2020-01-03", "2020-01-01", "2020-01-01", "2020-01-02", "2020-01-02"],
    "u": [5, 1, 3, 2, 4],
    "note": ["x"] * 5,
    "y": [50, 10, 30, None, 40],
}


def values(data):
    return {s.id: (s.inputs.ravel().tolist(), s.targets.ravel().tolist(), list(s.labels)) for s in data}


def test_rows_are_grouped_by_id_and_stay_as_they_are():
    data = read_sequence_table(LONG, time="")
    assert (data.inputs, data.targets, data.steps) == (("u",), ("y",), (3, 2))
    found = values(data)
    assert found["b"] == ([5, 3, 4], [50, 30, 40], ["0", "1", "2"])
    assert found["a"][0] == [1, 2] and np.isnan(found["a"][1][1])


def test_or_are_sorted_by_time():
    found = values(read_sequence_table(LONG, time="when"))
    assert found["b"] == ([3, 4, 5], [30, 40, 50], ["2020-01-01", "2020-01-02", "2020-01-03"])
    numbers = read_sequence_table({"t": [0.2, 0.1], "x": [1, 2], "y": [3, 4]}, time="t")
    assert values(numbers)["0"] == ([2, 1], [4, 3], ["0.1", "0.2"])
    assert (
        read_sequence_table({"ds": ["2020-02", "2020-01"], "x": [1, 2], "y": [3, 4]}).sequences[0].labels[0]
        == "2020-01"
    )


def test_columns_are_those_named_in_their_order():
    table = {"a": [1, 2], "b": [3, 4], "c": [5, 6], "d": [7, 8]}
    data = read_sequence_table(table, input=("c", "a"), target=("d", "b"))
    assert data.sequences[0].inputs.tolist() == [[5, 1], [6, 2]]
    assert data.sequences[0].targets.tolist() == [[7, 3], [8, 4]]
    assert read_sequence_table(table, target=("b",)).inputs == ("a", "c", "d")


def test_without_targets_they_are_unknown_and_it_is_said_why():
    data = read_sequence_table({"x": [1, 2]})
    assert np.isnan(data.sequences[0].targets).all()
    with pytest.raises(DataError, match="data: there is no column 'y'; choose one of 'x'"):
        data.need_targets()


def test_a_cut_leaves_out_what_has_no_step():
    data = read_sequence_table(LONG, time="").until([2, 0])
    assert [(s.id, len(s)) for s in data] == [("b", 2)] and data.sequences[0].labels == ("0", "1")


@pytest.mark.parametrize(
    ("change", "given", "words"),
    [
        ({}, {"input": ("w",)}, "no column 'w'"),
        ({}, {"id": "who"}, "no column 'who'"),
        ({}, {"time": "then"}, "no column 'then'"),
        ({}, {"input": ("u", "u")}, "column 'u' cannot be twice input"),
        ({}, {"input": ("y",)}, "column 'y' cannot be both input and target"),
        ({}, {"input": ("u",), "time": "u"}, "column 'u' cannot be both input and time"),
        ({}, {"input": ("note",)}, "row 0 (counted from 0), column 'note': 'x' is not a number"),
        ({"u": [5, None, 3, 2, 4]}, {}, "row 1 (counted from 0), column 'u': the input is missing; fill it in"),
        ({"u": [5, np.inf, 3, 2, 4]}, {}, "column 'u': the value is infinite"),
        ({"y": [5, 1e200, 3, 2, 4]}, {}, "column 'y': 1e+200 is too large"),
        ({"u": ["5", "1", "three", "2", "4"]}, {}, "row 2 (counted from 0), column 'u': 'three' is not a number"),
        ({"unique_id": ["b", "", "b", "a", "b"]}, {}, "column 'unique_id': the id is missing"),
        ({"when": ["2020-01-01"] * 5}, {"time": "when"}, "'2020-01-01' is there twice in one sequence"),
        ({"when": [1, 2, None, 3, 4]}, {"time": "when"}, "row 2 (counted from 0), column 'when': the time is missing"),
        ({"when": ["soon"] * 5}, {"time": "when"}, "'soon' is not a time"),
    ],
)
def test_what_is_refused(change, given, words):
    with pytest.raises(DataError) as error:
        read_sequence_table({**LONG, **change}, **given)
    assert words in str(error.value)


def test_a_table_without_inputs_is_refused():
    with pytest.raises(DataError, match="no column of numbers to be an input"):
        read_sequence_table({"y": [1, 2], "name": ["a", "b"]})


def test_tables_are_repaired_as_those_of_series_are(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text("Sensors\n\nday;x;y\n31/01/2022;1.019;$5\n30/01/2022;995;$7\nSource: me;;\n", encoding="utf-8")
    data = read_sequence_table(path)
    assert values(data)["0"] == ([995, 1019], [7, 5], ["30/01/2022", "31/01/2022"])
    assert [note.partition(" (")[0] for note in data.notes] == [
        "passed over 1 line above the header",
        "left out 1 line below the data",
        "column 'x': 1 number with marks between the thousands",
        "column 'y': 2 numbers with the sign '$', read without it",
    ]
    with pytest.raises(DataError, match="passed over 1 line above the header .*without `strict`"):
        read_sequence_table(path, options=TimeOptions(strict=True))
    path.write_text("x;y\n1.019;5\n", encoding="utf-8")
    with pytest.raises(DataError, match="say which mark is the decimal one"):
        read_sequence_table(path)
    assert values(read_sequence_table(path, options=TimeOptions(decimal=",")))["0"][0] == [1019]
