"""Series from real files and made ones: which columns, in which order, on which steps, under which labels."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta

import numpy as np
import pandas
import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from elman.data import Frequency, read_series
from elman.data.times import format_times, parse_time
from elman.errors import DataError

NAN = float("nan")
DAYS = ["2020-01-01", "2020-01-02", "2020-01-03"]


def only(data):
    """A set's one series."""
    assert len(data) == 1
    return data.series[0]


# file, how it is read, the series' name, steps, season, labels of the first, the last and the next step
REAL = [
    ("air_passengers", {"time": "Month", "target": "#Passengers"}, "#Passengers", 144, 12, "1949-01 1960-12 1961-01"),
    ("air_passengers", {}, "#Passengers", 144, 12, "1949-01 1960-12 1961-01"),
    ("monthly_milk_incomplete", {}, "Pounds per cow", 168, 12, "1962-01 1975-12 1976-01"),
    ("monthly_sunspots", {}, "Sunspots", 2820, 12, "1749-01 1983-12 1984-01"),
    ("taylor_half_hourly_load", {}, "Y", 4032, None, "0 4031 4032"),
    ("apple_stock", {"target": ["AAPL.Close"]}, "AAPL.Close", 506, 5, "2015-02-17 2017-02-16 2017-02-17"),
    ("ETTh1", {"target": "OT"}, "OT", 17420, 24, "2016-07-01T00:00:00 2018-06-26T19:00:00 2018-06-26T20:00:00"),
]


@pytest.mark.parametrize(("file", "choice", "id", "n", "season", "ends"), REAL)
def test_real_files(shared_series, file, choice, id, n, season, ends):
    data = read_series(shared_series / f"{file}.csv", **choice)
    series = only(data)
    labels = data.labels(series)
    assert (data.ids, len(series), len(labels)) == ([id], n, n)
    found = [labels[0], labels[-1], data.following(series, 3)[0]]
    assert [label.replace(" ", "T") for label in found] == ends.split()
    assert (data.frequency and data.frequency.season) == season
    assert data.source == str(shared_series / f"{file}.csv")
    with (shared_series / f"{file}.csv").open(newline="", encoding="utf-8") as rows:
        written = [float(row[id]) for row in csv.DictReader(rows)]
    assert_array_equal(series.values[~np.isnan(series.values)], written)


def test_the_gaps_of_the_milk_file_are_where_its_rows_are_missing(shared_series):
    data = read_series(shared_series / "monthly_milk_incomplete.csv")
    labels = np.array(data.labels(only(data)))
    assert labels[np.isnan(only(data).values)].tolist() == [
        "1963-09", "1964-11", "1965-04", "1965-05", "1967-12", "1968-01", "1968-02",
        "1968-03", "1969-10", "1974-07", "1974-10", "1975-09", "1975-10",
    ]  # fmt: skip


@given(
    st.lists(st.none() | st.floats(-1e9, 1e9), max_size=30),
    st.sampled_from([1, 60, 1800, 3600, 86400, 604800]),
    st.datetimes(datetime(1800, 1, 1), datetime(2100, 1, 1)).map(lambda t: t.replace(microsecond=0)),
    st.randoms(use_true_random=False),
)
def test_rows_in_any_order_give_the_series_that_was_written(tmp_path_factory, middle, step, start, random):
    values = [1.0, 2.0, *middle, 3.0]
    times = [start + timedelta(seconds=step * i) for i in range(len(values))]
    rows = [(str(time), "" if value is None else repr(value)) for time, value in zip(times, values, strict=True)]
    random.shuffle(rows)
    path = tmp_path_factory.getbasetemp() / "shuffled.csv"
    path.write_text("ds,y\n" + "".join(f"{ds},{y}\n" for ds, y in rows), encoding="utf-8")
    data = read_series(path)
    assert data.labels(only(data)) == [str(time) for time in times]
    assert_array_equal(only(data).values, np.array(values, dtype=float))
    assert (
        data.following(only(data), 1) == [str(times[-1] + timedelta(seconds=step))] or data.frequency.unit != "second"
    )


