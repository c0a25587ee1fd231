"""Columns of numbers as people write them: each is read for what it says, or refused with its two readings."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from elman.data.options import SeriesOptions
from elman.data.series_report import described
from elman.errors import DataError
from tests.data.tables import lines, read, rows

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
    "a wide range of kelvin": (["4.2 K", "77 K", "250", "293 K"], "'77 K' may be 77000 or 77, for '250' has no 'K'"),
    "kelvin": (
        ["273", "293.1 K", "290 K"],
        "line 3, .*'293.1 K' may be 293100 or 293.1, for '273' has no 'K'; write all",
    ),
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
