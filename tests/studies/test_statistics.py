"""Intervals against printed tables, and against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from elman.studies.compare.conclusion import beside_baselines, conclude
from elman.studies.statistics import paired_difference, spread, student_t, wilson, within

# Student's t, both sides 5 %, by degrees of freedom, as tables of it have them
PRINTED = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 8: 2.306, 9: 2.262, 15: 2.131, 30: 2.042, 120: 1.980}


@pytest.mark.parametrize("degrees", PRINTED)
def test_student_t_is_that_of_the_tables(degrees):
    assert round(student_t(0.95, degrees), 3) == PRINTED[degrees]


@given(st.integers(1, 40), st.floats(0.05, 12))
def test_the_closed_form_is_the_integral_of_the_density(degrees, t):
    constant = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    x = t * nodes  # from -t to t
    density = constant * (1 + x * x / degrees) ** (-(degrees + 1) / 2)
    assert_allclose(within(t, degrees), t * np.sum(weights * density), rtol=1e-9)


def test_paired_difference_of_few_seeds_is_none():
    assert paired_difference([1.0, 2.0], [3.0, 4.0]) is None
    found = paired_difference([1.0, 2.0, 4.0], [0.0, 0.0, 0.0])
    mean, deviation = spread([1.0, 2.0, 4.0])
    t = math.sqrt(2 * 0.95**2 / (1 - 0.95**2))  # of two degrees of freedom
    reach = t * deviation / math.sqrt(3)
    assert_allclose(found, (mean - reach, mean + reach), rtol=1e-12)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_bounds_are_where_the_score_test_just_accepts(case):
    hits, trials = case
    share, z = hits / trials, 1.959963984540054
    for bound in wilson(hits, trials):
        if 0 < bound < 1:
            assert_allclose(abs(share - bound), z * math.sqrt(bound * (1 - bound) / trials), rtol=1e-9, atol=1e-12)


SEEDS = {"rnn": [2.0, 2.1, 2.2], "lstm": [1.0, 1.3, 1.1], "gru": [1.1, 1.2, 1.2]}


def test_words_are_those_that_the_numbers_bear():
    (text,) = conclude("validation loss", SEEDS)
    assert text == (
        "By the validation loss over 3 seeds lstm and gru do not differ beyond the spread; rnn is worse than lstm."
    )
    (text,) = conclude("validation loss", {name: values[:2] for name, values in SEEDS.items()})
    assert text == "Not separated: 2 seeds cannot tell cells apart; give at least 3."
    (text,) = conclude("validation loss", {"a": [1.0, 2.0, 3.0], "b": [2.0, 1.0, 3.1]})
    assert text.endswith("a and b do not differ beyond the spread: not separated.")
    (text,) = conclude("validation loss", {"a": [1.0, 1.0, 1.0], "b": [2.0, 2.1, 2.0], "c": [3.0, 3.1, 3.0]})
    assert text.endswith("a is the best: b and c are worse than a.")
    assert "no validation part" in conclude("validation loss", {"a": [1.0], "b": [None]})[0]


def test_a_wide_spread_separates_nothing():
    (text,) = conclude("validation loss", {"a": [1.0, 5.0, 2.0], "b": [6.0, 5.1, 9.0]})
    assert "not separated" in text


def test_beside_the_best_baseline():
    (text,) = beside_baselines("accuracy", "higher", {"rnn": [0.5], "gru": [0.9]}, {"majority": 0.2, "logistic": 0.8})
    assert text.startswith("On the test the mean accuracy of gru is better than that of the best baseline, logistic")
    assert text.endswith("(0.8000); rnn is not.")
    (text,) = beside_baselines("mae", "lower", {"rnn": [0.5]}, {"mean": 0.2})
    assert text.startswith("On the test no cell's mean mae is better")
    assert beside_baselines("mae", "lower", {"rnn": [0.5]}, {}) == []
