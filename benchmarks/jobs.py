"""Whole training programs of small jobs: our layers and loop against torch.nn's layers in a hand-written loop."""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

import elman.nn
from benchmarks import geometric_mean, interleaved, median_ratio
from benchmarks._machine import alone, thread_counts
from benchmarks._table import Table, verdict
from benchmarks.forecasting import noisy_sine
from elman.learning import Examples
from elman.nn.network import Batch
from elman.nn.twins import PointTwin
from elman.studies.demo import noisy_price
from elman.training.loop import fit
from elman.training.memory import keep_freed_memory
from elman.training.settings import TrainingSettings

ROUNDS, SEEDS = 5, 3
# how many times as fast on one thread: the geometric mean over the rows, and J5's GRU by itself
BAR, BAR_J5_GRU = 4.0, 15.0
COLUMNS = {
    "job": "<11",
    "cell": "<10",
    "updates": ">7d",
    "plain ms": ">9.1f",
    "ours ms": ">9.1f",
    "× plain": ">7.2f",
    "bar": ">4.1f",
    "": "<6",
    "× torch.nn": ">10.2f",
    "loss, plain": ">11.6f",
    "ours": ">9.6f",
    "spread": ">9.1e",
    "agree": "<6",
}

Program = Callable[[], torch.nn.Module]


@dataclass(frozen=True)
class Job:
    """The examples, and how they are trained on; ``bptt_steps`` as in :func:`elman.training.loop.fit`."""

    name: str
    examples: Examples
    cells: tuple[str, ...]
    hidden_size: int
    learning_rate: float
    epochs: int
    num_layers: int = 1
    batch_size: int = 0
    bptt_steps: int = 0

    @property
    def updates(self) -> int:
        """Over all epochs."""
        batches = -(-len(self.examples) // (self.batch_size or len(self.examples)))
        segments = self.examples.inputs.shape[1] // self.bptt_steps if self.bptt_steps else 1
        return self.epochs * batches * segments


class Model(torch.nn.Module):
    """A recurrent layer and a linear one; of all steps, or where the targets have no time, of the last."""

    def __init__(self, layer: torch.nn.Module, job: Job) -> None:
        super().__init__()
        self.layer, self.head = layer, torch.nn.Linear(job.hidden_size, 1)
        self.last = job.examples.targets.ndim == 2
        self.point = PointTwin("mse")

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)[0]
        return self.head(y[:, -1] if self.last else y)

    def keeps_time(self, sequences: object) -> bool:
        """As :func:`elman.training.loop.fit` asks for it."""
        return not self.last

    def loss(self, batch: Batch, state: object = None) -> tuple[Tensor, Tensor | int, dict[str, Tensor]]:
        """As :func:`elman.training.loop.fit` asks for it; the hand-written loops have their own."""
        return *self.point.loss(self(batch.inputs), batch.targets, batch.weight), {}


class Carried(Model):
    """The same, with state in and out."""

    def forward(self, x: Tensor, state: Tensor | tuple[Tensor, ...] | None = None) -> tuple[Tensor, object]:
        y, state = self.layer(x, state)
        return self.head(y), state

    def loss(
        self, batch: Batch, state: dict[str, Tensor] | None = None
    ) -> tuple[Tensor, Tensor | int, dict[str, Tensor]]:
        """The same, the states by number."""
        given = tuple((state or {}).values())
        output, final = self(batch.inputs, given if len(given) > 1 else given[0] if given else None)
        states = final if isinstance(final, tuple) else (final,)
        return *self.point.loss(output, batch.targets, batch.weight), {str(k): s for k, s in enumerate(states)}


