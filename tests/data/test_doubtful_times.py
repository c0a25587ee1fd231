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


FRENCH = ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."]
UNKNOWN = {
    "months in French": ("mois", [f"{FRENCH[m.item().month - 1]} {m.item().year}" for m in MONTHS]),
    "months in German": ("Berichtsmonat", [f"1. Mai {year}" for year in range(1960, 2020)]),
    "days in Chinese": ("日期", [f"{d.item().year}年{d.item().month}月{d.item().day}日" for d in DAYS]),
    "quarters of fiscal years": ("what", [f"FY{y % 100:02}Q{q}" for y in range(2005, 2020) for q in (1, 2, 3, 4)]),
    "French quarters": ("Libellé", [f"{y}-T{q}" for y in range(2005, 2020) for q in (1, 2, 3, 4)]),
    "seasons": ("season", [f"{y}/{(y + 1) % 100:02}" for y in range(1960, 2020)]),
    "estimates": ("Annual", [f"{y}{'E' if y > 2015 else 'A'}" for y in range(1960, 2020)]),
    "ordinals": ("when", [f"{d.item().day}st {d.item():%B %Y}" for d in DAYS]),
    "days of no year": ("When", written("%d-%b", DAYS)),
    "spans": ("MTU", [f"{t.item():%d.%m.%Y %H:%M} - {t.item():%H}:59" for t in HOURS]),
    "clocks with points": ("Zeitpunkt", written("%d.%m.%Y %H.%M", HOURS)),
    "logs": ("logged", written("[%d/%b/%Y:%H:%M:%S +0000]", HOURS)),
    "date of Unix": ("logged", written("%a %b %d %H:%M:%S UTC %Y", HOURS)),
    "codes that leave some out": ("week", [f"A{k + k // 7:03}" for k in range(ROWS)]),
}


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("case", UNKNOWN)
def test_times_of_no_known_form_are_refused(tmp_path, case, newest_first):
    name, stamps = UNKNOWN[case]
    stamps = stamps[::-1] if newest_first else stamps
    for how in ({}, {"target": "v"}):
        message = refused(tmp_path, f"{name};v", stamps, **how)
        assert f"column '{name}'" in message
        assert repr(stamps[0])[:20] in message
        assert "write ISO dates (2020-01-31" in message
        assert "`time_format`" in message
    assert len(read(tmp_path, f"{name};v", stamps, time="").series[0]) == len(stamps)


def test_a_remedy_that_is_named_helps(tmp_path):
    name, stamps = UNKNOWN["date of Unix"]
    options = SeriesOptions(time_format="%a %b %d %H:%M:%S UTC %Y")
    data = read(tmp_path, f"{name};v", stamps[::-1], time=name, options=options)
    assert (data.frequency.name, data.series[0].values[0]) == ("hourly", ROWS - 1)


def test_times_of_no_known_form_are_refused_in_each_of_several_series(tmp_path):
    _, stamps = UNKNOWN["French quarters"]
    ids = [name for name in "AB" for _ in stamps]
    message = refused(tmp_path, "unique_id;when;v", ids, [*stamps, *stamps])
    assert "column 'when': '2005-T1' and the rest are no times that can be read" in message


NO_TIMES = {
    "codes that count the rows": ["code", [f"A{k:03}" for k in range(ROWS)]],
    "days that count the rows": ["day", [f"Day {k + 1}" for k in range(ROWS)]],
    "weeks that begin anew": ["week", [f"W{(40 + k) % 52 + 1}" for k in range(ROWS)]],
    "versions": ["version", [f"v1.{k // 10}.{k % 10}" for k in range(ROWS)]],
    "plates": ["plate", [f"B-AB {100 + k * 37}" for k in range(ROWS)]],
    "pressures": ["pressure", [f"{100 + k}/{60 + k}" for k in range(ROWS)]],
    "intervals": ["ci", [f"{k - 0.5}-{k + 0.5}" for k in range(ROWS)]],
    "addresses in a net": ["host", [f"10.0.8.{200 - k}" for k in range(ROWS)]],
    "titles": ["title", [f"Song No. {1000 - k}" for k in range(ROWS)]],
    "kinds": ["kind", [f"type {k % 7}" for k in range(ROWS)]],
    "words": ["word", ["".join(chr(97 + int(c)) for c in str(k)) for k in range(ROWS)]],
    "prices": ["price", [f"{1 + k % 13},{k:02} €" for k in range(ROWS)]],
    "a count of steps": ["time", [str(k) for k in range(ROWS)]],
    "seconds of a measurement": ["time", [f"{k / 60:.4f}" for k in range(ROWS)]],
    "years and months as decimals": ["year", [f"{1990 + k / 12:.3f}" for k in range(ROWS)]],
    "days of Excel without a gap": ["Date", [str(44562 + k) for k in range(ROWS)]],
    "hours, day after day": ["hour", [str(k % 24) for k in range(ROWS)]],
    "hours from noon on": ["hour", [str((12 + k) % 24) for k in range(26)]],
    "weeks from autumn on": ["week", [str((40 + k) % 52 + 1) for k in range(54)]],
    "an index of prices": ["price index", [str(100 + k * 37 % 59) for k in range(ROWS)]],
    "times that things take": ["response_time", [str(100 + k * 37 % 59) for k in range(ROWS)]],
}


