"""What a test's numbers mean, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.tasks.regress.borders import Jumps
from elman.tasks.regress.record import Record
from elman.tasks.regress.scores import Told


def count_of(told: Sequence[Told]) -> str:
    """How much is scored."""
    many = "1 sequence" if len(told) == 1 else f"{len(told)} sequences"
    if not told or told[0].last:
        return f"{many}, a target each"
    sizes = [len(one.truth) - one.start for one in told]
    steps = f"{sizes[0]} steps" if len(set(sizes)) == 1 else f"{min(sizes)} to {max(sizes)} steps"
    return f"{many} of {steps}" if all(one.start == 0 for one in told) else f"the last {steps} of {many}"


def border_note(jumps: Jumps | None) -> str:
    """The jump at the borders of sequences, "" where there are none."""
    if jumps is None:
        return ""
    where = "the border" if jumps.borders == 1 else f"the {jumps.borders} borders"
    return (
        f"Jump at {where}: {jumps.excess:.3g} (the error changes by {jumps.across:.3g} across one, "
        f"by {jumps.inside:.3g} from step to step inside)."
    )


def extrapolation_note(record: Record, told: Sequence[Told]) -> str:
    """How many steps have inputs outside the range of training, and which input is the farthest out; "" for none."""
    outside = np.concatenate([one.outside[one.start :] for one in told])
    if not outside.any():
        return ""
    inputs = np.concatenate([one.inputs if one.last else one.inputs[one.start :] for one in told])
    low, high = np.array(record.lowest), np.array(record.highest)
    reach = np.maximum(low - inputs.min(axis=0), inputs.max(axis=0) - high) / np.maximum(high - low, 1e-300)
    k = int(np.argmax(np.where(outside.any(axis=0), reach, -np.inf)))
    found, units = int(outside.any(axis=1).sum()), "sequences" if told[0].last else "steps"
    here, training = f"{inputs[:, k].min():.4g} to {inputs[:, k].max():.4g}", f"{low[k]:.4g} to {high[k]:.4g}"
    return (
        f"Extrapolation: {found} of {len(outside)} {units} have an input outside the range of training "
        f"({record.inputs[k]}: {here}, in training {training})."
    )
