"""ETTh1, 7 variables, 96 steps ahead from 96, in the usual split: mean squared and absolute error, standardised.

On the validation months; ``--final`` scores the test months, once at the end.
"""

from __future__ import annotations

import resource
import time

import numpy as np

from benchmarks._data import DATA
from benchmarks._machine import alone, thread_counts
from benchmarks._table import Table, verdict
from elman import Forecaster
from elman.data import Series, SeriesSet, read_table
from elman.tasks.forecast.predictor import ForecastPredictor
from elman.training.memory import keep_freed_memory

Array = np.ndarray
NAMES = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
TRAIN, VALIDATION, TEST = 8640, 11520, 14400  # rows: 12, 4 and 4 months
SIZE = 96
MSE, MAE = 0.385, 0.40


def main(final: bool = False) -> bool:
    """Print the errors; True if both bars are met."""
    table = read_table(DATA / "series" / "ETTh1.csv")
    values = np.stack([table.numbers(name) for name in NAMES])[:, :TEST]
    known = values[:, :TRAIN]
    values = (values - known.mean(axis=1, keepdims=True)) / known.std(axis=1, keepdims=True)
    return alone(thread_counts()[-1], _measured, values, final)


def _measured(values: Array, final: bool) -> bool:
    keep_freed_memory()
    data = SeriesSet(tuple(Series(n, row[:TRAIN]) for n, row in zip(NAMES, values, strict=True)), None, "ETTh1", "")
    begin = time.perf_counter()
    model = Forecaster(horizon=SIZE, window=SIZE, season=24, test_size=0, loss="mse", level="none").fit(data)
    minutes, used = (time.perf_counter() - begin) / 60, resource.getrusage(resource.RUSAGE_SELF)
    start, end = (VALIDATION, TEST) if final else (TRAIN, VALIDATION)
    predictor = model.outcome.final
    assert isinstance(predictor, ForecastPredictor)
    errors = []
    for name, row in zip(NAMES, values, strict=True):
        whole = SeriesSet((Series(name, row[:end]),), None, "ETTh1", "")
        cutoffs = list(range(start - 1, end - SIZE))
        (found,) = predictor.forecast([predictor.plan.history(whole.series[0])], [cutoffs])
        actual = np.lib.stride_tricks.sliding_window_view(row[start:end], SIZE)
        errors.append({name: rows - actual for name, rows in {"elman": found.values, **found.members}.items()})
    print(f"\n{len(cutoffs)} windows of the {'test' if final else 'validation'} months, {len(NAMES)} variables")
    table = Table({"": "<24", "MSE": ">7.4f", "MAE": ">7.4f"})
    scores = {}
    for name in errors[0]:
        rows = np.stack([own[name] for own in errors])
        scores[name] = float(np.square(rows).mean()), float(np.abs(rows).mean())
        table.row(name, *scores[name])
    print(f"{minutes:.1f} minutes, {(used.ru_utime + used.ru_stime) / 60:.1f} of CPU time")
    met = scores["elman"][0] <= MSE and scores["elman"][1] <= MAE
    print(f"bar: {MSE} and {MAE}: {verdict(met)}" + ("" if final else " (not on the test)"))
    return met
