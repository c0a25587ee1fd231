"""Files as people have them: each is read for what it says, and what was done with it is told."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from elman.data.options import SeriesOptions
from elman.data.series_report import described
from elman.errors import DataError
from tests.data.tables import DAYS, VALUES, iso, lines, read, rows, written

MONTHS = np.arange("2015-01", "2021-01", dtype="datetime64[M]")
QUARTERS = [f"{year}Q{q}" for year in range(2005, 2021) for q in (1, 2, 3, 4)]
WEEKS = np.arange("2015-01-05", "2016-02-01", 7, dtype="datetime64[D]")
HOURS = np.arange("2022-01-01T00", "2022-01-06T00", dtype="datetime64[h]")
SECONDS = HOURS.astype("datetime64[s]").astype(int)
# header, stamps from the oldest, the name of the frequency, the label after the last
STAMPS = {
    "observation_date": ("observation_date,UNRATE", [f"{m}-01" for m in iso(MONTHS)], "monthly", "2021-01-01"),
    "Period": ("Period,visits", iso(), "daily", "2022-05-01"),
    "Week": ("Week,visits", iso(WEEKS), "weekly", "2016-02-01"),
    "a name that says nothing": ("a,b", iso(), "daily", "2022-05-01"),
    "Year": ("Year,gdp", [str(y) for y in range(1951, 2024)], "yearly", "2024"),
    "years of no name": ("x,gdp", [str(y) for y in range(1951, 2024)], "yearly", "2024"),
    "seconds": ("timestamp,value", SECONDS.tolist(), "hourly", "1641427200"),
    "milliseconds": ("t,value", (1000 * SECONDS).tolist(), "hourly", "1641427200000"),
    "seconds with a point": ("time,value", [f"{s}.0" for s in SECONDS], "hourly", "1641427200"),
    "Jan 2015": ("month,sales", written("%b %Y", MONTHS), "monthly", "Jan 2021"),
    "January 2015": ("month,sales", written("%B %Y", MONTHS), "monthly", "January 2021"),
    "JAN-15": ("month,sales", [m.upper() for m in written("%b-%y", MONTHS)], "monthly", "JAN-21"),
    "2015-Jan": ("month,sales", written("%Y-%b", MONTHS), "monthly", "2021-Jan"),
    "2015M01": ("TIME_PERIOD,OBS_VALUE", written("%YM%m", MONTHS), "monthly", "2021M01"),
    "01/2015": ("month,sales", written("%m/%Y", MONTHS), "monthly", "01/2021"),
    "201501": ("month,sales", written("%Y%m", MONTHS), "monthly", "202101"),
    "2005Q1": ("quarter,sales", QUARTERS, "quarterly", "2021Q1"),
    "2005q1": ("quarter,sales", [q.lower() for q in QUARTERS], "quarterly", "2021q1"),
    "Q1 2005": ("quarter,sales", [f"{q[4:]} {q[:4]}" for q in QUARTERS], "quarterly", "Q1 2021"),
    "2015-W02": ("week,sales", written("%G-W%V", WEEKS), "weekly", "2016-W05"),
    "am and pm": ("time,load", written("%Y-%m-%d %I:%M %p", HOURS), "hourly", "2022-01-06 12:00 AM"),
    "hours of one digit": (
        "time,load",
        [t.replace(" 0", " ").lower() for t in written("%Y-%m-%d %I:%M%p", HOURS)],
        "hourly",
        "2022-01-06 12:00am",
    ),
    "3 Jan 2015": ("day,y", [d.lstrip("0") for d in written("%d %b %Y")], "daily", "1 May 2022"),
    "Jan 3, 2015": ("day,y", [f'"{d.replace(" 0", " ")}"' for d in written("%b %d, %Y")], "daily", "May 1, 2022"),
    "03-Jan-15": ("day,y", written("%d-%b-%y"), "daily", "01-May-22"),
    "2015/1/3": ("day,y", [d.replace("/0", "/") for d in written("%Y/%m/%d")], "daily", "2022/5/1"),
    "2015.01.03": ("day,y", written("%Y.%m.%d"), "daily", "2022.05.01"),
    "20150103": ("day,y", written("%Y%m%d"), "daily", "20220501"),
    "31.01.2015": ("day,y", written("%d.%m.%Y"), "daily", "01.05.2022"),
    "31/01/2015": ("day,y", written("%d/%m/%Y"), "daily", "01/05/2022"),
    "1/31/15": ("day,y", [d.lstrip("0").replace("/0", "/") for d in written("%m/%d/%y")], "daily", "5/1/22"),
    "Mon, 03 Jan 2022": ("day,y", [f'"{d}"' for d in written("%a, %d %b %Y")], "daily", "Sun, 01 May 2022"),
    "03/Jan/2022:13:00:00": ("t,y", written("%d/%b/%Y:%H:%M:%S", HOURS), "hourly", "06/Jan/2022:00:00:00"),
    "zeros of a second": ("t,y", written("%Y-%m-%d %H:%M:%S.000", HOURS), "hourly", "2022-01-06 00:00:00"),
    "an offset": ("t,y", written("%Y-%m-%dT%H:%M:%S+01:00", HOURS), "hourly", "2022-01-06T00:00:00+01:00"),
}


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("case", STAMPS)
def test_times_are_found_by_what_they_are(tmp_path, case, newest_first):
    header, stamps, frequency, following = STAMPS[case]
    values = np.arange(len(stamps)) + 0.25
    cells = rows(stamps, values)
    (series,) = data = read(tmp_path, lines(header, cells[::-1] if newest_first else cells))
    assert_array_equal(series.values, values)
    assert (data.frequency.name, data.following(series, 1)) == (frequency, [following])
    assert f"times: {header.split(',')[0]!r}" in described(data)[1]


def test_times_in_several_columns_are_joined(tmp_path):
    parts = [m.split("-") for m in iso(MONTHS)]
    cells = [f"{year},{int(month)},{k}" for k, (year, month) in enumerate(parts)]
    for header, wanted in (("Year,Month,sales", "2021-01"), ("month,year,sales", "2021-01")):
        turned = (
            cells
            if header[0] == "Y"
            else [",".join([c.split(",")[1], c.split(",")[0], c.split(",")[2]]) for c in cells]
        )
        (series,) = data = read(tmp_path, lines(header, turned[::-1]))
        assert_array_equal(series.values, np.arange(72))
        assert data.following(series, 1) == [wanted]
    named = [f"{m.item().year},{m.item():%b},{k}" for k, m in enumerate(MONTHS)]
    assert read(tmp_path, lines("Year,Month,sales", named)).frequency.name == "monthly"
    quarters = [f"{q[:4]},{q[5]},{k}" for k, q in enumerate(QUARTERS)]
    assert read(tmp_path, lines("year,quarter,sales", quarters)).frequency.name == "quarterly"
    stamps = [t.replace("T", ",") for t in HOURS.astype("datetime64[m]").astype(str)]
    (series,) = data = read(tmp_path, lines("Date,Time,load", rows(stamps, range(len(stamps)))[::-1]))
    assert data.following(series, 1) == ["2022-01-06 00:00"]
    assert_array_equal(series.values, np.arange(len(stamps)))
    bls = [f"LNS1,{m.item().year},M{m.item().month:02},{k}" for k, m in enumerate(MONTHS)]
    (series,) = data = read(tmp_path, lines("Series ID,Year,Period,Value", bls[::-1]))
    assert (data.following(series, 1), series.values[0]) == (["2021-01"], 0)
    by_hour = [f"{t.item():%Y-%m-%d},{t.item().hour},{k}" for k, t in enumerate(HOURS)]
    assert read(tmp_path, lines("date,hour,load", by_hour)).frequency.name == "hourly"


def test_a_count_of_steps_is_no_time(tmp_path):
    for header in ("time,y", "t,y", "index,y", "day,y"):
        (series,) = read(tmp_path, lines(header, rows(range(1, 31), range(30))))
        assert series.times is None
    assert read(tmp_path, "month,y\nJan,1\nFeb,2\nMar,3\n").frequency is None


def test_days_of_a_place_that_changes_its_clocks_are_days(tmp_path):
    stamps = [f"{day}T00:00:00-0{4 if k > 70 else 5}:00" for k, day in enumerate(iso())]
    (series,) = data = read(tmp_path, lines("ds,y", rows(stamps)))
    assert (data.frequency.name, len(series)) == ("daily", 120)
    assert data.following(series, 1) == ["2022-05-01T00:00:00"]


def test_an_option_settles_what_a_column_leaves_open(tmp_path):
    text = lines("date,y", rows([f"0{d}/01/2022" for d in range(1, 10)], range(9)))
    with pytest.raises(DataError, match=r"'02/01/2022' may be 2022-01-02 or 2022-02-01; say which with `day_first`"):
        read(tmp_path, text)
    assert read(tmp_path, text, options=SeriesOptions(day_first=True)).frequency.name == "daily"
    assert read(tmp_path, text, options=SeriesOptions(day_first=False)).frequency.name == "monthly"
    by_format = read(tmp_path, text, options=SeriesOptions(time_format="%d/%m/%Y"))
    assert by_format.following(by_format.series[0], 1) == ["10/01/2022"]
    assert read(tmp_path, text, options=SeriesOptions(day_first=True)).read_as.day_first is True


PLAIN = lines("date,sales", rows(iso()))
LAYOUTS = {
    "titles": ("Report of sales\nCreated 2024-01-01\n\n" + PLAIN, "passed over 2 lines above the header"),
    "titles of a spreadsheet": ("Report of sales,\n,\n" + PLAIN, "passed over 1 line above the header"),
    "comments": ("# made by hand\n" + PLAIN, "passed over 1 line above the header"),
    "sep": ("sep=;\n" + PLAIN.replace(",", ";"), "passed over the line that names the delimiter"),
    "a total": (PLAIN + "Total,14098.16\n", "left out 1 line below the data (line 122: 'Total')"),
    "a source": (PLAIN + "\nSource: World Bank\nNotes: none\n", "left out 2 lines below the data (line 123"),
    "a count of rows": (PLAIN + "\n(120 rows affected)\n", "left out 1 line below the data (line 123: '(120 rows aff"),
    "a count with a comma": (PLAIN + "1,120 Zeile(n) gelesen\n", "left out 1 line below the data (line 122: '1')"),
    "Ctrl-Z": (PLAIN + "\x1a", "left out the mark at the end of the file (Ctrl-Z)"),
    "Ctrl-Zs of Windows-1252": (PLAIN.replace("sales", "Größe").encode("cp1252") + b"\x1a\x1a\r\n", "file (Ctrl-Z)"),
    "a word in the column of times": (PLAIN + "All of it,1\n", "left out 1 line below the data"),
    "the header again": (PLAIN + PLAIN, "left out 1 row that repeats the header"),
    "pipes": (PLAIN.replace(",", "|"), ""),
    "pipes around": ("".join(f"| {line.replace(',', ' | ')} |\n" for line in PLAIN.splitlines()), ""),
    "tabs": (PLAIN.replace(",", "\t"), ""),
    "no header, months first": (lines("", rows(written("%m/%d/%Y"))), ""),
    "no header": (lines("", rows(iso())), ""),
    "UTF-16": (PLAIN.encode("utf-16"), "read as UTF-16"),
    "UTF-16 without a mark": (PLAIN.encode("utf-16-le"), "read as UTF-16"),
    "a byte order mark": (PLAIN.encode("utf-8-sig"), ""),
    "Windows-1252": (
        PLAIN.replace("sales", "Größe").encode("cp1252"),
        "read as Windows-1252, since byte 0xf6 in line 1",
    ),
    "identical rows": (
        PLAIN + "2022-04-30,{}\n2022-04-29,{}\n",
        "left out 2 rows identical to other rows of their times",
    ),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_layouts_of_files(tmp_path, case):
    text, said = LAYOUTS[case]
    if case == "the header again":
        text = PLAIN[: PLAIN.index("2022-03-01")] + "date,sales\n" + PLAIN[PLAIN.index("2022-03-01") :]
    if case == "identical rows":
        text = text.format(VALUES[-1], VALUES[-2])
    (series,) = data = read(tmp_path, text)
    assert_array_equal(series.values, VALUES)
    assert_array_equal(series.times, DAYS.astype("datetime64[s]"))
    assert said in "\n".join(described(data))
    if said:
        with pytest.raises(DataError, match="or read it without `strict`"):
            read(tmp_path, text, options=SeriesOptions(strict=True))


def test_a_count_of_rows_below_one_column(tmp_path):
    assert_array_equal(read(tmp_path, "y\n1\n2\n3\n(3 rows affected)\n").series[0].values, [1, 2, 3])
    assert_array_equal(read(tmp_path, "y\n1 rows\n2 rows\n3 rows\n").series[0].values, [1, 2, 3])


def test_the_first_row_is_what_an_option_says(tmp_path):
    text = "2022-01-01,5\n2022-01-02,6\n2022-01-03,7\n"
    assert len(read(tmp_path, text, options=SeriesOptions(header="no")).series[0]) == 3
    assert read(tmp_path, text, options=SeriesOptions(header="yes")).ids == ["5"]
    said = "read: the first row was taken for data; if it holds names, say so with `header`"
    assert said in described(read(tmp_path, text))
    assert "taken for data" not in "".join(described(read(tmp_path, text, options=SeriesOptions(header="no"))))
    counted = "0\n5.5\n5.25\n"
    data = read(tmp_path, counted)
    assert_array_equal(data.series[0].values, [0, 5.5, 5.25])
    assert "if these are the columns' names (0), say so with `header`" in described(data)[-1]
    data = read(tmp_path, counted, options=SeriesOptions(header="yes"))
    assert_array_equal(data.series[0].values, [5.5, 5.25])
    named = read(tmp_path, "A,2022-01-01,5\nA,2022-01-02,6\nB,2022-01-01,7\nB,2022-01-02,8\n", id="y0", target="y1")
    assert named.ids == ["A", "B"]


def test_repeated_times(tmp_path):
    text = "ds,y\n2022-01-01,1\n2022-01-02,2\n2022-01-02,4\n2022-01-03,5\n2022-01-03,7\n2022-01-04,8\n"
    with pytest.raises(
        DataError, match=r"line 4, column 'ds': '2022-01-02' is there twice \(before: line 3\).*2 rows are such"
    ):
        read(tmp_path, text)
    for how, values in {
        "first": [1, 2, 5, 8],
        "last": [1, 4, 7, 8],
        "mean": [1, 3, 6, 8],
        "sum": [1, 6, 12, 8],
    }.items():
        data = read(tmp_path, text, options=SeriesOptions(repeated=how))
        assert_array_equal(data.series[0].values, values)
        assert f"read: 2 repeated times made one, by their {how}" in described(data)


def test_series_that_cannot_be_used_are_left_out_and_named(tmp_path):
    cells = [f"{name},{day},{value}" for name in "AB" for day, value in zip(iso(), VALUES, strict=True)]
    cells += [f"Z,{day}," for day in iso()] + ["C,2022-01-01,5"]
    data = read(tmp_path, lines("unique_id,ds,y", cells))
    assert data.ids == ["A", "B"]
    assert described(data)[-1] == "left out: 'Z' has no values; 'C' has 1 value, 2 are needed"
    with pytest.raises(DataError, match="series 'Z' has no values; .* without `strict`"):
        read(tmp_path, lines("unique_id,ds,y", cells), options=SeriesOptions(strict=True))


def test_a_series_between_the_steps_does_not_stop_the_rest(tmp_path):
    cells = [f"{name},{day},{value}" for name in "AB" for day, value in zip(iso(), VALUES, strict=True)]
    cells += ["C,2022-01-01,1", "C,2022-01-02,2", "C,2022-01-03T07:00,3"]
    data = read(tmp_path, lines("unique_id,ds,y", cells))
    assert data.ids == ["A", "B"]
    wanted = "'C' has times between the steps (line 244: '2022-01-03T07:00' is not on the steps of the other times"
    assert wanted in described(data)[-1]


def weekly(days, clocks=((0, 0),)):
    """Times at ``clocks`` on weekdays 0 to 6 of twelve weeks."""
    start = np.datetime64("2022-01-03", "s")
    found = [
        start + np.timedelta64(((7 * w + d) * 24 + h) * 60 + m, "m") for w in range(12) for d in days for h, m in clocks
    ]
    return np.array(found)


GRIDS = {
    "trading hours": (
        weekly(range(5), [(h, 0) for h in range(10, 17)]),
        7,
        "7 a day from 10:00 to 16:00, Monday to Friday",
    ),
    "Sunday to Thursday": (weekly((0, 1, 2, 3, 6)), 5, "Sunday to Thursday"),
    "three days a week": (weekly((0, 2, 4)), 3, "Monday, Wednesday and Friday"),
    "shifts": (weekly(range(7), [(6, 0), (14, 0), (18, 30)]), 3, "3 a day from 06:00 to 18:30, every day"),
    "business days": (weekly(range(5)), 5, "business-daily"),
}


@pytest.mark.parametrize("case", GRIDS)
def test_what_recurs_in_the_week_is_the_grid(tmp_path, case):
    times, season, name = GRIDS[case]
    rest = np.delete(times, [30])  # a holiday is no gap
    stamps = [str(t).replace("T", " ") for t in rest[:-3]]
    (series,) = data = read(tmp_path, lines("ds,y", rows(stamps, range(len(stamps)))))
    assert (data.frequency.name, data.frequency.season) == (name, season)
    assert_array_equal(series.values, np.arange(len(stamps)))
    assert data.following(series, 3) == [str(t).replace("T", " ") for t in rest[-3:]]


def test_an_outage_is_made_of_missing_steps(tmp_path):
    kept = np.delete(HOURS, range(40, 80))
    (series,) = data = read(tmp_path, lines("t,y", rows([str(t) + ":00" for t in kept], range(len(kept)))))
    assert (data.frequency.name, int(np.isnan(series.values).sum())) == ("hourly", 40)
    assert "filled in: 40 of 120 steps (33%), never scored" in described(data)
