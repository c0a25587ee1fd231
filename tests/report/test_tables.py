"""Tables of scores, to the letter."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.report import score_table
from elman.report.tables import shown


def test_models_and_baselines_to_the_letter():
    rows = [
        ("gru", {"mae": 18.234567, "rmse": 23.9, "smape": 4.123456, "mase": 0.6123}),
        ("last value", {"mae": 101.25, "rmse": 1234.567, "smape": 19.0, "mase": 3.3}),
        ("seasonal naive", {"mae": 30.5, "rmse": math.inf, "smape": 7.7, "mase": math.nan}),
        ("least-squares autoregression", {"mae": 18.0, "rmse": 23.9, "smape": 0.00001234}),
    ]
    table = score_table("Test: the last 28 steps", ["mae", "rmse", "smape", "mase"], rows, notes=["a note", "and more"])
    assert table.split("\n") == [
        "Test: the last 28 steps",
        "",
        "                                 mae      rmse        smape     mase",
        "─────────────────────────────────────────────────────────────────────",
        "gru                            18.23     23.90*   4.123       0.6123*",
        "last value                    101.2    1235      19.00        3.300",
        "seasonal naive                 30.50    inf       7.700            –",
        "least-squares autoregression   18.00*    23.90*   1.234e-05*       –",
        "",
        "* best of its column",
        "a note",
        "and more",
    ]


def test_the_largest_may_be_best_or_none_and_integers_stay_whole():
    rows = [("rnn", {"accuracy": 0.9, "mse": 0.5, "parameters": 123456}), ("gru", {"accuracy": 0.95, "mse": 0.4})]
    table = score_table("", ["accuracy", "mse", "parameters"], rows, best={"accuracy": "max", "mse": "min"})
    assert table.split("\n") == [
        "     accuracy      mse   parameters",
        "───────────────────────────────────",
        "rnn    0.9000   0.5000       123456",
        "gru    0.9500*  0.4000*           –",
        "",
        "* best of its column",
    ]


def test_what_looks_equal_is_equally_best_and_one_row_has_no_best():
    table = score_table("", ["mae"], [("a", {"mae": 0.83121}), ("b", {"mae": 0.83119}), ("c", {"mae": 0.84})])
    assert [line[-1] for line in table.split("\n")[2:5]] == ["*", "*", "0"]
    assert "*" not in score_table("", ["mae"], [("a", {"mae": 0.8})])
    assert "*" not in score_table("", ["mae"], [("a", {"mae": 0.8}), ("b", {"mae": math.nan})])


def test_letters_of_two_columns_keep_the_table_straight():
    lines = score_table("", ["mae"], [("売上高", {"mae": 1.5}), ("Lu\u0301", {"mae": 2.5}), ("plain", {})]).split("\n")
    assert lines[2:5] == ["売上高  1.500*", "Lu\u0301      2.500", "plain       –"]


def test_no_rows_and_no_columns():
    assert score_table("Nothing", ["mae"], []) == "Nothing\n\n  mae\n─────"
    assert score_table("", [], [("gru", {})]) == "\n───\ngru"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (-0.25, "-0.2500"),
        (9.99996, "10.00"),
        (999.96, "1000"),
        (1000.4, "1000"),
        (99999.6, "100000"),
        (1.5e12, "1.500e+12"),
        (7, "7"),
        (math.inf, "inf"),
    ],
)
def test_four_digits(value, text):
    assert shown(value) == text


@given(st.floats(-1e300, 1e300))
def test_what_is_shown_is_the_number_to_four_digits(value):
    assert float(shown(value)) == pytest.approx(value, rel=5.1e-4, abs=0)
    assert not shown(value).endswith(".")
