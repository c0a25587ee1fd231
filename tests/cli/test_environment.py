"""Variables of the environment that make no sense: status 2 and one line that names them."""

from __future__ import annotations

import pytest

from tests.runs.helpers import python

PREDICT = ("predict", "run", "sales.csv")
THREADS = ["0", "-1", "1.5", "two", "1_0", "٣", str(2**31), str(2**63), "9" * 5000, "1\n2", "\x1b[31m", " 2"]


@pytest.mark.parametrize("value", THREADS, ids=lambda value: f"{value!a:.12}")
def test_threads_that_are_no_number(value, here):
    done = python("-m", "elman", *PREDICT, env={"ELMAN_NUM_THREADS": value})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ELMAN_NUM_THREADS is ") and done.stderr.count("\n") == 1
    assert done.stderr.endswith("; it must be a whole number from 1 to 9999\n") and len(done.stderr) < 200


@pytest.mark.parametrize("name", ["ELMAN_TARGET", "ELMAN_BACKEND"])
@pytest.mark.parametrize("value", ["fast", "x" * 5000, "\x1b[31m"], ids=["unknown", "long", "escape"])
def test_names_of_nothing(name, value, here):
    done = python("-m", "elman", *PREDICT, env={name: value})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {name}: ") and done.stderr.count("\n") == 1
    assert done.stderr[:-1].isprintable() and len(done.stderr) < 400


@pytest.mark.parametrize("value", ["", "1", "64", "9999"])
def test_threads_that_are_as_many_as_there_is_work_for(value, here):
    done = python("-m", "elman", *PREDICT, env={"ELMAN_NUM_THREADS": value})
    assert (done.returncode, done.stderr) == (0, "")