def test_many_series_in_the_order_of_their_first_rows():
    source = {"unique_id": ["b", "a", "b", "a", "b"], "ds": [DAYS[i] for i in (2, 0, 1, 1, 2)], "y": [1, 2, 3, 4, 5]}
    with pytest.raises(
        DataError, match=r"row 4 \(counted from 0\), column 'ds': '2020-01-03' of series 'b' is there twice"
    ):
        read_series(source)
    source["ds"][4] = DAYS[0]
    data = read_series(source)
    assert data.ids == ["b", "a"]
    assert_array_equal(data.series[0].values, [5, 3, 1])
    assert_array_equal(data.series[1].values, [2, 4])
    assert [data.labels(series) for series in data] == [DAYS, DAYS[:2]]


def test_several_targets_are_series_each():
    wide = {"Date": DAYS, "a": [1, 2, 3], "b, c": [4, 5, 6]}
    assert read_series(wide, target=["a", "b, c"]).ids == ["a", "b, c"]
    long = {"shop": [7, 7, 8, 8], "ds": DAYS[:2] * 2, "in": [1, 2, 3, 4], "out": [5, 6, 7, 8]}
    data = read_series(long, target=["in", "out"], id="shop")
    assert data.ids == ["7/in", "8/in", "7/out", "8/out"]
    assert_array_equal(data.series[3].values, [7, 8])
    assert read_series(long, target="in", id="shop").ids == ["7", "8"]


def test_which_column_is_what_when_nobody_says():
    assert read_series({"ds": DAYS, "y": [1, 2, 3], "z": [4, 5, 6]}).ids == ["y"]
    assert read_series({"DATE": DAYS, "sales": [1, 2, 3], "note": ["a", "b", "c"]}).ids == ["sales"]
    assert only(read_series({"Month": ["Jan", "Feb", "Mar"], "y": [1, 2, 3]})).times is None
    assert only(read_series({"time": [1, 2, 3], "load": [4, 5, 6]})).values.tolist() == [4, 5, 6]
    assert read_series({"when": DAYS, "y": [1, 2, 3]}).frequency.name == "daily"
    assert only(read_series({"ds": DAYS, "y": [1, 2, 3]}, time="")).times is None
    assert read_series({"date": ["20200131", "20200229"], "y": [1, 2]}).frequency.name == "monthly"
    typed = {"when": np.array(DAYS, dtype="datetime64[D]"), "y": [1, 2, 3]}
    assert read_series(typed).frequency.name == "daily"
    assert read_series({"year": [1950, 1951, 1953], "y": [1, 2, 3]}, time="year").frequency.name == "yearly"
    assert read_series({"unique_id": ["x", "x", "NA", "NA"], "y": [1, 2, 3, 4]}).ids == ["x", "NA"]
    assert read_series({"unique_id": [1, 2], "y": [1, 2]}, id="").ids == ["y"]
    assert read_series(np.arange(3.0)).ids == ["y"]
    assert read_series(np.ones((3, 2)), target=["y1", "y0"]).ids == ["y1", "y0"]
    assert read_series(pandas.Series([1, 2], index=pandas.DatetimeIndex(DAYS[:2]))).ids == ["y"]


def test_columns_of_a_file_without_names(tmp_path):
    path = tmp_path / "bare.csv"
    path.write_text("2020-01-01,5\n2020-01-02,6\n", encoding="utf-8")
    data = read_series(path)
    assert data.ids == ["y"]
    assert data.labels(only(data)) == DAYS[:2]
    path.write_text("2020-01-01,5,7\n2020-01-02,6,8\n", encoding="utf-8")
    assert read_series(path, target="y1", time="time").series[0].values.tolist() == [7, 8]


def test_a_name_that_is_given_may_not_be_taken_already():
    clash = pandas.Series([1, 2], index=pandas.DatetimeIndex(DAYS[:2], name="y"))
    with pytest.raises(DataError, match="data: two columns are named 'y'; rename one"):
        read_series(clash)


