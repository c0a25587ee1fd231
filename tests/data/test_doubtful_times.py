"""Times that could be taken for something else: read for what they are, or refused in one line with the remedy."""

from __future__ import annotations

import re

import numpy as np
import pytest

from elman.data import read_series
from elman.data.options import SeriesOptions
from elman.data.time_centuries import first_year
from elman.errors import DataError

ROWS = 60
DAYS = np.arange("2022-01-01", "2022-03-02", dtype="datetime64[D]")
MONTHS = np.arange("2015-01", "2020-01", dtype="datetime64[M]")
HOURS = np.arange("2022-01-01T00", "2022-01-03T12", dtype="datetime64[h]")


def written(form, times):
    return [time.item().strftime(form) for time in times]


def read(tmp_path, header, *columns, **how):
    """Columns of texts, with a last one of values that count the rows."""
    path = tmp_path / "some.csv"
    cells = zip(*columns, map(str, range(len(columns[0]))), strict=True)
    path.write_text("\n".join([header, *(";".join(row) for row in cells)]) + "\n", encoding="utf-8")
    return read_series(path, **how)


def refused(tmp_path, header, *columns, **how):
    with pytest.raises(DataError) as caught:
        read(tmp_path, header, *columns, **how)
    message = str(caught.value).replace(str(tmp_path / "some.csv"), "some.csv")
    assert message.isprintable()
    return message


NO_YEAR = {
    "days": written("%b-%d", DAYS),
    "weeks": written("%b-%d", np.arange("2022-01-03", "2022-12-01", 7, dtype="datetime64[D]")),
    "the newest first": written("%b-%d", DAYS)[::-1],
}


@pytest.mark.parametrize("case", NO_YEAR)
def test_days_of_no_year_are_refused(tmp_path, case):
    stamps = NO_YEAR[case]
    message = refused(tmp_path, "Date;v", stamps)
    assert message.startswith(f"some.csv, line 2, column 'Date': '{stamps[0]}' names no year; add it, or")


def test_months_with_clocks_are_refused(tmp_path):
    message = refused(tmp_path, "Date;v", [f"2020-01 {hour:02}:00" for hour in range(10)])
    assert re.search("line 2, column 'Date': '2020-01 00:00' names no day; add it", message)


def month_range(begin, end):
    return np.arange(begin, end, dtype="datetime64[M]")


def of_ends(data):
    return str(data.series[0].times[0])[:7], str(data.series[0].times[-1])[:7], len(data.series[0])


CENTURIES = {
    "through 1969": ("%b-%y", month_range("1960", "2021")),
    "the last two years of the old hundred": ("%b-%y", month_range("1967", "1971")),
    "the second half": ("15-%b-%y", month_range("1950", "2000")),
    "as POSIX has it": ("%b-%y", month_range("1970", "2030")),
    "from 1969 to 2068": ("%b-%y", month_range("1969", "2069")),
}


@pytest.mark.parametrize("order", ["oldest", "newest", "shuffled"])
@pytest.mark.parametrize("case", CENTURIES)
def test_years_of_two_digits_are_of_one_piece(tmp_path, case, order):
    form, times = CENTURIES[case]
    stamps = written(form, times)
    if order == "newest":
        stamps = stamps[::-1]
    if order == "shuffled":
        stamps = np.random.default_rng(0).permutation(stamps).tolist()
    for options in (SeriesOptions(), SeriesOptions(time_format=form)):
        data = read(tmp_path, "Month;v", stamps, options=options)
        assert of_ends(data) == (str(times[0]), str(times[-1]), len(times))
    (series,) = data = read(tmp_path, "Month;v", stamps)
    assert sorted(data.labels(series)) == sorted(stamps)


def test_the_29th_of_february_tells_1900_from_2000():
    years = list(range(71))
    for first in (1900, 2000):
        found = first_year(years, lambda begin, only=first: [begin + year for year in years] if begin == only else None)
        assert found == first


def test_years_of_two_digits_that_may_be_of_two_centuries_are_refused(tmp_path):
    for options in (SeriesOptions(), SeriesOptions(time_format="%b-%y")):
        message = refused(tmp_path, "Month;v", ["Jun-30", "Jun-70"], options=options)
        assert "'Jun-30' and the rest may be of two centuries; write years with four digits" in message


@pytest.mark.parametrize("year", [2001, 2008, 2012])
def test_the_last_quarter_of_a_year_in_eight_digits(tmp_path, year):
    days = np.arange(f"{year}-10-01", f"{year}-12-31", dtype="datetime64[D]")
    data = read(tmp_path, "date;v", written("%Y%m%d", days))
    assert data.series[0].times[0] == days[0]
    assert of_ends(read(tmp_path, "date;v", written("%d%m%Y", days))) == (f"{year}-10", f"{year}-12", len(days))


def test_day_first_is_advised_where_it_settles_something(tmp_path):
    message = refused(tmp_path, "date;v", written("%y-%m-%d", DAYS[:31]))
    assert message.endswith("may be 2001-01-22 or 2022-01-01; give `time_format` (%d-%m-%y or %y-%m-%d)")
    data = read(tmp_path, "date;v", written("%y-%m-%d", DAYS), options=SeriesOptions(time_format="%y-%m-%d"))
    assert data.frequency.name == "daily"
    message = refused(tmp_path, "date;v", written("%d-%m-%Y", DAYS[:9]))
    assert "say which with `day_first`, or give `time_format` (%d-%m-%Y or %m-%d-%Y)" in message