class FromScratch(torch.nn.Module):
    """The GRU that resets before, as the tutorials write it: a linear layer for each product, a loop over time."""

    def __init__(self, layer: elman.nn.GRU) -> None:
        super().__init__()
        size = layer.hidden_size
        for k, gate in enumerate("rzn"):
            for letter, kind, width in (("x", "ih", layer.input_size), ("h", "hh", size)):
                linear = torch.nn.Linear(width, size)
                for name, parameter in linear.named_parameters():
                    own = getattr(layer, f"{name}_{kind}_l0")
                    parameter.data = own.detach()[k * size : (k + 1) * size].clone()
                setattr(self, f"{letter}_{gate}", linear)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        h = x.new_zeros(len(x), self.h_r.in_features)
        for x_t in x.unbind(1):
            r = torch.sigmoid(self.x_r(x_t) + self.h_r(h))
            z = torch.sigmoid(self.x_z(x_t) + self.h_z(h))
            n = torch.tanh(self.x_n(x_t) + self.h_n(r * h))
            h = (1 - z) * n + z * h
        return (h.unsqueeze(1),)  # the last output alone


def jobs() -> Iterator[Job]:
    """J5 and J8 with fewer epochs than a user would train; what counts is the time of one."""
    yield Job("J1 price", windows(noisy_price()[0][:400], 10), ("LSTM", "GRU"), 20, 0.01, epochs=100, num_layers=2)
    segments = np.concatenate([np.linspace(k * np.pi, (k + 1) * np.pi, 10) for k in range(60)])
    sequence = aligned(np.sin(segments), np.cos(segments))
    yield Job("J3 segments", sequence, ("RNN", "LSTM"), 32, 0.01, epochs=1, bptt_steps=10)
    x = np.linspace(-3, 3, 1000)
    yield Job("J5 curve", aligned(x, np.sin(3 * x) + x), ("RNN", "LSTM", "GRU"), 128, 5e-4, epochs=20)
    sine = np.sin(np.linspace(0, 10, 100))
    yield Job("J6 sine", aligned(sine[:-1], sine[1:]), ("RNN",), 32, 0.01, epochs=1000)
    yield Job("J8 scratch", windows(noisy_sine()[:600], 4), ("GRU before",), 20, 0.01, epochs=50, batch_size=32)


def windows(series: np.ndarray, length: int) -> Examples:
    """Every window, and the value after it."""
    cut = np.lib.stride_tricks.sliding_window_view(series, length + 1)
    return Examples(cut[:, :-1, None], cut[:, -1:])


def aligned(inputs: np.ndarray, targets: np.ndarray) -> Examples:
    """One sequence, with a target at every step."""
    x, y = (values.astype(np.float32).reshape(1, -1, 1) for values in (inputs, targets))
    return Examples(x, y)


def plain(model: torch.nn.Module, job: Job, seed: int) -> None:
    """The usual hand-written loop."""
    x, y = torch.tensor(job.examples.inputs), torch.tensor(job.examples.targets)
    optimiser = torch.optim.Adam(model.parameters(), lr=job.learning_rate)
    loss_function = torch.nn.MSELoss()
    order = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(job.epochs):
        batches = torch.randperm(len(x), generator=order).split(job.batch_size) if job.batch_size else [slice(None)]
        for rows in batches:
            loss = loss_function(model(x[rows]), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())


def plain_carried(model: torch.nn.Module, job: Job, seed: int) -> None:
    """The usual hand-written loop for a sequence cut into segments."""
    x, y = torch.tensor(job.examples.inputs), torch.tensor(job.examples.targets)
    optimiser = torch.optim.Adam(model.parameters(), lr=job.learning_rate)
    loss_function = torch.nn.MSELoss()
    losses = []
    for _ in range(job.epochs):
        state = None
        for start in range(0, x.shape[1], job.bptt_steps):
            segment = slice(start, start + job.bptt_steps)
            prediction, state = model(x[:, segment], state)
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
            loss = loss_function(prediction, y[:, segment])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())