STYLES = [
    ("2019", "2020", "2021"),
    ("2019-11", "2019-12", "2020-01"),
    ("2019/11", "2019/12", "2020/01"),
    ("2019Q3", "2019Q4", "2020Q1"),
    ("2019-Q3", "2019-Q4", "2020-Q1"),
    ("2019-12-30", "2019-12-31", "2020-01-01"),
    ("2019/12/30", "2019/12/31", "2020/01/01"),
    ("20191230", "20191231", "20200101"),
    ("30.12.2019", "31.12.2019", "01.01.2020"),
    ("31.12.2019 22:00", "31.12.2019 23:00", "01.01.2020 00:00"),
    ("2019-12-31 23:30", "2019-12-31 23:45", "2020-01-01 00:00"),
    ("2019-12-31 22:00:00", "2019-12-31 23:00:00", "2020-01-01 00:00:00"),
    ("2019-12-31T22:00", "2019-12-31T23:00", "2020-01-01T00:00"),
    ("2019-12-31T23:59:58Z", "2019-12-31T23:59:59Z", "2020-01-01T00:00:00Z"),
    ("2019-12-31 22:00:00+00:00", "2019-12-31 23:00:00+00:00", "2020-01-01 00:00:00+00:00"),
]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style[-1])
def test_labels_are_written_as_the_times_came(style):
    data = read_series({"ds": style[:2], "y": [1, 2]})
    assert data.labels(only(data)) == list(style[:2])
    assert data.following(only(data), 1) == [style[2]]


@given(st.datetimes(datetime(1000, 1, 1)), st.sampled_from([style[0] for style in STYLES]))
def test_a_time_written_in_a_style_is_read_back_and_written_alike(moment, example):
    _, style = parse_time(example)
    text = format_times(np.array([moment], dtype="datetime64[s]"), style)[0]
    again, same = parse_time(text)
    assert same == style
    assert format_times(np.array([again], dtype="datetime64[s]"), style) == [text]


def test_offsets_become_utc_and_whole_days_may_stand_among_times():
    data = read_series({"ds": ["2020-01-01T01:00:00.000+01:00", "2020-01-01T02:00:00+0100"], "y": [1, 2]})
    assert data.labels(only(data)) == ["2020-01-01T01:00:00+01:00", "2020-01-01T02:00:00+01:00"]
    assert only(data).times[0] == np.datetime64("2020-01-01T00:00")
    mixed = read_series({"ds": ["2020-01-01 12:00", "2020-01-02"], "y": [1, 2]})
    assert mixed.following(only(mixed), 1) == ["2020-01-02 12:00"]


def across_a_change_of_clocks(local, spring=True):
    """Texts of local times in New York, with their offsets."""
    change = datetime(2022, 3, 13, 2) if spring else datetime(2022, 11, 6, 2)
    before, after = ("-05:00", "-04:00") if spring else ("-04:00", "-05:00")
    return [f"{time:%Y-%m-%d %H:%M:%S}{before if time < change else after}" for time in local]


@pytest.mark.parametrize("spring", [True, False])
def test_hours_of_a_place_are_kept_across_a_change_of_its_clocks(spring):
    days = pandas.bdate_range("2022-02-28" if spring else "2022-10-24", periods=20)
    trading = [day + pandas.Timedelta(minutes=570 + 30 * k) for day in days for k in range(13)]
    data = read_series({"ds": across_a_change_of_clocks(trading, spring), "y": range(len(trading))})
    assert data.frequency.name == "13 a day from 09:30 to 15:30, Monday to Friday"
    assert data.following(only(data), 1)[0].endswith(" 09:30:00")
    quarters = list(pandas.date_range("2022-03-10" if spring else "2022-11-03", periods=40, freq="6h"))
    data = read_series({"ds": across_a_change_of_clocks(quarters, spring), "y": range(40)})
    assert data.frequency.name == "every 6 hours" and len(only(data)) == 40


@pytest.mark.parametrize("count", [25, 200])
@pytest.mark.parametrize("begin", ["2022-03-12 20:00", "2022-11-05 20:00"])
def test_all_hours_across_a_change_of_clocks_are_hours_of_utc(begin, count):
    hours = pandas.date_range(begin, periods=count, freq="h", tz="America/New_York")
    data = read_series({"ds": [time.isoformat(" ") for time in hours], "y": range(count)})
    assert data.frequency.name == "hourly" and len(only(data)) == count


