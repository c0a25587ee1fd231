"""Columns that go with series: on the same steps, cut where the values end, known ahead where rows say so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from elman.data import CovariateNames, SeriesSet, read_series, with_future
from elman.data.options import SeriesOptions
from elman.errors import DataError

NAN = np.nan
ROWS = {
    "ds": ["2020-04", "2020-01", "2020-02", "2020-05", "2020-06"],  # in any order; March has no row
    "y": [4, NAN, 2, NAN, NAN],
    "x": [40, 10, 20, 50, 60],
    "p": [4, 1, NAN, 5, NAN],
    "kind": ["a"] * 5,
}
NAMES = CovariateNames(("x",), ("p",), ("kind",))


def read(changes: dict[str, Any] | None = None, names: CovariateNames = NAMES, **options: Any) -> SeriesSet:
    return read_series({**ROWS, **(changes or {})}, covariates=names, **options)


def test_columns_lie_on_the_steps_of_the_values():
    (series,) = read()
    assert series.trimmed == (1, 2)
    assert_array_equal(series.values, [2, NAN, 4])
    assert_array_equal(series.covariates.past, [[20], [NAN], [40]])  # nothing of what comes after the last value
    assert_array_equal(series.covariates.future, [[NAN], [NAN], [4], [5]])  # nor empty steps at the end
    assert (series.covariates.static, series.covariates.ahead) == (("a",), 1)


def test_rows_without_times():
    (series,) = read_series({k: v for k, v in ROWS.items() if k != "ds"}, covariates=NAMES)
    assert_array_equal(series.covariates.past, [[40], [10], [20]])
    assert_array_equal(series.covariates.future, [[4], [1], [NAN], [5]])


def test_several_series_and_targets_have_their_own():
    data = {
        "unique_id": ["a", "a", "b", "b"],
        "ds": ["2020-01-01", "2020-01-02"] * 2,
        "y": [1, 2, 3, 4],
        "z": [5, 6, 7, 8],
        "p": [0, 1, 1, 0],
        "size": [1.5, 1.5, 2, 2],
    }
    found = read_series(data, target=["y", "z"], covariates=CovariateNames(future=("p",), static=("size",)))
    assert {one.id: (one.covariates.future[:, 0].tolist(), one.covariates.static) for one in found} == {
        f"{id}/{name}": (p, (size,)) for id, p, size in (("a", [0, 1], 1.5), ("b", [1, 0], 2.0)) for name in "yz"
    }


def test_a_column_beside_the_values_is_no_target_and_no_time():
    data = {"when": ["2020-01-01", "2020-01-02"], "load": [1, 2], "temp": [3, 4], "due": ["2021-01-01"] * 2}
    found = read_series(data, covariates=CovariateNames(("temp",), static=("due",)))
    assert (found.ids, found.read_as.time) == (["load"], "when")


def test_two_files_are_joined_with_their_columns():
    first = read({"y": [4, 1, 2, NAN, NAN]})
    later = read_series(
        {"ds": ["2020-06", "2020-07"], "y": [6, 7], "x": [60, 70], "p": [6, NAN], "kind": ["a", "a"]},
        covariates=NAMES,
        frequency=first.frequency,
    )
    (whole,) = first.extend(later)
    assert_array_equal(whole.values, [1, 2, NAN, 4, NAN, 6, 7])
    assert_array_equal(whole.covariates.past[:, 0], [10, 20, NAN, 40, NAN, 60, 70])
    assert_array_equal(whole.covariates.future[:, 0], [1, NAN, NAN, 4, 5, 6, NAN])  # May was known beforehand
    with pytest.raises(DataError, match="was not read with the columns of"):
        first.extend(read_series({"ds": ["2020-06"], "y": [6]}, at_least=1, frequency=first.frequency))


@pytest.mark.parametrize("again", [[0, 1], [1, 0]])
def test_rows_of_what_follows(again):
    rows = {"ds": ["2020-04", "2020-06", "2020-07"], "p": [99, 6, 7]}
    mixed = {name: [values[0], *(values[1 + k] for k in again)] for name, values in rows.items()}
    (series,) = with_future(read(), mixed)
    assert_array_equal(series.covariates.future[:, 0], [NAN, NAN, 4, 5, 6, 7])  # April is known already
    assert_array_equal(series.covariates.past, read().series[0].covariates.past)


def test_rows_of_what_follows_without_times():
    data = read_series({"y": [1, 2], "p": [0, 1]}, target="y", covariates=CovariateNames(future=("p",)))
    (series,) = with_future(data, {"p": [5, 6, 7]})
    assert_array_equal(series.covariates.future[:, 0], [0, 1, 5, 6, 7])


@pytest.mark.parametrize(
    ("changes", "names", "message"),
    [
        ({}, CovariateNames(("q",)), "there is no column 'q'"),
        ({}, CovariateNames(("y",)), "column 'y' cannot be both past and target"),
        ({}, CovariateNames((), ("ds",)), "column 'ds' cannot be both future and time"),
        ({}, CovariateNames(("x",), ("x",)), "column 'x' cannot be both future and past"),
        ({}, CovariateNames(("x", "x")), "column 'x' cannot be twice as past"),
        ({"x": ["1", "2", "warm", "4", "5"]}, NAMES, "row 2 .*column 'x': 'warm' is not a number"),
        ({"p": [True] * 5}, NAMES, "column 'p' holds true/false values"),
        ({"kind": ["a", "a", "b", "a", "a"]}, NAMES, "column 'kind': 'a', but 'b' before it|'b', but 'a' before it"),
    ],
)
def test_columns_that_cannot_be_read(changes, names, message):
    with pytest.raises(DataError, match=message):
        read(changes, names, target="y", time="ds")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"ds": ["2020-05"]}, "there is no column 'p'"),
        ({"ds": ["2020-05", "2020-05"], "p": [1, 2]}, "'2020-05' is there twice .before: row 0.*, with other values"),
        ({"ds": ["2020-04"], "p": [1]}, "there is no row of series 'y' after 2020-04, where it ends"),
        ({"ds": ["2020-05-03"], "p": [1]}, "is not on the steps of the series, which are monthly"),
        ({"ds": ["2020-05"], "p": ["much"]}, "'much' is not a number"),
        ({"p": [1, 2]}, "there is no column 'ds'"),
    ],
)
def test_rows_of_what_follows_that_cannot_be_used(rows, message):
    with pytest.raises(DataError, match=message):
        with_future(read(), rows)


def test_rows_of_what_follows_at_one_time():
    same = {"ds": ["2020-06", "2020-05", "2020-06"], "p": [5, 4, 5]}
    once = with_future(read(), same)
    assert_array_equal(once.series[0].covariates.future[:, 0], [NAN, NAN, 4, 4, 5])
    assert any("left out 1 row identical to another row of its time" in line for line in once.read_as.notes)
    with pytest.raises(DataError, match="left out 1 row identical.*without `strict`"):
        with_future(read(), same, options=SeriesOptions(strict=True))
    other = {**same, "p": [5, 4, 8]}
    for how, expected in (("first", 5), ("last", 8), ("mean", 6.5), ("sum", 13)):
        found = with_future(read(), other, options=SeriesOptions(repeated=how))
        assert_array_equal(found.series[0].covariates.future[:, 0], [NAN, NAN, 4, 4, expected])


def test_rows_of_what_follows_are_dated_as_the_history():
    days = [f"{day}/01/2020" for day in range(11, 15)]
    data = read_series({"ds": days, "y": [1, 2, 3, 4], "p": [0, 0, 1, 0]}, covariates=CovariateNames(future=("p",)))
    plans = {"ds": ["01/02/2020", "02/02/2020"], "p": [8, 9]}  # alone, it could be 2 January and 2 February
    (series,) = with_future(data, plans).series
    assert_array_equal(series.covariates.future[-2:, 0], [8, 9])
    assert len(series.covariates.future) == 4 + 19


def test_rows_of_what_follows_need_columns_of_the_future():
    with pytest.raises(DataError, match="no column is named as `future`"):
        with_future(read(names=CovariateNames(("x",))), {"ds": ["2020-05"], "p": [1]})
