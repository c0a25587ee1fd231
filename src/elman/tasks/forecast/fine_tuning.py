"""Fine-tuning of the pre-trained network: its last layers learn on, from the series to forecast.

The recurrent layer stays as it is, so its states are computed once; what follows it is trained on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from elman.cells.gru import CELL
from elman.cells.numpy_ops import NumpyOps
from elman.data.windows import contexts
from elman.errors import MissingDependencyError
from elman.tasks.forecast.pretrained import AT_ONCE, PretrainedMember, head, head_weights, states, stepper, weights
from elman.tasks.forecast.pretrained_inputs import LARGEST_TARGET, SIMPLE, inputs_of, loss_weights
from elman.tasks.forecast.smoothing import Observed

Array = np.ndarray
FEWEST_EXAMPLES, MOST_EXAMPLES = 128, 1000
UPDATES, ROWS, WARM_UP = 300, 512, 10
RATE, BETAS, DROPOUT, LARGEST_LOSS = 1e-3, (0.9, 0.98), 0.2, 10.0


class _Rows(NamedTuple):
    """One of each step ahead of each example, R: states (R, units), the inputs of what follows them, the target, in
    units of the history's scale, and its weight."""

    state: Array
    leads: Array
    simple: Array
    unit: Array
    target: Array
    weight: Array


def fine_tuned(
    member: PretrainedMember, horizon: int, series: Sequence[Observed], seed: int
) -> PretrainedMember | None:
    """``member`` with last layers trained on all windows of ``series``, or some of very many; None if the longest has
    too few of them, or nothing changes in any.

    Raises:
        MissingDependencyError: torch is not installed.
    """
    counts = [max(len(values) - member.window - horizon + 1, 0) for values, _ in series]
    if max(counts) < FEWEST_EXAMPLES:
        return None
    apart = -(-sum(counts) // MOST_EXAMPLES)
    parts = []
    for (values, observed), count in zip(series, counts, strict=True):
        last = len(values) - horizon - 1
        cutoffs = np.arange(last, last - count, -apart)[::-1]
        size = max(1, AT_ONCE // (SIMPLE * member.window))
        for some in np.array_split(cutoffs, -(-len(cutoffs) // size)) if count else ():
            parts.append(_rows(member, horizon, values, observed, some))
    rows = _Rows(*(np.concatenate(own) for own in zip(*parts, strict=True)))
    return replace(member, tuned=_trained(member, rows, seed)) if rows.weight.any() else None


def _rows(member: PretrainedMember, horizon: int, values: Array, observed: Array, cutoffs: Array) -> _Rows:
    values = np.log(values) if member.transform == "log" else values
    histories, season = contexts(values, cutoffs.tolist(), member.window), member.season
    inputs = inputs_of(histories, season, horizon)
    arrays = weights(member.version)
    ops = NumpyOps(CELL.gates, len(arrays["from_season"]))
    steps = np.ascontiguousarray(inputs.steps, np.float32)
    state = states(arrays, steps, season, horizon, ops, stepper(member.version))
    ahead = cutoffs[:, None] + 1 + np.arange(horizon)
    weight = observed[ahead] * loss_weights(histories, season, inputs.scale)
    target = (values[ahead] - inputs.center) / np.where(inputs.scale > 0, inputs.scale, 1)
    target = np.clip(target, -LARGEST_TARGET, LARGEST_TARGET)
    unit = np.broadcast_to(inputs.unit, ahead.shape)
    flat = [one.reshape(ahead.size, -1) for one in (state, inputs.leads, inputs.simple)]
    flat += [one.reshape(ahead.size) for one in (unit, target, weight)]
    return _Rows(*(np.ascontiguousarray(one, np.float32) for one in flat))


def _trained(member: PretrainedMember, rows: _Rows, seed: int) -> dict[str, Array]:
    """Mean absolute error in units of the mean change over a season, as in the training beforehand."""
    try:
        import torch
    except ImportError as missing:
        raise MissingDependencyError("torch", "training", "train") from missing

    from elman.nn.torch_ops import TorchOps

    learned = {name: torch.tensor(array, requires_grad=True) for name, array in head_weights(member.version).items()}
    known, ops = [torch.from_numpy(one) for one in rows], TorchOps(CELL.gates, rows.state.shape[1])
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(learned.values(), lr=RATE, betas=BETAS)
    for update in range(UPDATES):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (update + 1) / WARM_UP) * (1 - update / UPDATES)
        some = torch.randint(len(rows.target), (ROWS,), generator=random)
        state, leads, simple, unit, target, weight = (one[some] for one in known)
        kept = (torch.rand(state.shape, generator=random) >= DROPOUT) / (1 - DROPOUT)
        error = (head(learned, state * kept, leads, simple, unit, ops) - target).abs() * weight
        loss = error.clamp(max=LARGEST_LOSS).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {name: tensor.detach().numpy() for name, tensor in learned.items()}
