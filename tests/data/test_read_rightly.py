"""Files as people have them: each is read for what it says, and what was done with it is told."""

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

DAYS = np.arange("2022-01-01", "2022-05-01", dtype="datetime64[D]")
VALUES = np.round(100 + 20 * np.sin(np.arange(len(DAYS)) * 2 * np.pi / 7), 2)


def write(tmp_path, text, name="some.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(tmp_path, text, name="some.csv", **how):
    return read_series(write(tmp_path, text, name), **how)


def lines(header, cells, end="\n"):
    return header + end + "".join(row + end for row in cells)


def rows(stamps, values=VALUES, mark=","):
    return [f"{stamp}{mark}{value}" for stamp, value in zip(stamps, values, strict=False)]


def iso(times=DAYS):
    return times.astype(str).tolist()


def written(form, times=DAYS):
    return [time.item().strftime(form) for time in times]


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


TEN = [f"2022-01-{d:02}" for d in range(1, 11)]
NUMBERS = {
    "thousands beside hundreds": (";", ["995", "1.019", "1.003"], [995, 1019, 1003], "2 numbers with marks between"),
    "the same with a comma": (";", ["995", "1,019", "1,003"], [995, 1019, 1003], "2 numbers with marks between"),
    "millions": (";", ["1.234.567", "2.000.000", "999"], [1234567, 2e6, 999], "2 numbers with marks between"),
    "a decimal comma beside": (";", ["1.234,5", "2,5", "3"], [1234.5, 2.5, 3], "1 number with marks between"),
    "three decimals": (";", ["1.019", "0.995", "2.5"], [1.019, 0.995, 2.5], ""),
    "quoted thousands": (",", ['"1,234"', '"999"', '"2,000"'], [1234, 999, 2000], "2 numbers with marks between"),
    "Indian groups": (",", ['"1,23,456"', '"99,000"', "5"], [123456, 99000, 5], "2 numbers with marks between"),
    "spaces": (";", ["1 234,5", "12 000", "7"], [1234.5, 12000, 7], "2 numbers with marks between"),
    "narrow spaces": (";", ["1\u202f234", "12\u202f000", "7"], [1234, 12000, 7], "2 numbers with marks between"),
    "apostrophes": (",", ["1'234.5", "12'000", "7"], [1234.5, 12000, 7], "2 numbers with marks between"),
    "dollars": (",", ["$98.40", '"$1,113.29"', "-$5"], [98.4, 1113.29, -5], "3 numbers with the sign '$'"),
    "euros behind": (";", ["98,40 €", "113,29 €", "5 €"], [98.4, 113.29, 5], "3 numbers with the sign '€'"),
    "a code": (",", ["USD 98.40", "USD 113", "5 USD"], [98.4, 113, 5], "3 numbers with the sign 'USD'"),
    "percent": (",", ["9.8%", "11.3 %", "0%"], [9.8, 11.3, 0], "3 numbers with the unit '%'"),
    "a unit": (",", ["9.8 kWh", "11.3kWh", "7"], [9.8, 11.3, 7], "2 numbers with the unit 'kWh'"),
    "thousands and millions": (",", ["900K", "1.2M", "3B"], [9e5, 1.2e6, 3e9], "multiplied by what they stand for"),
    "thousands beside less": (",", ["950", "1.3K", "12K", "0"], [950, 1300, 12000, 0], "2 numbers with 'K', multip"),
    "millions beside less": (",", ["818400", "1.2M", "960000"], [818400, 1.2e6, 960000], "1 number with 'M', multip"),
    "millions in German": (";", ["950.000", "1,2 Mio.", "3 Mrd."], [950000, 1.2e6, 3e9], "with 'Mio.' and 'Mrd.', mu"),
    "thousands alone": (",", ["1.3K", "12K", "0"], [1.3, 12, 0], "2 numbers with the unit 'K', read without it"),
    "debits": (
        ",",
        ["102.5", "131.5 DR", "7 Dr"],
        [102.5, -131.5, -7],
        "1 number with 'DR', read as negative: a debit",
    ),
    "debits and credits": (",", ["1 CR", "2 DR", "0.00"], [1, -2, 0], "1 number with 'CR', read as positive: a credit"),
    "Soll und Haben": (";", ["1.000,50 H", "2 S"], [1000.5, -2], "1 number with 'S', read as negative: a debit"),
    "accounting": (",", ['"(1,234)"', "($5)", "7"], [-1234, -5, 7], "2 numbers in parentheses, read as negative"),
    "no cents": (
        ";",
        ["102,50", "131,-", "1.234,- €"],
        [102.5, 131, 1234],
        "2 numbers with a dash in place of decimals",
    ),
    "no cents, with points": (";", ["Fr. 102.-", "Fr. 5.\u2013", "-Fr. 7.--"], [102, 5, -7], "('Fr. 102.-' is 102)"),
    "a minus behind decimals": (";", ["102,50-", "131-"], [-102.5, -131], ""),
    "a minus behind": (",", ["5-", "\u22127", "8"], [-5, -7, 8], ""),
    "points for what is missing": (",", ["5", ".", "8"], [5, np.nan, 8], "filled in: 1 of 3 steps"),
    "errors of a spreadsheet": (",", ["5", "#DIV/0!", "8"], [5, np.nan, 8], "filled in: 1 of 3 steps"),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_as_people_write_them(tmp_path, case):
    delimiter, texts, values, said = NUMBERS[case]
    (series,) = data = read(tmp_path, lines(f"date{delimiter}sales", rows(TEN, texts, delimiter)))
    assert_array_equal(series.values, values)
    assert said in "\n".join(described(data))


DOUBTFUL = {
    "kelvin": (["273", "293.1 K", "290 K"], "line 4, .*'290 K' may be 290000 or 290, for '273' has no 'K'; write all"),
    "a credit": (["5", "7 CR", "9 CR"], "line 2, .*'5' may be a credit or a debit, for it has no 'CR', as others have"),
    "neither": (["5 DR", "7 CR", "9"], "line 4, .*'9' may be a credit or a debit, for it has no 'DR' or 'CR'"),
    "two signs": (["5", "-7 DR"], "line 3, .*'-7 DR' has a minus and 'DR'; leave out one of them"),
    "hours and seconds": (["5 h", "7 s"], "line 3, .*'7 s' is in 's', others are in 'h'; convert them"),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_what_stands_behind_numbers_and_leaves_two_readings_is_refused(tmp_path, case):
    texts, message = DOUBTFUL[case]
    with pytest.raises(DataError, match=message):
        read(tmp_path, lines("date,sales", rows(TEN, texts)))


def test_the_decimal_mark_may_be_said_or_shown_by_another_column(tmp_path):
    text = lines("date;sales", rows(TEN, ["10.839", "12.328"], ";"))
    with pytest.raises(DataError, match=r"'10.839' may be 10.839 or 10839; say which mark is the decimal one"):
        read(tmp_path, text)
    assert_array_equal(read(tmp_path, text, options=SeriesOptions(decimal=".")).series[0].values, [10.839, 12.328])
    assert_array_equal(read(tmp_path, text, options=SeriesOptions(decimal=",")).series[0].values, [10839, 12328])
    for other, values in (("1,5", [10839, 12328]), ("1.5", [10.839, 12.328])):
        beside = lines("date;sales;price", [f"2022-01-0{k};{v};{other}" for k, v in ((1, "10.839"), (2, "12.328"))])
        assert_array_equal(read(tmp_path, beside, target="sales").series[0].values, values)


def test_commas_before_three_digits_between_commas(tmp_path):
    def numbers(*texts, other=()):
        cells = [f'{day},"{text}"' for day, text in zip(TEN, texts, strict=False)]
        cells = [f'{cell},"{more}"' for cell, more in zip(cells, other or [""] * len(cells), strict=True)]
        return read(tmp_path, lines("date,rate,other", cells), target="rate").series[0].values

    with pytest.raises(DataError, match=r"'1,051' may be 1051 or 1.051; say which mark is the decimal one"):
        numbers("1,051", "1,052", "2,053")
    assert_array_equal(numbers("1,051", "1,052", other=("12,5", "13,5")), [1.051, 1.052])
    assert_array_equal(numbers("1,051", "1,052", other=("12.5", "13.5")), [1051, 1052])
    assert_array_equal(numbers("1.051", "1.052", other=("12,5", "13,5")), [1051, 1052])
    assert_array_equal(numbers("1,051", "998", other=("12,5", "13,5")), [1051, 998])
    assert_array_equal(numbers("1,051", "12,052"), [1051, 12052])
    assert_array_equal(numbers("1,051", "1,060"), [1051, 1060])
    assert_array_equal(numbers("$1,051", "$1,052"), [1051, 1052])
    assert_array_equal(numbers("1,051", "1,234,567"), [1051, 1234567])
    assert_array_equal(numbers("1.051", "1.052"), [1.051, 1.052])


def test_blanks_in_a_file_of_one_column(tmp_path):
    def numbers(*texts, header="sales"):
        return read(tmp_path, lines(header, texts)).series[0].values

    counted = [f"{k} {k * k + 200}" for k in range(1, 20)]
    with pytest.raises(DataError, match=r"line 2: '1 201' may be one number or 2 columns; put commas between columns"):
        numbers(*counted)
    with pytest.raises(DataError, match=r"line 1: '1 201' may be one number or 2 columns"):
        numbers(*counted[1:], header=counted[0])
    with pytest.raises(DataError, match=r"line 2: '5 201' may be one number or 2 columns"):
        numbers("5 201", "3 202", "8 203", header="x y")
    assert_array_equal(numbers("5 201", "3 202", "8 203"), [5201, 3202, 8203])
    assert_array_equal(numbers("5 201", "3 202", "803", header="all sales"), [5201, 3202, 803])
    assert_array_equal(numbers("1 201", "2 050", "3 803", header="all sales"), [1201, 2050, 3803])
    assert_array_equal(numbers('"1 201"', '"2 251"', '"3 803"'), [1201, 2251, 3803])
    assert_array_equal(numbers("1\u00a0201", "2\u00a0251", "3\u00a0803"), [1201, 2251, 3803])


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
    named = read(tmp_path, "A,2022-01-01,5\nA,2022-01-02,6\nB,2022-01-01,7\nB,2022-01-02,8\n", id="y0", target="y1")
    assert named.ids == ["A", "B"]


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
