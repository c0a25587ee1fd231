"""Times at the ends of the calendar, and objects that are none: checked when they are read."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas
import polars
import pyarrow
import pytest
from numpy.testing import assert_array_equal

from elman.data import read_series, read_table
from elman.data.times import format_times, parse_time
from elman.errors import DataError


def days(*texts):
    return np.array(texts, dtype="datetime64[D]")


class Unspeakable:
    def __str__(self):
        raise RuntimeError("two\nlines")


FAR = np.array([4_000_000, 4_000_001])  # days, in the year 12921
OUTSIDE = {
    "year 10000": days("9999-12-31", "10000-01-01"),
    "year 0": days("0000-12-31", "0001-01-01"),
    "year beyond what seconds can count": np.array([2**40, 2**40 + 1]).astype("datetime64[Y]"),
    "day beyond what seconds can count": np.array([2**60, 2**60 + 1]).astype("datetime64[D]"),
    "seconds": np.array(["10000-01-01", "10000-01-02"], dtype="datetime64[s]"),
    "objects": np.array([np.datetime64("12000-01-01"), np.datetime64("12000-01-02")], dtype=object),
    "offset before year 1": [dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=i))) for i in (1, 2)],
    "offset after 9999": [dt.datetime.max.replace(tzinfo=dt.timezone(-dt.timedelta(hours=i))) for i in (1, 2)],
    "attoseconds": np.array([0, 10**18], dtype="datetime64[as]"),
    "pandas": pandas.Series(np.array(["10000-01-01", "10000-01-02"], dtype="datetime64[s]")),
    "pandas, a zone": pandas.Series(np.array(["10000-01-01"] * 2, dtype="datetime64[s]")).dt.tz_localize("UTC"),
    "pandas periods": pandas.Series(pandas.PeriodIndex.from_ordinals([200_000, 200_001], freq="M")),
    "polars": polars.Series(FAR.tolist(), dtype=polars.Int32).cast(polars.Date),
    "pyarrow": pyarrow.array(FAR, pyarrow.int32()).cast(pyarrow.date32()),
    "pyarrow, encoded": pyarrow.array(FAR, pyarrow.int32()).cast(pyarrow.date32()).dictionary_encode(),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_times_outside_of_the_calendar_are_refused(case):
    column = OUTSIDE[case]
    if isinstance(column, pandas.Series):
        source = pandas.DataFrame({"ds": column, "y": [1, 2]})
    elif isinstance(column, polars.Series):
        source = polars.DataFrame({"ds": column, "y": [1, 2]})
    elif isinstance(column, pyarrow.Array):
        source = pyarrow.table({"ds": column, "y": [1, 2]})
    else:
        source = {"ds": column, "y": [1, 2]}
    with pytest.raises(DataError) as caught:
        read_series(source, time="ds")
    message = str(caught.value)
    assert message.startswith("data, ")
    assert "column 'ds'" in message
    assert message.isprintable()
    assert "; " in message


def test_the_last_and_the_first_times_are_read_and_written():
    for source in (["9999-12-30", "9999-12-31"], days("9999-12-30", "9999-12-31")):
        data = read_series({"ds": source, "y": [1, 2]})
        assert data.labels(data.series[0]) == ["9999-12-30", "9999-12-31"]
        assert data.following(data.series[0], 0) == []
        with pytest.raises(DataError, match=r"^data: 1 daily steps after 9999-12-31 go past the year 9999; .*fewer"):
            data.following(data.series[0], 1)
    early = read_series({"ds": ["0001-01-01", "0001-01-02"], "y": [1, 2]})
    assert early.labels(early.series[0]) == ["0001-01-01", "0001-01-02"]
    assert early.following(early.series[0], 1) == ["0001-01-03"]


@pytest.mark.parametrize("text", ["0001", "0999-12", "0999-12-31", "31.12.0999", "0999Q4", "09991231"])
def test_years_are_written_with_four_digits(text):
    moment, style = parse_time(text)
    assert format_times(np.array([moment], dtype="datetime64[s]"), style) == [text]


NO_TIMES = ["0000-01-01", "10000-01-01", "٢٠٢٠-01-01", "2020-01-01T24:00", "2020-01-01 00:00+24:00"]


@pytest.mark.parametrize("text", [*NO_TIMES, "2020-01-01 00:00-01:60"])
def test_texts_that_are_no_times(text):
    assert parse_time(text) is None


@pytest.mark.parametrize("fraction", ["5", "000001", "0000000001"])
def test_no_fraction_of_a_second_is_lost(fraction):
    with pytest.raises(DataError, match="row 0 .*has a fraction of a second"):
        read_series({"ds": [f"2020-01-01 00:00:00.{fraction}", "2020-01-01 00:00:01"], "y": [1, 2]})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"y": [10**5000, 1]}, r"^data, column 'y': a value cannot be read \(Exceeds the limit.*; convert"),
        (
            {"y": [Unspeakable(), 1]},
            r"^data, column 'y': a value cannot be read \(two\); convert the column to numbers",
        ),
        ({10**5000: [1, 2]}, "^data: a column's name cannot be written as text; rename it"),
        ({"y": [Decimal("1e999"), 1]}, r"^data, row 0 \(counted from 0\), column 'y': the value is infinite"),
        ({"y": np.array([1e300, 1], np.longdouble) ** 10}, "column 'y': the value is infinite"),
        ({"y": np.ma.array([True, False], mask=[True, False])}, "'False' is not a number"),
        ({"y\ud800": [1, 2]}, r"^data: the name 'y\\ud800' holds half a character; rename the series"),
        ({"unique_id": ["a", "\udfff"], "y": [1, 2]}, r"^data: the name '\\udfff' holds half a character"),
    ],
)
def test_objects_that_cannot_be_read(source, message):
    with pytest.raises(DataError, match=message) as caught:
        read_series(source, at_least=1)
    assert str(caught.value).isprintable()


def test_masked_values_are_missing_whatever_their_type():
    years = np.ma.array(np.array(["2020", "2021"], dtype="datetime64[Y]"), mask=[False, True])
    assert_array_equal(read_table({"ds": years}).columns["ds"], np.array(["2020", "NaT"], dtype="datetime64[Y]"))
    assert read_table({"s": np.ma.array(["1", "2"], mask=[False, True])}).columns["s"] == ["1", ""]
