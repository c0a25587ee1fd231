"""The programs of :mod:`benchmarks.cost`: ``python -m benchmarks._cost_jobs JOB SIDE`` runs one in a fresh process.

Each side reads the same arrays, trains the same model for as many epochs on the same batches, and gives its loss on
what it was trained on. The plain side is what a tutorial would write over torch.nn, its tensors made beforehand.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks._data import DATA
from elman import SequenceClassifier, SequenceRegressor
from elman.data import read_sequences

Array = np.ndarray
MNIST_ROWS = 12_800
PLAIN_ADAM: dict[str, Any] = {"weight_decay": 0.0, "clip_norm": 0.0, "validation": 0.0, "test_size": 0}


@dataclass(frozen=True)
class Job:
    """What both sides do.

    Args:
        arrays: inputs (N, T, I) and targets.
        settings: of our estimator; the plain loop reads its sizes from them.
        carried: whether the state goes on from each sequence to the next.
        classes: 0 for regression.
    """

    arrays: Callable[[], tuple[Array, Array]]
    settings: dict[str, Any]
    carried: bool = False
    classes: int = 0


def numbers() -> tuple[Array, Array]:
    """J2: random sequences and values."""
    random = np.random.default_rng(0)
    return random.normal(size=(100, 5, 10)).astype("f4"), random.normal(size=(100, 1)).astype("f4")


def waves() -> tuple[Array, Array]:
    """J3: segments of a sine, and of the cosine that is to follow it."""
    times = np.stack([np.linspace(k * np.pi, (k + 1) * np.pi, 10) for k in range(60)])[:, :, None]
    return np.sin(times).astype("f4"), np.cos(times).astype("f4")


def digits() -> tuple[Array, Array]:
    """J4: images by rows, as far as the classifier scales them."""
    folder = DATA
    data = read_sequences(folder / "mnist", view="rows").select(np.arange(MNIST_ROWS))
    return data.inputs, np.array([int(label) for label in data.known_labels()])


def curve() -> tuple[Array, Array]:
    """J5: one sequence of 1,000 steps."""
    x = np.linspace(-3, 3, 1000, dtype="f4")[None, :, None]
    return x, np.sin(3 * x) + x


def slow_sine() -> tuple[Array, Array]:
    """J8: windows of four values, and the next one."""
    random = np.random.default_rng(0)
    series = (np.sin(0.01 * np.arange(1000)) + random.normal(0, 0.2, 1000)).astype("f4")
    windows = np.lib.stride_tricks.sliding_window_view(series[:600], 5)
    return windows[:, :4, None].copy(), windows[:, 4:].copy()


JOBS = {
    "J2": Job(numbers, {"cell": "lstm", "num_layers": 2, "hidden_size": 20, "learning_rate": 0.01, "epochs": 300,
                        "batch_size": 0, "at": "last"}),
    "J3": Job(waves, {"cell": "rnn", "hidden_size": 32, "learning_rate": 0.01, "epochs": 30, "batch_size": 1,
                      "carry": True}, carried=True),
    "J4": Job(digits, {"cell": "lstm", "num_layers": 2, "hidden_size": 128, "learning_rate": 1e-3, "epochs": 1,
                       "batch_size": 128}, classes=10),
    "J5": Job(curve, {"cell": "gru", "hidden_size": 128, "learning_rate": 5e-4, "epochs": 100, "batch_size": 0}),
    "J8": Job(slow_sine, {"cell": "gru-before", "hidden_size": 20, "learning_rate": 0.01, "epochs": 30,
                          "batch_size": 32, "at": "last"}),
}  # fmt: skip


def ours(job: Job, x: Array, y: Array) -> float:
    """The loss at the end of our estimator's training."""
    if job.classes:
        settings = job.settings | PLAIN_ADAM | {"test_size": 0.0, "refit": False}
        labels = [str(k) for k in y]
        return float(SequenceClassifier(**settings).fit((x, labels)).outcome.history[-1]["loss"])
    settings = job.settings | PLAIN_ADAM | {"loss": "mse"}
    return float(SequenceRegressor(**settings).fit((list(x), list(y))).outcome.history[-1]["loss"])


class CellByHand(torch.nn.Module):
    """A GRU that resets before the product, step by step: torch.nn has none."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.of_x = torch.nn.Linear(inputs, 3 * hidden)
        self.of_h, self.of_reset = torch.nn.Linear(hidden, 2 * hidden), torch.nn.Linear(hidden, hidden)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = x.new_zeros(len(x), self.of_reset.in_features)
        outputs = []
        for x_t in x.unbind(1):
            r, z, n = self.of_x(x_t).chunk(3, 1)
            more_r, more_z = self.of_h(h).chunk(2, 1)
            r, z = torch.sigmoid(r + more_r), torch.sigmoid(z + more_z)
            h = (1 - z) * torch.tanh(n + self.of_reset(r * h)) + z * h
            outputs.append(h)
        return torch.stack(outputs, 1), h


class Plain(torch.nn.Module):
    """torch's layers, or a cell by hand, and a linear layer."""

    def __init__(self, job: Job, inputs: int, outputs: int) -> None:
        super().__init__()
        cell, hidden = job.settings["cell"], job.settings["hidden_size"]
        if cell == "gru-before":
            self.recurrent: torch.nn.Module = CellByHand(inputs, hidden)
        else:
            kind = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
            self.recurrent = kind(inputs, hidden, job.settings.get("num_layers", 1), batch_first=True)
        self.head = torch.nn.Linear(hidden, outputs)
        self.last = job.classes > 0 or job.settings.get("at") == "last"

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        output, state = self.recurrent(x) if state is None else self.recurrent(x, state)
        return self.head(output[:, -1] if self.last else output), state


def plain(job: Job, inputs: Array, targets: Array) -> float:
    """The mean loss of the last epoch of a plain loop."""
    torch.manual_seed(0)
    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
    if job.classes:
        x = (x - x.mean()) / x.std()
    model = Plain(job, x.shape[2], job.classes or y.shape[-1])
    measure = torch.nn.functional.cross_entropy if job.classes else torch.nn.functional.mse_loss
    optimiser = torch.optim.Adam(model.parameters(), lr=job.settings["learning_rate"])
    size = job.settings["batch_size"] or len(x)
    for _ in range(job.settings["epochs"]):
        total, state = 0.0, None
        order = torch.arange(len(x)) if job.carried else torch.randperm(len(x))
        for rows in order.split(size):
            output, state = model(x[rows], state if job.carried else None)
            state = state.detach() if job.carried else None
            loss = measure(output, y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() * len(rows)
    return total / len(x)


def main() -> None:
    """Print seconds, MiB at the peak beyond what was there before, and the loss, as JSON."""
    job, side = JOBS[sys.argv[1]], sys.argv[2]
    x, y = job.arrays()
    torch.nn.Linear(2, 2)(torch.zeros(1, 2)).sum().backward()  # what torch loads at its first use is no part of a job
    before = _kib()
    start = time.perf_counter()
    loss = (ours if side == "ours" else plain)(job, x, y)
    print(json.dumps([time.perf_counter() - start, max(0, _peak() - before) / 1024, loss]))


def _kib() -> int:
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0])


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