def test_frames_with_times_of_a_type():
    times = pandas.date_range("2020-01-31", periods=3, freq="ME")
    for source in (
        pandas.DataFrame({"ds": times, "y": [1, 2, 3]}),
        pandas.Series([1, 2, 3], index=times),
        polars.DataFrame({"ds": times.to_numpy(), "y": [1, 2, 3]}),
        polars.DataFrame({"ds": times.date.tolist(), "y": [1, 2, 3]}),
        {"ds": times.to_numpy(), "y": [1, 2, 3]},
        {"ds": times.date, "y": [1, 2, 3]},
    ):
        data = read_series(source)
        assert data.frequency == Frequency("monthly", 1, 12, "month", 31)
        assert data.labels(only(data)) == ["2020-01-31", "2020-02-29", "2020-03-31"]
    periods = pandas.Series([1, 2], index=pandas.period_range("2020Q1", periods=2, freq="Q"))
    quarters = read_series(periods)
    assert quarters.following(only(quarters), 1) == ["2020Q3"]
    hours = read_series(
        pandas.Series([1, 2], index=pandas.date_range("2020-01-01", periods=2, freq="h", tz="Asia/Tokyo"))
    )
    assert hours.labels(only(hours))[0] == "2019-12-31T15:00:00+00:00"


def test_missing_values_are_taken_off_the_ends_but_their_steps_still_count():
    data = read_series([NAN, NAN, 5, NAN, 6, NAN])
    series = only(data)
    assert_array_equal(series.values, [5, NAN, 6])
    assert series.trimmed == (2, 1)
    assert data.labels(series) == ["2", "3", "4"]
    assert data.following(series, 2) == ["5", "6"]
    timed = read_series({"ds": [*DAYS, "2020-01-05"], "y": [NAN, 1, 2, NAN]})
    assert timed.labels(only(timed)) == DAYS[1:]
    assert only(timed).trimmed == (1, 2)


@given(st.integers(2, 11), st.sets(st.integers(0, 12), max_size=9), st.booleans())
def test_a_set_extended_by_the_rest_is_the_whole(cut, missing, timed):
    hours = [f"2020-01-01 {i:02}:00" for i in range(13)]
    values = [NAN if i in missing and i not in (0, 1, 12) else float(i) for i in range(13)]

    def rows(begin, end, **how):
        source = {"ds": hours[begin:end], "y": values[begin:end]}
        return read_series(source if timed else source["y"], **how)

    whole = rows(0, 13)
    first = rows(0, cut)
    both = first.extend(rows(cut, 13, at_least=1, frequency=first.frequency))
    assert_array_equal(only(both).values, only(whole).values)
    assert both.labels(only(both)) == whole.labels(only(whole))
    assert both.following(only(both), 2) == whole.following(only(whole), 2)


def test_extending_weekdays_keeps_them_weekdays_and_gaps_between_become_missing():
    weeks = pandas.bdate_range("2020-01-06", periods=12)
    first = read_series(pandas.DataFrame({"ds": weeks[:10], "y": range(10)}))
    both = first.extend(read_series(pandas.DataFrame({"ds": weeks[10:], "y": [10, 11]})))
    assert both.frequency.name == "business-daily"
    assert_array_equal(only(both).values, np.arange(12))
    one = read_series({"ds": ["2020-01"], "y": [1]}, at_least=1)
    assert one.frequency is None
    with pytest.raises(DataError, match="one time does not tell the length of a step"):
        one.following(only(one), 1)
    two = one.extend(read_series({"ds": ["2020-02"], "y": [2]}, at_least=1))
    assert two.following(only(two), 1) == ["2020-03"]
    apart = two.extend(read_series({"ds": ["2020-05"], "y": [5]}, at_least=1))
    assert_array_equal(only(apart).values, [1, 2, NAN, NAN, 5])


@pytest.mark.parametrize(
    ("later", "message"),
    [
        (
            {"ds": ["2020-01-05", "2020-01-06"], "z": [1, 2]},
            "^later: there is no series 'y'; .* must hold the same series",
        ),
        (
            {"ds": ["2020-01-03", "2020-01-04"], "y": [1, 2]},
            "^later: series 'y' begins at 2020-01-03, but data goes on until",
        ),
        ([1, 2], "^later: there are no times as in the other file; name their column in both"),
        (
            {"ds": ["2020-01-04 12:00", "2020-01-05 12:00"], "y": [1, 2]},
            "^later: 2020-01-04 12:00 is not on the daily steps",
        ),
        (
            {"ds": ["2050-01-04", "2050-01-05"], "y": [1, 2]},
            "^later: series 'y' has 5 rows on .* steps .* correct the times",
        ),
    ],
)
def test_what_does_not_follow_on_is_refused(later, message):
    first = read_series({"ds": DAYS, "y": [1, 2, 3]})
    with pytest.raises(DataError, match=message):
        first.extend(read_series(later, what="later"))
