"""Training of the pre-trained network on generated series."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from elman.cells.gru import CELL
from elman.nn.torch_ops import TorchOps
from elman.studies.pretrain.series import Draw
from elman.tasks.forecast.pretrained import from_season, run, shapes, step_of
from elman.tasks.forecast.pretrained_inputs import (
    FEWEST_SEASONS,
    LARGEST_TARGET,
    LONGEST_SEASON,
    SEASONS_AHEAD,
    SHORTEST_SEASON,
    Inputs,
    inputs_of,
    loss_weights,
    whole_seasons,
)

Array = np.ndarray
UNITS, HIDDEN = 64, 96
RATE, LEAST_RATE, WARM_UP = 1.5e-3, 1e-5, 200
LARGEST_GRADIENT, WEIGHT_DECAY, AVERAGE = 0.5, 1e-3, 0.998
SEASONS = {4: 0.22, 12: 0.33, 24: 0.2, 7: 0.15}  # their shares; the rest are any others
TWO_SEASONS_AHEAD, LONGEST = 0.3, 0.4  # shares of the batches with as many, and with the longest history
LARGEST_LOSS = 10.0


class Batch(NamedTuple):
    """Inputs and targets in units of each history's scale, and each series' weight."""

    inputs: Inputs
    targets: Tensor
    weights: Tensor
    season: int


def batch(random: np.random.Generator, count: int) -> Batch:
    """``count`` generated series of one season, and what follows them."""
    others = [one for one in range(SHORTEST_SEASON, LONGEST_SEASON + 1) if one not in SEASONS]
    shares = [*SEASONS.values(), *[(1 - sum(SEASONS.values())) / len(others)] * len(others)]
    season = int(random.choice([*SEASONS, *others], p=shares))
    most = whole_seasons(10**6, season) // season
    steps = season * (most if random.random() < LONGEST else int(random.integers(FEWEST_SEASONS, most + 1)))
    ahead = season * (SEASONS_AHEAD if random.random() < TWO_SEASONS_AHEAD else 1)
    values = Draw(random, count, steps + ahead, season).series()
    inputs = inputs_of(values[:, :steps], season, ahead)
    scale = np.where(inputs.scale > 0, inputs.scale, 1)
    targets = (values[:, steps:] - inputs.center) / scale
    weights = loss_weights(values[:, :steps], season, inputs.scale)[:, 0]
    parts = [torch.from_numpy(np.ascontiguousarray(one, np.float32)) for one in inputs]
    clipped = np.clip(targets, -LARGEST_TARGET, LARGEST_TARGET)
    return Batch(
        Inputs(*parts),  # type: ignore[arg-type]
        torch.from_numpy(clipped.astype(np.float32)),
        torch.from_numpy(weights.astype(np.float32)),
        season,
    )


def loss_of(arrays: dict[str, Tensor], own: Batch) -> Tensor:
    """Mean absolute error in units of the mean change over a season; of large errors the logarithm counts."""
    ops = TorchOps(CELL.gates, arrays["weight_hh"].shape[1])
    found = run(arrays, own.inputs, own.season, ops, step_of(arrays, ops))
    error = (found - own.targets).abs().mean(1) * own.weights
    return torch.where(error > LARGEST_LOSS, LARGEST_LOSS + (error - LARGEST_LOSS).clamp(min=0).log1p(), error).mean()


def begun(units: int, hidden: int) -> dict[str, Tensor]:
    """Random arrays, so that at first all simple forecasts count alike."""
    found = {}
    for name, shape in shapes(units, hidden).items():
        spread = (units if name.endswith(("ih", "hh")) else shape[-1]) ** -0.5
        found[name] = torch.empty(shape).uniform_(-spread, spread)
    for name in ("last", "last_bias", "first_bias", "second_bias"):
        found[name].zero_()
    return {name: tensor.requires_grad_() for name, tensor in found.items()}


def trained(
    updates: int, size: int, seed: int, units: int = UNITS, hidden: int = HIDDEN
) -> Iterator[tuple[float, dict[str, Array]]]:
    """After each update its loss, and the arrays averaged over the latest of them."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    learned = begun(units, hidden)
    constant = {"from_season": torch.from_numpy(from_season(units))}
    optimizer = torch.optim.AdamW(learned.values(), lr=RATE, weight_decay=WEIGHT_DECAY)
    average = {name: tensor.detach().clone() for name, tensor in learned.items()}
    for update in range(updates):
        for group in optimizer.param_groups:
            cosine = 0.5 * (1 + np.cos(np.pi * update / updates))
            group["lr"] = RATE * min(1, (update + 1) / WARM_UP) * cosine + LEAST_RATE
        loss = loss_of({**learned, **constant}, batch(random, size))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned.values(), LARGEST_GRADIENT)
        optimizer.step()
        share = min(AVERAGE, (update + 1) / (update + 10))
        with torch.no_grad():
            for name, tensor in learned.items():
                average[name].lerp_(tensor, 1 - share)
        yield loss.item(), {name: tensor.numpy().copy() for name, tensor in average.items()}
