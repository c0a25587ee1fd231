"""Losses by name. A new one is a line in :data:`LOSSES`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from elman.errors import SettingsError, ShapeError

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]

# name → torch's operator, which takes a reduction; Huber's quadratic part is |error| ≤ 1. The functions of the same
# name around them in torch.nn.functional broadcast first, which takes longer than the loss of a small batch.
LOSSES: dict[str, Callable[..., Tensor]] = {
    "mae": torch.ops.aten.l1_loss,
    "mse": torch.ops.aten.mse_loss,
    "huber": torch.ops.aten.huber_loss,
}
EACH, MEAN = 0, 1


def get_loss(name: str) -> Loss:
    """The loss called ``name``, as a function ``(prediction, target, weight) -> mean``.

    The three have one shape; the result is a scalar, Σ weight·loss / Σ weight. A weight of None stands for all ones,
    and costs nothing. Where all weights are 0 the result is 0.

    Raises:
        SettingsError: no loss has this name.
        ShapeError: (by the function) prediction and target differ in shape; torch would broadcast them.

    >>> prediction, target = torch.tensor([1.0, 5.0]), torch.tensor([0.0, 2.0])
    >>> get_loss("mse")(prediction, target, torch.tensor([3.0, 1.0]))
    tensor(3.)
    """
    if name not in LOSSES:
        raise SettingsError(f"loss is {name!r}; choose one of: {', '.join(LOSSES)}")
    function = LOSSES[name]

    def loss(prediction: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        if prediction.shape != target.shape:
            raise ShapeError(
                f"the model's output has shape {tuple(prediction.shape)} and the targets {tuple(target.shape)}; "
                "they must be alike"
            )
        if weight is None:
            return function(prediction, target, MEAN)
        each = function(prediction, target, EACH) * weight
        total = weight.sum()
        return each.sum() / total.where(total > 0, 1.0)

    return loss
