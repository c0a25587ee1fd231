"""What the torch twins of layers and heads have in common; :mod:`elman.nn.twins` has them.

A twin is called with what it reads and gives what :meth:`elman.model.Layer.run` gives: its output and its state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.recurrence import Layout

State = dict[str, Tensor]
NO_STATE: State = {}


class Regularisation(NamedTuple):
    """What acts on a model while it is trained, and how it begins; no description needs it."""

    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    init: str = "torch"


class Twin(torch.nn.Module):
    """Base of all twins."""

    def forward(self, x: Sequence[Tensor], lengths: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Output and state; ``lengths`` (N,) on the CPU."""
        raise TypeError(f"{type(self).__name__} defines no forward")


class HeadTwin(Twin):
    """Base of the twins of heads: the last layer, which has the loss."""

    def forward(self, x: Sequence[Tensor], lengths: Tensor | None, state: State) -> tuple[Tensor, State]:
        return x[0], NO_STATE

    def loss(self, output: Tensor, targets: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor | int]:
        """The mean over what counts, and how much counts.

        Args:
            output: (N, …, F), what the last layer before the head put out.
            targets: as the head takes them.
            weight: of the shape of ``targets``, or of its first dimensions; None counts all 1.
        """
        raise TypeError(f"{type(self).__name__} defines no loss")


class LossTwin(Twin):
    """Base of the twins of layers that have a loss of their own while they are trained."""

    def __init__(self) -> None:
        super().__init__()
        self._loss_of_pass: Tensor | None = None

    def keep(self, loss: Tensor) -> None:
        """Called in each forward pass of training, with its loss."""
        self._loss_of_pass = loss

    def taken(self) -> Tensor:
        """The loss of the last forward pass, once."""
        loss, self._loss_of_pass = self._loss_of_pass, None
        assert loss is not None, "a forward pass comes first"
        return loss


def arguments_of(layout: Layout) -> dict[str, Any]:
    """What :class:`elman.nn.recurrent.Recurrent` is made with for a layout, batch first."""
    return {
        "cell": layout.cell,
        "input_size": layout.input_size,
        "hidden_size": layout.hidden_size,
        "num_layers": layout.num_layers,
        "bias": layout.bias,
        "batch_first": True,
        "bidirectional": layout.bidirectional,
        "proj_size": layout.proj_size,
        "layer_norm": layout.layer_norm,
        "zoneout": layout.zoneout or 0.0,
        "options": layout.option_values,
    }


def weighted_mean(each: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Σ weight·each / Σ weight (0 where nothing counts), and Σ weight, which has the first dimensions of ``each``."""
    weight = weight.view(weight.shape + (1,) * (each.ndim - weight.ndim)).expand_as(each)
    total = weight.sum()
    return (each * weight).sum() / total.where(total > 0, 1.0), total
