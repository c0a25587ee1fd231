"""What the classifier is worth: MNIST, four sets of the UCR/UEA archive; and the time of an epoch.

Without ``--final`` a share of each training part is scored, and no test set is looked at.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import interleaved, median_ratio
from benchmarks._data import DATA
from benchmarks._table import Table, verdict
from elman import SequenceClassifier
from elman.data import Sequences, read_sequences
from elman.learning import Examples
from elman.nn.network import Network, arrays_of, set_arrays
from elman.tasks.classify import ClassifySettings
from elman.tasks.classify.problem import ClassifyProblem
from elman.training.loop import fit

SEEDS = 3
CYCLE: dict[str, Any] = {"schedule": "one-cycle", "patience": 0, "validation": 0.0, "refit": False}
ROWS = CYCLE | {
    "cell": "lstm", "hidden_size": 128, "num_layers": 2, "dropout": 0.2,
    "learning_rate": 4e-3, "batch_size": 128, "epochs": 10,
}  # fmt: skip
PIXELS = CYCLE | {
    "cell": "gru", "hidden_size": 128, "init": "chrono:784", "learning_rate": 6e-3, "batch_size": 32, "epochs": 30,
}  # fmt: skip
# one set for all of the archive's data, chosen by cross-validation on the training files alone
SERIES = CYCLE | {
    "bidirectional": True, "pooling": "max", "conv_channels": 64, "conv_layers": 3, "conv_kernel": 15,
    "hidden_size": 64, "head_dropout": 0.2, "members": 3, "learning_rate": 3e-3, "batch_size": 8, "epochs": 100,
}  # fmt: skip
BARS = {"JapaneseVowels": 0.975, "GunPoint": 0.95, "BasicMotions": 0.97, "ArrowHead": 0.75}
ROWS_BAR, PIXELS_BAR, SPEED_BAR = 0.992, 0.988, 1.25
TIMED_ROWS, ROUNDS = 12_800, 5
COLUMNS = {
    "data": "<16",
    "runs": ">4d",
    "accuracy": ">8.4f",
    "spread": ">7.4f",
    "logistic": ">8.4f",
    "bar": ">6.3f",
    "": "<6",
    "seconds": ">8.1f",
}


def main(final: bool = False) -> bool:
    """Print accuracies and the time of an epoch; True if every bar is met."""
    folder = DATA
    if not folder.is_dir():
        print("the data are not here; set ELMAN_DATA to the folder of the development data")
        return False
    print(f"accuracy on {'the test sets' if final else 'a share of the training parts'}")
    table = Table(COLUMNS)
    met = [_series(folder / "ts_classification", table, final)]
    rows = read_sequences(folder / "mnist", view="rows")
    pixels = read_sequences(folder / "mnist", view="pixels")
    met += [_mnist("MNIST rows", rows, ROWS, SEEDS, ROWS_BAR, table, final)]
    met += [_mnist("MNIST pixels", pixels, PIXELS, 1, PIXELS_BAR, table, final)]
    return all([*met, _epoch(rows)])


def _scored(
    train: Sequences, test: Sequences | None, settings: dict[str, Any], seed: int
) -> tuple[float, float, float]:
    """Accuracy of the model and of the logistic regression, and seconds; without ``test`` on a share of ``train``."""
    begin = time.perf_counter()
    evaluation = SequenceClassifier(seed=seed, **settings).fit(train, test=test).outcome.evaluation
    assert evaluation is not None
    taken = time.perf_counter() - begin
    return evaluation.scores["accuracy"], evaluation.baselines["logistic"]["accuracy"], taken


def _row(name: str, runs: list[tuple[float, float, float]], bar: float, table: Table) -> bool:
    own, logistic, seconds = zip(*runs, strict=True)
    mean = statistics.fmean(own)
    met = mean >= bar
    spread = max(own) - min(own)
    table.row(name, len(runs), mean, spread, statistics.fmean(logistic), bar, verdict(met), statistics.fmean(seconds))
    return met


def _series(folder: Path, table: Table, final: bool) -> bool:
    met = []
    for name, bar in BARS.items():
        train, test = (read_sequences(folder / f"{name}_{part}.ts") for part in ("TRAIN", "TEST"))
        runs = [_scored(train, test if final else None, SERIES, seed) for seed in range(SEEDS)]
        met.append(_row(name, runs, bar, table))
    return all(met)


def _mnist(
    name: str, data: Sequences, settings: dict[str, Any], seeds: int, bar: float, table: Table, final: bool
) -> bool:
    assert data.is_test is not None
    train, test = data.select(~data.is_test), data.select(data.is_test)
    own = settings if final else settings | {"test_size": 1 / 6}
    return _row(name, [_scored(train, test if final else None, own, seed) for seed in range(seeds)], bar, table)


class Plain(torch.nn.Module):
    """The same model of torch's layers."""

    def __init__(self, settings: ClassifySettings, size: int, classes: int) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(
            size, settings.hidden_size, settings.num_layers, batch_first=True, dropout=settings.dropout
        )
        self.head = torch.nn.Linear(settings.hidden_size, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.head(self.lstm(x)[0][:, -1])
        return output


def _batches(x: torch.Tensor, y: torch.Tensor, size: int, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for rows in torch.randperm(len(x), generator=torch.Generator().manual_seed(seed)).split(size):
        yield x[rows], y[rows]


def _plain_epoch(model: Plain, x: torch.Tensor, y: torch.Tensor, settings: ClassifySettings) -> float:
    """An epoch of a plain loop over tensors that lie ready; its mean loss."""
    size = settings.batch_size or len(x)
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, total_steps=-(-len(x) // size))
    model.train()
    losses = []
    for inputs, targets in _batches(x, y, size, settings.seed):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip_norm)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    return statistics.fmean(losses)


def _epoch(data: Sequences) -> bool:
    """An epoch of our loop beside one of a plain loop, of the same model from the same weights."""
    settings = ClassifySettings(**(ROWS | {"epochs": 1}))
    problem = ClassifyProblem(data.select(np.arange(TIMED_ROWS)), settings)
    examples = problem.train()
    x, y = torch.from_numpy(np.ascontiguousarray(examples.inputs)), torch.from_numpy(examples.targets)
    begin = Plain(settings, x.shape[2], len(problem.encoding.classes))
    weights = dict(zip(_names(problem), arrays_of(begin).values(), strict=True))

    def ours() -> float:
        network = Network(problem.layers, dropout=settings.dropout)
        set_arrays(network, weights)
        return float(fit(network, Examples(examples.inputs, examples.targets), settings).history[0]["loss"])

    def plain() -> float:
        model = Plain(settings, x.shape[2], len(problem.encoding.classes))
        model.load_state_dict(begin.state_dict())
        return _plain_epoch(model, x, y, settings)

    losses = ours(), plain()
    agree = abs(losses[0] - losses[1]) < 0.1 * losses[1]
    taken = interleaved({"ours": ours, "plain": plain}, ROUNDS)
    ratio = median_ratio(taken, "plain", "ours")
    met = agree and ratio >= SPEED_BAR
    print(
        f"an epoch of {len(x)} images by rows, {torch.get_num_threads()} threads: {ratio:.2f} times as fast as a plain "
        f"loop of torch.nn.LSTM (bar {SPEED_BAR}); losses {losses[0]:.4f} and {losses[1]:.4f}: {verdict(met)}"
    )
    return met


def _names(problem: ClassifyProblem) -> list[str]:
    """Our names of the weights, in the order in which torch has them."""
    return list(arrays_of(Network(problem.layers)))
