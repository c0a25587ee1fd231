"""The training loop against a hand-written torch loop of the same model and batches: at most 1.1 times its time."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

import elman.nn
from benchmarks import interleaved, median_ratio
from elman.learning import Examples
from elman.nn.network import Batch
from elman.nn.twins import PointTwin
from elman.training.loop import fit
from elman.training.memory import keep_freed_memory
from elman.training.settings import TrainingSettings

ROUNDS = 7
BAR = 1.1


@dataclass(frozen=True)
class Job:
    """A series cut into windows, and how it is trained."""

    name: str
    series: np.ndarray
    train: int  # points of the training part
    window: int
    cells: tuple[str, ...]
    num_layers: int
    batch_size: int  # 0: all at once
    epochs: int

    def examples(self) -> tuple[Examples, Examples]:
        """Training and validation part: the next value after each window."""
        windows = np.lib.stride_tricks.sliding_window_view(self.series, self.window + 1)
        inputs, targets = windows[:, :-1, None], windows[:, -1:]
        cut = self.train - self.window
        return Examples(inputs[:cut], targets[:cut]), Examples(inputs[cut:], targets[cut:])


def jobs() -> list[Job]:
    """The two jobs, with fewer epochs than a user would train; what counts is the time of one."""
    random = np.random.default_rng(0)
    price = np.sin(np.linspace(0, 100, 500)) + random.normal(0, 0.1, 500)
    slow = np.sin(0.01 * np.arange(1000)) + random.normal(0, 0.2, 1000)
    return [
        Job("J1", price.astype(np.float32), 400, 10, ("LSTM", "GRU"), 2, 0, 40),
        Job("J8", slow.astype(np.float32), 600, 4, ("GRU",), 1, 32, 30),
    ]


class Forecast(torch.nn.Module):
    """A recurrent layer, its last output, a linear layer."""

    def __init__(self, nn: object, cell: str, num_layers: int) -> None:
        super().__init__()
        self.recurrent = getattr(nn, cell)(1, 20, num_layers, batch_first=True)
        self.head = torch.nn.Linear(20, 1)
        self.point = PointTwin("mse")

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.recurrent(x)[0][:, -1])

    def loss(self, batch: Batch, state: object = None) -> tuple[Tensor, Tensor | int, dict[str, Tensor]]:
        """For :func:`elman.training.loop.fit`; the hand-written loop has its own."""
        return *self.point.loss(self(batch.inputs), batch.targets, batch.weight), {}


def bare(
    model: torch.nn.Module, job: Job, train: Examples, validation: Examples | None, fused: bool | None = None
) -> None:
    """The loop as a tutorial writes it."""
    x, y = torch.tensor(train.inputs), torch.tensor(train.targets)
    held_out = None if validation is None else (torch.tensor(validation.inputs), torch.tensor(validation.targets))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01, fused=fused)
    loss_function = torch.nn.MSELoss()
    size = job.batch_size or len(x)
    losses = []
    for _ in range(job.epochs):
        model.train()
        total = 0.0
        order = torch.randperm(len(x)) if size < len(x) else None
        for start in range(0, len(x), size):
            rows = slice(start, start + size) if order is None else order[start : start + size]
            loss = loss_function(model(x[rows]), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item()
        if held_out is not None:
            model.eval()
            with torch.no_grad():
                losses.append((total, loss_function(model(held_out[0]), held_out[1]).item()))


def ours(model: torch.nn.Module, job: Job, train: Examples, validation: Examples | None) -> None:
    """The same through :func:`elman.training.loop.fit`, with all that it does besides."""
    settings = TrainingSettings(epochs=job.epochs, batch_size=job.batch_size, learning_rate=0.01, patience=0)
    fit(model, train, settings, validation=validation)


def main() -> bool:
    """Print times and ratios for one thread and two; True if our loop is within the bar everywhere."""
    print(f"torch {torch.__version__}; milliseconds an epoch, medians of {ROUNDS} interleaved rounds; bar {BAR}")
    # as the command line does, for both loops: else the heap's layout decides which is slower
    print(f"freed memory is {'kept' if keep_freed_memory() else 'given back'} between updates")
    before = torch.get_num_threads()
    met = True
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for job in jobs():
                for cell in job.cells:
                    met &= _measure(job, cell, threads)
    finally:
        torch.set_num_threads(before)
    return met


def _measure(job: Job, cell: str, threads: int) -> bool:
    train, validation = job.examples()

    def run(loop: Callable[..., None], nn: object, held_out: Examples | None, **options: bool) -> Callable[[], None]:
        return lambda: loop(Forecast(nn, cell, job.num_layers), job, train, held_out, **options)

    seconds = interleaved(
        {
            "bare": run(bare, elman.nn, None),
            "ours": run(ours, elman.nn, None),
            "bare+validation": run(bare, elman.nn, validation),
            "ours+validation": run(ours, elman.nn, validation),
            "bare, fused Adam": run(bare, elman.nn, None, fused=True),
            "bare, torch.nn": run(bare, torch.nn, None),
        },
        ROUNDS,
    )
    ratios = {
        "ours / bare": median_ratio(seconds, "ours", "bare"),
        "with validation": median_ratio(seconds, "ours+validation", "bare+validation"),
    }
    asides = {
        "over fused Adam": median_ratio(seconds, "ours", "bare, fused Adam"),
        "over torch.nn's layer": median_ratio(seconds, "ours", "bare, torch.nn"),
    }
    met = max(ratios.values()) <= BAR
    times = ", ".join(f"{name} {statistics.median(s) / job.epochs * 1e3:.2f}" for name, s in seconds.items())
    print(f"{job.name} {cell}, {threads} thread{'s' if threads > 1 else ''}: {times}")
    print(f"    {', '.join(f'{k} {v:.2f}' for k, v in ratios.items())} {'ok' if met else 'MISSED'}", end="")
    print(f"   (for information: {', '.join(f'{k} {v:.2f}' for k, v in asides.items())})", flush=True)
    return met
