"""`elman train forecast` beside neuralforecast's GRU: time and memory, one series of 10,000 steps and M4 Hourly's 414.

One GRU layer of 64 units on both sides, the same file, window, horizon, batch, learning rate and number of updates; no
validation and no early stopping. In turns, each program in a fresh process: as a whole, and its training alone.
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import CannotRun
from benchmarks._data import DATA
from benchmarks._environment import environment
from benchmarks._machine import thread_counts
from benchmarks._process import STATUS, Cost, cost_of_command
from benchmarks._table import Table, verdict

Array = np.ndarray
BAR, ROUNDS, SEASON = 5, 3, 24
ON_REQUEST = True  # its environment is of 1.7 GB
COMMON: dict[str, Any] = {
    "cell": "gru", "num_layers": 1, "hidden_size": 64, "learning_rate": 3e-3, "season": [SEASON],
    "validation": 0.0, "patience": 0, "test_size": 0,
}  # fmt: skip
# the defaults read several steps at once, beside a linear layer from the window; this is the peer's network
EVERY_STEP: dict[str, Any] = {
    "segment": 1, "highway": False, "level": "none", "scale": "series", "transform": "none", "combine": "none",
}  # fmt: skip
OURS = {"elman": {}, "every step": EVERY_STEP}
PEER = "peer"


@dataclass(frozen=True)
class Job:
    """Series by name, of which the last ``horizon`` steps are kept back; whose ``times`` are numbers or hours."""

    name: str
    series: Mapping[str, Array]
    times: list[str] | None
    horizon: int
    window: int
    batch_size: int
    epochs: int

    def settings(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """Of our forecaster."""
        shape = {name: getattr(self, name) for name in ("horizon", "window", "batch_size", "epochs")}
        return COMMON | shape | own


@dataclass(frozen=True)
class Run:
    """What a side took in a round."""

    training: Cost
    command: Cost
    report: Mapping[str, Any]
    error: float


def main() -> bool:
    """Print times, memory and ratios; True if ours is as many times as fast as the bar says."""
    if not STATUS.exists():
        raise CannotRun("the peaks of memory are read from Linux's /proc")
    if not DATA.is_dir():
        raise CannotRun("the data are not here; set ELMAN_DATA to the folder of the development data")
    python = environment(Path(__file__).with_name("_neuralforecast.txt"))
    print(f"{os.getloadavg()[0]:.1f} programs were running before; processor seconds count those of all threads")
    met = [_job(job, python, threads) for threads in thread_counts() for job in _jobs()]
    return all(met)


def _jobs() -> Iterator[Job]:
    """Each of about as many updates as the peer makes by default, 1,000."""
    with (DATA / "series" / "ETTh1.csv").open(newline="") as file:
        rows = [(row["date"], float(row["OT"])) for row in csv.DictReader(file)][:10_000]
    times, values = zip(*rows, strict=True)
    yield Job("10,000 steps of ETTh1", {"OT": np.array(values)}, list(times), 24, 96, 128, 13)
    with (DATA / "m4" / "Hourly-train.csv").open(newline="") as file:
        _, *lines = csv.reader(file)
    many = {row[0]: np.array([float(value) for value in row[1:] if value]) for row in lines}
    yield Job(f"M4 Hourly, {len(many)} series", many, None, 48, 168, 256, 5)


def _job(job: Job, python: Path, threads: int) -> bool:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write(job, folder / "data.csv")
        rounds: list[dict[str, Run]] = []
        for k in range(ROUNDS):
            found: dict[str, Run] = {}
            for side in (*OURS, PEER) if k % 2 == 0 else (PEER, *reversed(OURS)):
                if side == PEER:
                    updates = (found or rounds[0])["elman"].report["updates"]
                    found[side] = _peer(job, python, folder, threads, updates)
                else:
                    found[side] = _own(job, OURS[side], folder, threads)
            rounds.append(found)
    return _printed(job, threads, rounds)


def _write(job: Job, path: Path) -> None:
    """In the long format, without what is kept back."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["unique_id", "ds", "y"])
        for name, values in job.series.items():
            known = values[: -job.horizon].tolist()
            times = range(1, len(known) + 1) if job.times is None else job.times
            writer.writerows((name, time, value) for time, value in zip(times, known, strict=False))