@pytest.mark.parametrize("case", NO_TIMES)
def test_columns_that_are_no_times_do_not_stop_the_rest(tmp_path, case):
    name, texts = NO_TIMES[case]
    (series,) = read(tmp_path, f"{name};v", texts, target="v")
    assert series.times is None
    assert series.values.tolist() == list(range(len(texts)))


def test_what_stands_beside_a_count_of_steps_is_no_time(tmp_path):
    ids, steps = [name for name in "AB" for _ in range(ROWS)], [str(k + 1) for k in range(ROWS)] * 2
    texts = [f"{2000 + k}-{2001 + k}" for k in range(2 * ROWS)]
    data = read(tmp_path, "unique_id;ds;ci;v", ids, steps, texts, target="v")
    assert [len(series) for series in data] == [ROWS, ROWS]


def test_years_behind_a_month_are_no_days(tmp_path):
    stamps = [f"Dec-{year % 100:02}" for year in range(1980, 2010)]
    data = read(tmp_path, "when;v", stamps[::-1])
    assert (data.frequency.name, data.series[0].values[0]) == ("yearly", 29)


GAP = [k for k in range(ROWS + 10) if not 30 <= k < 40]
SECONDS = 1640995200
NUMBERS = {
    "milliseconds that are no whole seconds": ("ts", [str(1000 * (SECONDS + 3600 * k) + 137) for k in GAP]),
    "seconds with fractions": ("time", [f"{SECONDS + 3600 * k}.25" for k in GAP]),
    "days of Excel": ("Date", [str(44562 + k) for k in GAP]),
    "weeks": ("week", [f"{2021 + k // 52}{k % 52 + 1:02}" for k in GAP]),
    "years and months as decimals": ("decimal date", [f"{1990 + k / 12:.3f}" for k in GAP]),
    "days of an experiment": ("day", [str(k) for k in GAP]),
    "days of the year": ("date", [str(2022001 + k) for k in GAP]),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_that_are_called_times_are_read_or_refused(tmp_path, case):
    name, texts = NUMBERS[case]
    shuffled = np.random.default_rng(0).permutation(texts).tolist()
    for stamps, advised in ((texts, True), (shuffled, False), (texts[::-1], False)):
        message = refused(tmp_path, f"{name};v", stamps, target="v")
        assert f"column '{name}'" in message
        assert ('`time` ""' in message) == advised
        assert re.search("round the times|write ISO dates|it counts backwards", message)
    ids = [kind for kind in "AB" for _ in texts]
    assert f"column '{name}'" in refused(tmp_path, f"id;{name};v", ids, [*texts, *shuffled], id="id", target="v")


@pytest.mark.parametrize(
    ("step", "name"),
    [(1, "hourly"), (6, "every 6 hours"), (12, "every 12 hours"), (24, "daily"), (240, "every 10 days")],
)
def test_days_with_hours_in_ten_digits(tmp_path, step, name):
    times = np.datetime64("2021-12-30T00", "h") + step * np.arange(ROWS)
    stamps = written("%Y%m%d%H", times)
    for column in ("date", "valid"):  # by its name, and by what stands in it
        (series,) = data = read(tmp_path, f"{column};v", stamps[::-1], target="v")
        assert (data.frequency.name, series.values[0]) == (name, ROWS - 1)
        assert data.labels(series) == stamps
    assert read(tmp_path, "date;v", [str(SECONDS + 3600 * step * k) for k in range(ROWS)]).frequency.name == name


def test_six_digits_that_may_be_months_or_days(tmp_path):
    for stamps in (written("%y%m%d", np.arange("2020-01-01", "2020-01-13", dtype="datetime64[D]")), TWELVE_MONTHS):
        message = refused(tmp_path, "date;v", stamps)
        assert message.endswith("'200101' may be 2001-01 or 2020-01-01; give `time_format` (%Y%m or %y%m%d)")
        for form, year in (("%Y%m", "2001"), ("%y%m%d", "2020")):
            data = read(tmp_path, "date;v", stamps, options=SeriesOptions(time_format=form))
            assert str(data.series[0].times[0])[:4] == year
    months = written("%Y%m", month_range("2001-01", "2003-01"))
    assert read(tmp_path, "date;v", months).frequency.name == "monthly"
    assert read(tmp_path, "date;v", months[:2]).frequency.name == "monthly"


TWELVE_MONTHS = [f"20{month:02}01" for month in range(1, 13)]


@pytest.mark.parametrize("mark", "-/")
def test_seasons_are_no_months(tmp_path, mark):
    seasons = [f"{year}{mark}{(year + 1) % 100:02}" for year in range(2000, 2012)]
    message = refused(tmp_path, "season;v", seasons)
    assert f"'2000{mark}01' names two years, as a season does; write the one" in message
    months = [month.replace("-", mark) for month in np.datetime_as_string(month_range("2000-01", "2003-01"))]
    assert read(tmp_path, "season;v", months).frequency.name == "monthly"


def test_a_column_beside_the_target_counts_times_or_backwards_also_if_the_target_is_named(tmp_path):
    years = [str(year) for year in range(1951, 2011)]
    data = read(tmp_path, "x;v", years[::-1], target="v")
    assert (data.frequency.name, data.series[0].values[0]) == ("yearly", ROWS - 1)
    message = refused(tmp_path, "x;v", [str(k) for k in range(ROWS)][::-1], target="v")
    assert "column 'x': it counts backwards" in message


ISO = [str(day) for day in DAYS]
COUNTS = [str(k * 5 % 24) for k in range(ROWS)]
BESIDE_A_DATE = {
    "hours worked": ("date;hours", [ISO, COUNTS]),
    "hours of sunshine": ("date;sunshine_hours", [ISO, COUNTS]),
    "a time that something takes": ("date;lead_time", [ISO, COUNTS]),
    "an hour of the peak": ("date;hour", [ISO, COUNTS]),
    "the time of sunrise": ("date;sunrise time", [ISO, [f"0{7 - k // 40}:{(80 - k) % 60:02}" for k in range(ROWS)]]),
    "its year and month": ("date;year;month", [ISO, *zip(*[day.split("-")[:2] for day in ISO], strict=True)]),
    "its year and week": (
        "date;year;week",
        [ISO, written("%G", DAYS), written("%V", DAYS)],
    ),
    "its year and quarter": ("Date;Year;Quarter", [ISO, ["2022"] * ROWS, ["Q1"] * ROWS]),
    "a month's name": ("date;month;year", [ISO, written("%B", DAYS), ["2022"] * ROWS]),
    "all its parts": ("date;year;month;day", [ISO, *zip(*[day.split("-") for day in ISO], strict=True)]),
}


@pytest.mark.parametrize("case", BESIDE_A_DATE)
def test_a_date_that_tells_the_rows_apart_stands_alone(tmp_path, case):
    header, columns = BESIDE_A_DATE[case]
    data = read(tmp_path, f"{header};v", *columns, target="v")
    assert (data.read_as.time, data.frequency.name) == (header.partition(";")[0], "daily")
    assert data.labels(data.series[0]) == ISO
    ids = [name for name in "AB" for _ in range(ROWS)]
    twice = read(tmp_path, f"id;{header};v", ids, *[[*column, *column] for column in columns], id="id", target="v")
    assert (twice.read_as.time, len(twice)) == (header.partition(";")[0], 2)


def test_a_timestamp_goes_before_the_year_and_month_beside_it(tmp_path):
    months = [["2022"] * ROWS, ["1"] * ROWS]
    data = read(tmp_path, "timestamp;year;month;v", written("%Y-%m-%d %H:%M", HOURS), *months, target="v")
    assert (data.read_as.time, data.frequency.name) == ("timestamp", "hourly")


PARTS = [[f"{t.item():{part}}" for t in HOURS] for part in ("%Y", "%m", "%d", "%H")]
JOINED = {
    "an hour": ("date;hour", [written("%Y-%m-%d", HOURS), PARTS[3]], "date hour"),
    "an hour of another name": ("date;HourUTC", [written("%Y-%m-%d", HOURS), PARTS[3]], "date HourUTC"),
    "a clock": ("Date;Time", [written("%Y-%m-%d", HOURS), written("%H:%M", HOURS)], "Date Time"),
    "a clock and counts": (
        "Date;playtime;Time",
        [written("%Y-%m-%d", HOURS), COUNTS, written("%H:%M", HOURS)],
        "Date Time",
    ),
    "all parts": ("year;month;day;hour", PARTS, "year month day hour"),
    "a date of release": ("year;month;day;hour;release date", [*PARTS, ["2023-01-01"] * ROWS], "year month day hour"),
    "a date, and all parts": ("date;year;month;day;hour", [written("%Y-%m-%d", HOURS), *PARTS], "year month day hour"),
}


@pytest.mark.parametrize("case", JOINED)
def test_columns_that_tell_the_rows_apart_together_are_joined(tmp_path, case):
    header, columns, name = JOINED[case]
    data = read(tmp_path, f"{header};v", *columns, target="v")
    assert (data.read_as.time, data.frequency.name, len(data.series[0])) == (name, "hourly", ROWS)
    # a later file of a row a day is joined as the first was, if that is asked for
    few = read(tmp_path, f"{header};v", *[column[::24] for column in columns], target="v", time=name)
    assert (few.read_as.time, few.frequency.name) == (name, "daily")


@pytest.mark.parametrize("case", ["an hour", "a clock", "all parts"])
def test_a_later_file_of_a_row_or_two_is_joined_as_well(tmp_path, case):
    header, columns, name = JOINED[case]
    for rows in (slice(5, 6), slice(23, 25)):
        data = read(tmp_path, f"{header};v", *[column[rows] for column in columns], at_least=1)
        assert (data.read_as.time, str(data.series[0].times[0])) == (name, f"{HOURS[rows.start]}:00:00")


def test_hours_that_are_none_of_the_time_do_not_join_year_month_and_day(tmp_path):
    parts = zip(*[day.split("-") for day in ISO], strict=True)
    data = read(tmp_path, "year;month;day;hour;v", *parts, COUNTS, target="v")
    assert (data.read_as.time, data.frequency.name) == ("year month day", "daily")


LAST = {
    "a flag": ("%b %Y", "Dec 2019p"),
    "a flag behind": ("%b %Y", "Dec 2019 (prov.)"),
    "a typo": ("%b %Y", "Dce 2019"),
    "another language": ("%b %Y", "Dez 2019"),
    "a month alone": ("%b %Y", "December"),
    "a word": ("%Y-%m-%d", "Tue 2019-12-01 open"),
}


@pytest.mark.parametrize("unit", ["", " kWh"])
@pytest.mark.parametrize("case", LAST)
def test_the_newest_row_is_no_footer_because_of_its_time(tmp_path, case, unit):
    form, last = LAST[case]
    values = [f"{100 + k * 37 % 11}{unit}" for k in range(ROWS)]
    message = refused(tmp_path, "Month;w;v", [*written(form, MONTHS)[:-1], last], values, target="w")
    assert message.startswith(f"some.csv, line 61, column 'Month': '{last}' is ")


@pytest.mark.parametrize(
    "last", ["Total", "Total 2019", "Source: Census of 2019", "Average", "Margin", "Mayors", "today"]
)
def test_words_below_the_times_are_a_footer(tmp_path, last):
    for value in ("104", ""):
        data = read(tmp_path, "Month;w;v", [*written("%b %Y", MONTHS)[:-1], last], [*["1"] * 59, value], target="w")
        assert f"left out 1 line below the data (line 61: {last!r})" in data.read_as.notes