def programs(job: Job, cell: str, seed: int) -> Mapping[str, Program]:
    """The job by each program, from the same initial weights and in the same order; returns the trained model."""
    torch.manual_seed(seed)
    sizes, kind = (1, job.hidden_size, job.num_layers), Carried if job.bptt_steps else Model
    if cell == "GRU before":
        layer = elman.nn.GRU(*sizes, reset="before", batch_first=True)
        peers = {"plain": FromScratch(layer), "torch.nn": torch.nn.GRU(*sizes, batch_first=True)}
    else:
        layer = getattr(elman.nn, cell)(*sizes, batch_first=True)
        peers = {"plain": getattr(torch.nn, cell)(*sizes, batch_first=True)}
        peers["plain"].load_state_dict(layer.state_dict())
    ours = kind(layer, job)
    settings = TrainingSettings(
        epochs=job.epochs,
        batch_size=job.batch_size,
        learning_rate=job.learning_rate,
        weight_decay=0,
        clip_norm=0,
        seed=seed,
    )

    def train_ours() -> torch.nn.Module:
        model = copy.deepcopy(ours)
        fit(model, job.examples, settings, bptt_steps=job.bptt_steps)
        return model

    def train(peer: torch.nn.Module) -> torch.nn.Module:
        model = kind(copy.deepcopy(peer), job)
        model.head.load_state_dict(ours.head.state_dict())
        (plain_carried if job.bptt_steps else plain)(model, job, seed)
        return model

    return {"ours": train_ours} | {name: lambda peer=peer: train(peer) for name, peer in peers.items()}


@torch.no_grad()
def final_loss(model: torch.nn.Module, job: Job) -> float:
    """Mean squared error over the training examples."""
    prediction = model.eval()(torch.tensor(job.examples.inputs))
    prediction = prediction[0] if job.bptt_steps else prediction
    return (prediction - torch.tensor(job.examples.targets)).square().mean().item()


def main() -> bool:
    """Print times, ratios and final losses; True if on one thread every bar is met and the losses agree."""
    print(f"medians over {ROUNDS} interleaved rounds, ratios within a round; the bars hold for one thread")
    print(f"loss: final mean squared error over {SEEDS} seeds; they agree where the means differ by less than its")
    print("spread over the seeds. J8's plain GRU is written from scratch; × torch.nn compares with another cell")
    met = True
    for threads in thread_counts():
        print(f"\n{threads} thread{'s' if threads > 1 else ''}")
        ratios, agreed = alone(threads, measure, threads)
        mean = geometric_mean(ratios)
        good = mean >= BAR
        met &= threads > 1 or (good and agreed)
        print(f"geometric mean {mean:.2f} × plain" + (f" (bar {BAR}) {verdict(good)}" if threads == 1 else ""))
    return met


def measure(threads: int) -> tuple[list[float], bool]:
    """The ratios of all jobs, and whether their own bars are met and losses agree (both checked on one thread)."""
    keep_freed_memory()  # as the command line does, for both programs: else the heap's layout decides which is slower
    table = Table(COLUMNS)
    ratios, met = [], True
    for job in jobs():
        for cell in job.cells:
            runs = programs(job, cell, seed=0)
            seconds = interleaved(runs, ROUNDS)
            ms = {name: statistics.median(values) * 1e3 for name, values in seconds.items()}
            ratios.append(median_ratio(seconds, "plain", "ours"))
            over_torch = median_ratio(seconds, "torch.nn", "ours") if "torch.nn" in runs else None
            figures = [job.name, cell, job.updates, ms["plain"], ms["ours"], ratios[-1]]
            if threads > 1:
                table.row(*figures, None, None, over_torch)
                continue
            bar = BAR_J5_GRU if (job.name, cell) == ("J5 curve", "GRU") else None
            fast = bar is None or ratios[-1] >= bar
            means, spread = _losses(job, cell)
            agree = abs(means["ours"] - means["plain"]) <= spread
            met &= fast and agree
            judged = None if bar is None else verdict(fast)
            table.row(*figures, bar, judged, over_torch, means["plain"], means["ours"], spread, verdict(agree))
    return ratios, met


def _losses(job: Job, cell: str) -> tuple[dict[str, float], float]:
    """The mean of each program's final loss over the seeds, and the largest range over the seeds."""
    losses: dict[str, list[float]] = {"ours": [], "plain": []}
    for seed in range(SEEDS):
        runs = programs(job, cell, seed)
        for name, values in losses.items():
            values.append(final_loss(runs[name](), job))
    spread = max(max(values) - min(values) for values in losses.values())
    return {name: statistics.fmean(values) for name, values in losses.items()}, spread