def _own(job: Job, own: Mapping[str, Any], folder: Path, threads: int) -> Run:
    settings, out = job.settings(own), folder / "run"
    (folder / "own.json").write_text(json.dumps(settings), encoding="utf-8")
    words = [sys.executable, "-m", "benchmarks._neuralforecast_own", str(folder / "data.csv"), str(folder / "own.json")]
    report = json.loads(cost_of_command(words, threads)[1].splitlines()[-1])
    words = [sys.executable, "-m", "elman", "train", "forecast", str(folder / "data.csv"), *_flags(settings)]
    command, _ = cost_of_command([*words, "--out", str(out), "--overwrite"], threads)
    return Run(Cost(*report["cost"]), command, report, _error(job, out / "forecast.csv", "forecast"))


def _flags(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
        else:
            for one in value if isinstance(value, list) else [value]:
                yield from (f"--{flag}", str(one))


def _peer(job: Job, python: Path, folder: Path, threads: int, updates: int) -> Run:
    settings = job.settings({}) | {"updates": updates, "frequency": 1 if job.times is None else "h"}
    (folder / "peer.json").write_text(json.dumps(settings), encoding="utf-8")
    words = ["-m", "benchmarks._neuralforecast_peer", *(str(folder / name) for name in ("data.csv", "peer.json", ""))]
    command, output = cost_of_command([str(python), *words], threads)
    report = json.loads(output.splitlines()[-1])
    if report["updates"] != updates:
        raise RuntimeError(f"neuralforecast made {report['updates']} updates instead of {updates}")
    return Run(Cost(*report["cost"]), command, report, _error(job, folder / "forecast.csv", "GRU"))


def _error(job: Job, path: Path, column: str) -> float:
    """MASE of the forecasts on what was kept back, mean over the series."""
    found: dict[str, list[float]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["unique_id"], []).append(float(row[column]))
    errors = []
    for name, values in job.series.items():
        known, actual = values[: -job.horizon], values[-job.horizon :]
        unit = np.abs(known[SEASON:] - known[:-SEASON]).mean()
        errors.append(np.abs(np.array(found[name]) - actual).mean() / unit)
    return float(np.mean(errors))


def _printed(job: Job, threads: int, rounds: list[dict[str, Run]]) -> bool:
    first, peer = rounds[0]["elman"].report, rounds[0][PEER].report
    print(f"\n{job.name}, {threads} thread{'s' * (threads > 1)}, {len(rounds)} rounds: window {job.window}, horizon "
          f"{job.horizon}, {first['updates']} updates of {job.batch_size} windows")  # fmt: skip
    print("; ".join(", ".join(f"{k} {v}" for k, v in side["versions"].items()) for side in (first, peer)))
    heads = ("train s", "least", "CPU s", "MiB", "whole s", "least ", "CPU s ", "MiB ")
    columns = {head: ">7.0f" if head.strip() == "MiB" else ">7.2f" for head in heads}
    table = Table({"": "<14", "weights": ">7d", **columns, "MASE": ">6.3f"})
    for side in (*OURS, PEER):
        runs, figures = [found[side] for found in rounds], []
        for costs in ([run.training for run in runs], [run.command for run in runs]):
            seconds, processor, memory = zip(*costs, strict=True)
            figures += [statistics.median(seconds), min(seconds), *map(statistics.median, (processor, memory))]
        name = "neuralforecast" if side == PEER else side
        table.row(name, runs[0].report["parameters"], *figures, statistics.median(run.error for run in runs))
    return all([_ratios(side, rounds) for side in OURS][:1])  # the network of the defaults counts


def _ratios(side: str, rounds: list[dict[str, Run]]) -> bool:
    """Print how many times as fast; of the pairs of each round, the median and the least."""
    told, met = [], True
    for what in ("training", "command"):
        costs = [[getattr(found[who], what) for who in (PEER, side)] for found in rounds]
        seconds, processor, memory = ([a[k] / b[k] for a, b in costs] for k in range(3))
        ratio = statistics.median(seconds)
        met &= ratio >= BAR
        told.append(f"{what} {ratio:.1f} (least {min(seconds):.1f}; CPU {statistics.median(processor):.1f}; memory "
                    f"1/{statistics.median(memory):.1f})")  # fmt: skip
    bar = f"; bar {BAR}: {verdict(met)}" if side == "elman" else ""
    print(f"{side}: times as fast as neuralforecast, median of the pairs: {', '.join(told)}{bar}")
    return met
