"""Mutants of CSV files are read as a slow reference reader reads them, or refused in one line."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from elman.data import Table, read_series, read_table
from elman.errors import ElmanError
from tests.attack.csv_mutants import SEEDS, compare_series, compare_tables, mutants, run
from tests.data.reference_csv import read

COUNT = int(os.environ.get("ELMAN_FUZZ", 2000))


def test_mutants_are_read_as_the_reference_reads_them_or_refused_in_one_line():
    findings = run(COUNT, seed=int(os.environ.get("ELMAN_FUZZ_SEED", 0)))
    assert findings == []


@pytest.mark.parametrize("text", SEEDS)
def test_the_files_that_are_mutated_are_read(tmp_path, text):
    path = tmp_path / "seed.csv"
    path.write_bytes(text.encode())
    assert compare_tables(read_table(path), read(text.encode())) is None


def test_enough_of_the_mutants_are_read(tmp_path):
    path = tmp_path / "mutant.csv"
    n_read = 0
    for content in mutants(200, seed=0):
        path.write_bytes(content)
        try:
            read_table(path)
        except ElmanError:
            continue
        n_read += 1
    assert 80 <= n_read <= 180


def test_a_difference_is_found(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text("ds,y\n2020-01-01,1\n2020-01-02,2\n", encoding="utf-8")
    expected, table = read(path.read_bytes()), read_table(path)
    assert isinstance(table, Table)
    assert compare_tables(table, None) is not None
    for changed in (
        replace(table, lines=np.array([2, 4])),
        replace(table, columns={"ds": table.columns["ds"], "z": table.columns["y"]}),
        replace(table, columns={**table.columns, "y": ["1", "3"]}),
        replace(table, columns={**table.columns, "y": ["1", "2."]}),
    ):
        assert compare_tables(changed, expected) is not None
    data = read_series(path)
    (series,) = data
    how = {"target": "y", "time": "ds", "id": ""}
    assert compare_series(data, expected, **how) is None
    for changed in (
        replace(series, values=np.array([1.0, 3.0])),
        replace(series, values=np.array([1.0, np.nan])),
        replace(series, times=series.times + np.timedelta64(1, "D")),
    ):
        assert compare_series(replace(data, series=(changed,)), expected, **how) is not None
