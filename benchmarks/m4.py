"""M4 Hourly: 414 series, 48 steps ahead, one model for all, scored with the competition's formulas; and its intervals.

On the last 48 steps of the training series; ``--final`` scores the competition's test, once at the end.
"""

from __future__ import annotations

import csv
import resource
import time
from collections.abc import Mapping

import numpy as np

from benchmarks._data import DATA
from benchmarks._machine import alone, thread_counts
from benchmarks._table import Table, verdict
from elman import Forecaster
from elman.data import Series, SeriesSet
from elman.training.memory import keep_freed_memory

Array = np.ndarray
HORIZON, SEASONS = 48, (24, 168)
NAIVE2 = (18.383, 2.395)  # sMAPE and MASE, of the organisers
BAR, MINUTES = 0.46, 15
WITHIN, WITHIN_LEAD = 0.03, 0.08  # of the nominal coverage


def main(final: bool = False) -> bool:
    """Print the scores; True if every bar is met."""
    train, test = (_read(f"Hourly-{part}.csv") for part in ("train", "test"))
    if not final:
        test = {name: values[-HORIZON:] for name, values in train.items()}
        train = {name: values[:-HORIZON] for name, values in train.items()}
    return alone(thread_counts()[-1], _measured, train, test, final)


def _measured(train: Mapping[str, Array], test: Mapping[str, Array], final: bool) -> bool:
    keep_freed_memory()
    data = SeriesSet(tuple(Series(name, values) for name, values in train.items()), None, "M4 Hourly", "")
    begin = time.perf_counter()
    model = Forecaster(horizon=HORIZON, season=SEASONS, test_size=0).fit(data)
    found = model.predict()
    minutes, used = (time.perf_counter() - begin) / 60, resource.getrusage(resource.RUSAGE_SELF)
    columns = {
        name: np.array(found[name]).reshape(len(train), HORIZON) for name in found if name[:2] in ("fo", "lo", "hi")
    }
    actual = np.stack([test[name] for name in train])
    units = np.array([np.abs(v[SEASONS[0] :] - v[: -SEASONS[0]]).mean() for v in train.values()])[:, None]
    naive = np.stack([np.resize(values[-SEASONS[0] :], HORIZON) for values in train.values()])
    print(f"\n{len(train)} series, {'the test' if final else 'the last 48 steps of the training series'}")
    table = Table({"": "<16", "sMAPE": ">7.3f", "MASE": ">7.3f", "OWA": ">7.3f"})
    scores = {"elman": _scores(columns["forecast"], actual, units), "seasonal naive": _scores(naive, actual, units)}
    for name, row in scores.items():
        table.row(name, *row)
    met = scores["elman"][2] <= BAR and minutes <= MINUTES
    print(f"{minutes:.1f} minutes, {(used.ru_utime + used.ru_stime) / 60:.1f} of CPU time")
    print(f"bar: OWA {BAR} within {MINUTES} minutes: {verdict(met)}")
    return _intervals(columns, actual, units, train) and met


def _read(name: str) -> dict[str, Array]:
    with (DATA / "m4" / name).open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return {row[0]: np.array([float(value) for value in row[1:] if value]) for row in rows}


def _scores(forecasts: Array, actual: Array, units: Array) -> tuple[float, float, float]:
    """sMAPE, MASE, and OWA: the mean of both over those of Naive2."""
    error = np.abs(forecasts - actual)
    smape = float((200 * error / (np.abs(forecasts) + np.abs(actual))).mean())
    mase = float((error / units).mean())
    return smape, mase, (smape / NAIVE2[0] + mase / NAIVE2[1]) / 2


def _intervals(columns: Mapping[str, Array], actual: Array, units: Array, train: Mapping[str, Array]) -> bool:
    """Coverage at each level, overall and by lead time, and the scaled interval score beside the seasonal naive's."""
    table = Table(
        {"level": "<8", "covered": ">8.3f", "least": ">7.3f", "most": ">7.3f", "MSIS": ">8.2f", "naive's": ">8.2f"}
    )
    met = True
    for level in (80, 95):
        low, high = columns[f"lo-{level}"], columns[f"hi-{level}"]
        inside = (low <= actual) & (actual <= high)
        leads, own = inside.mean(axis=0), _interval_score(low, high, actual, units, level)
        other = _interval_score(*_naive_interval(train, level), actual, units, level)
        table.row(f"{level} %", inside.mean(), leads.min(), leads.max(), own, other)
        met &= (
            abs(inside.mean() - level / 100) <= WITHIN
            and np.abs(leads - level / 100).max() <= WITHIN_LEAD
            and own < other
        )
    print(
        f"bar: within {WITHIN:.0%} of the level, {WITHIN_LEAD:.0%} at each lead time, MSIS below: {verdict(bool(met))}"
    )
    return bool(met)


def _interval_score(low: Array, high: Array, actual: Array, units: Array, level: float) -> float:
    outside = np.maximum(low - actual, 0) + np.maximum(actual - high, 0)
    return float(((high - low + 2 / (1 - level / 100) * outside) / units).mean())


def _naive_interval(train: Mapping[str, Array], level: float) -> tuple[Array, Array]:
    """The seasonal naive, and around it the quantile of its own errors in each series at each lead time."""
    season, found = SEASONS[0], []
    for values in train.values():
        cutoffs = np.arange(season - 1, len(values) - HORIZON)
        ahead = np.arange(HORIZON)
        errors = np.abs(values[cutoffs[:, None] + 1 + ahead] - values[cutoffs[:, None] + 1 - season + ahead % season])
        half = np.quantile(errors, level / 100, axis=0)
        forecast = np.resize(values[-season:], HORIZON)
        found.append((forecast - half, forecast + half))
    low, high = (np.stack(ends) for ends in zip(*found, strict=True))
    return low, high
