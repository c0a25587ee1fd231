"""The torch twin of each kind of layer and head, trained in its place; :mod:`elman.model` has the NumPy side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from elman.cells import get_cell
from elman.errors import SettingsError, ShapeError
from elman.model import (
    CharacterEncoder,
    Convolution,
    CRFEnsembleHead,
    CRFHead,
    Dropout,
    Embedding,
    EnsembleHead,
    FixedLinear,
    Join,
    LastStep,
    Layer,
    Linear,
    NeighbourWords,
    PointEnsembleHead,
    PointHead,
    Pool,
    QuantileHead,
    RecurrentLayers,
    Segments,
    SoftmaxHead,
)
from elman.model.registry import check_known
from elman.nn.character_encoder import CharacterEncoderTwin
from elman.nn.crf import CRFTwin
from elman.nn.masks import fast_dropout
from elman.nn.neighbours import NeighbourWordsTwin
from elman.nn.quantiles import QuantileTwin
from elman.nn.recurrent import Recurrent
from elman.nn.twin import NO_STATE, HeadTwin, Regularisation, State, Twin, arguments_of, weighted_mean


class RecurrentTwin(Recurrent):
    """(N, T, I) → (N, T, D·R)."""

    layout_states: tuple[str, ...]
    _drop = staticmethod(fast_dropout)

    def forward(  # type: ignore[override]
        self, x: Sequence[Tensor], lengths: Tensor | None, state: State
    ) -> tuple[Tensor, State]:
        names = self.layout_states
        hx: Any = None
        if state:
            hx = state[names[0]] if len(names) == 1 else tuple(state[name] for name in names)
        output, final = Recurrent.forward(self, x[0], hx, lengths=lengths)
        return output, {names[0]: final} if isinstance(final, Tensor) else dict(zip(names, final, strict=True))


class LastStepTwin(Twin):
    """(N, T, F) → (N, F)."""

    def __init__(self, bidirectional: bool) -> None:
        super().__init__()
        self.bidirectional = bidirectional

    def forward(self, x: Sequence[Tensor], lengths: Tensor | None, state: State) -> tuple[Tensor, State]:
        whole = x[0]
        last = whole[:, -1]
        if lengths is not None:
            last = whole[torch.arange(len(whole), device=whole.device), lengths.to(whole.device) - 1]
        if not self.bidirectional:
            return last, NO_STATE
        half = whole.shape[-1] // 2
        return torch.cat([last[:, :half], whole[:, 0, half:]], dim=-1), NO_STATE


class LinearTwin(torch.nn.Linear):
    """``x · weightᵀ + bias``."""

    def forward(  # type: ignore[override]
        self, x: Sequence[Tensor], lengths: Tensor | None, state: State
    ) -> tuple[Tensor, State]:
        return functional.linear(x[0], self.weight, self.bias), NO_STATE


class EmbeddingTwin(torch.nn.Embedding):
    """(N, T) → (N, T, size)."""

    def forward(  # type: ignore[override]
        self, x: Sequence[Tensor], lengths: Tensor | None, state: State
    ) -> tuple[Tensor, State]:
        # of long texts the indices are kept in fewer bytes
        return functional.embedding(x[0].long(), self.weight), NO_STATE


class JoinTwin(Twin):
    """Several activations as one."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Sequence[Tensor], lengths: Tensor | None, state: State) -> tuple[Tensor, State]:
        steps = max((part.shape[1] for part in x if part.ndim == 3), default=0)
        if steps:
            x = [part if part.ndim == 3 else part[:, None].expand(-1, steps, -1) for part in x]
        if self.how == "add":
            return sum(x[1:], start=x[0]), NO_STATE
        return torch.cat(list(x), dim=-1), NO_STATE


class ConvolutionTwin(torch.nn.Conv1d):
    """(N, T, I) → (N, T, C)."""

    def __init__(self, layer: Convolution) -> None:
        super().__init__(layer.input_size, layer.channels, layer.kernel, padding=layer.kernel // 2)
        self.relu = layer.activation == "relu"

    def forward(  # type: ignore[override]
        self, x: Sequence[Tensor], lengths: Tensor | None, state: State
    ) -> tuple[Tensor, State]:
        whole = x[0] if lengths is None else x[0] * _real(x[0], lengths)
        output = super().forward(whole.transpose(1, 2)).transpose(1, 2)
        return torch.relu(output) if self.relu else output, NO_STATE


class PoolTwin(Twin):
    """(N, T, F) → (N, F)."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Sequence[Tensor], lengths: Tensor | None, state: State) -> tuple[Tensor, State]:
        whole = x[0]
        before = state["count"][0] if state else whole.new_zeros(len(whole), 1)
        steps = torch.full((len(whole),), whole.shape[1]) if lengths is None else lengths
        count = before + steps[:, None].to(whole)
        if self.how == "mean":
            total = (whole if lengths is None else whole * _real(whole, lengths)).sum(dim=1)
            pooled = (total + before * state["pooled"][0]) / count if state else total / count
        else:
            pooled = (whole if lengths is None else whole.where(_real(whole, lengths), -torch.inf)).amax(dim=1)
            if state:
                pooled = torch.where(before > 0, torch.maximum(pooled, state["pooled"][0]), pooled)
        return pooled, {"pooled": pooled[None], "count": count[None]}


class SegmentsTwin(Twin):
    """(N, T, F) → (N, T / size, size · F)."""

    def __init__(self, layer: Segments) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Sequence[Tensor], lengths: Tensor | None, state: State) -> tuple[Tensor, State]:
        whole = x[0]
        self.layer.check(whole.shape, ragged=lengths is not None and bool((lengths != whole.shape[1]).any()))
        return whole.reshape(len(whole), -1, self.layer.size * whole.shape[2]), NO_STATE


def _real(whole: Tensor, lengths: Tensor) -> Tensor:
    """(N, T, 1), whether a step is none of the padding."""
    return (torch.arange(whole.shape[1]) < lengths[:, None])[:, :, None].to(whole.device)


class DropoutTwin(torch.nn.Dropout):
    """Of any shape."""

    def forward(  # type: ignore[override]
        self, x: Sequence[Tensor], lengths: Tensor | None, state: State
    ) -> tuple[Tensor, State]:
        if not self.training or not self.p:
            return x[0], NO_STATE
        return fast_dropout(x[0], self.p), NO_STATE


# torch's operators, which take a reduction. The functions of the same name around them in torch.nn.functional
# broadcast first, which takes longer than the loss of a small batch.
POINT_LOSSES: dict[str, Callable[..., Tensor]] = {
    "mae": torch.ops.aten.l1_loss,
    "mse": torch.ops.aten.mse_loss,
    "huber": torch.ops.aten.huber_loss,
}
EACH, MEAN = 0, 1


class PointTwin(HeadTwin):
    """Targets (N, …, size) of the output's shape, and float."""

    def __init__(self, loss: str) -> None:
        super().__init__()
        self._function = POINT_LOSSES[loss]

    def loss(self, output: Tensor, targets: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor | int]:
        if output.shape != targets.shape:
            raise ShapeError(
                f"the model's output has shape {tuple(output.shape)} and the targets {tuple(targets.shape)}; "
                "they must be alike"
            )
        if weight is None:
            return self._function(output, targets, MEAN), targets.numel()
        return weighted_mean(self._function(output, targets, EACH), weight)


class PointEnsembleTwin(HeadTwin):
    """Targets as of :class:`PointTwin`; in evaluation the loss is that of the mean of the answers."""

    def __init__(self, loss: str, members: int) -> None:
        super().__init__()
        self.members, self.one = members, PointTwin(loss)

    def loss(self, output: Tensor, targets: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor | int]:
        each = output.unflatten(-1, (self.members, -1))
        if not self.training:
            return self.one.loss(each.mean(dim=-2), targets, weight)
        losses, counts = zip(*(self.one.loss(part, targets, weight) for part in each.unbind(-2)), strict=True)
        return torch.stack(losses).sum(), counts[0]  # the sum: each member's gradient is as large as alone


class SoftmaxTwin(HeadTwin):
    """Targets (N,) or (N, T): int64 classes."""

    def loss(self, output: Tensor, targets: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor | int]:
        if output.shape[:-1] != targets.shape or targets.is_floating_point():
            raise ShapeError(
                f"the model's output has shape {tuple(output.shape)} and the targets are {targets.dtype} "
                f"{tuple(targets.shape)}; they must be whole numbers, one for each row of the output"
            )
        logits, classes = output.flatten(0, -2), targets.flatten().long()
        if weight is None:
            return functional.cross_entropy(logits, classes), targets.numel()
        each = functional.cross_entropy(logits, classes, reduction="none")
        return weighted_mean(each.view_as(targets), weight)


class EnsembleTwin(HeadTwin):
    """Targets as of :class:`SoftmaxTwin`; in evaluation the loss is that of the mean of the probabilities."""

    def __init__(self, members: int) -> None:
        super().__init__()
        self.members, self.one = members, SoftmaxTwin()

    def loss(self, output: Tensor, targets: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor | int]:
        logits = output.unflatten(-1, (self.members, -1))
        if self.training:
            losses, counts = zip(*(self.one.loss(part, targets, weight) for part in logits.unbind(-2)), strict=True)
            return torch.stack(losses).sum(), counts[0]  # the sum: each member's gradient is as large as alone
        mean = torch.logsumexp(functional.log_softmax(logits, dim=-1), dim=-2) - math.log(self.members)
        return self.one.loss(mean, targets, weight)


def _recurrent(layer: RecurrentLayers, options: Regularisation) -> torch.nn.Module:
    layout = layer.layout
    twin = RecurrentTwin(
        **arguments_of(layout),
        dropout=options.dropout if layout.num_layers > 1 else 0.0,
        recurrent_dropout=options.recurrent_dropout,
        init=options.init,
    )
    twin.layout_states = get_cell(layout.cell).states
    return twin


TWINS: dict[type[Layer], Callable[[Any, Regularisation], torch.nn.Module]] = {
    RecurrentLayers: _recurrent,
    LastStep: lambda layer, _: LastStepTwin(layer.bidirectional),
    Linear: lambda layer, _: LinearTwin(layer.input_size, layer.output_size),
    FixedLinear: lambda layer, _: LinearTwin(layer.input_size, layer.output_size).requires_grad_(False),
    Embedding: lambda layer, _: EmbeddingTwin(layer.count, layer.size),
    Join: lambda layer, _: JoinTwin(layer.how),
    Convolution: lambda layer, _: ConvolutionTwin(layer),
    Pool: lambda layer, _: PoolTwin(layer.how),
    Segments: lambda layer, _: SegmentsTwin(layer),
    Dropout: lambda layer, _: DropoutTwin(layer.rate),
    PointHead: lambda layer, _: PointTwin(layer.loss),
    PointEnsembleHead: lambda layer, _: PointEnsembleTwin(layer.loss, layer.members),
    QuantileHead: lambda layer, _: QuantileTwin(layer),
    SoftmaxHead: lambda layer, _: SoftmaxTwin(),
    EnsembleHead: lambda layer, _: EnsembleTwin(layer.members),
    CharacterEncoder: lambda layer, options: CharacterEncoderTwin(layer, options.init),
    NeighbourWords: lambda layer, _: NeighbourWordsTwin(layer),
    CRFHead: lambda layer, _: CRFTwin(layer.tags),
    CRFEnsembleHead: lambda layer, _: CRFTwin(layer.tags, layer.members),
}


def register_twin(cls: type[Layer], make: Callable[[Any, Regularisation], torch.nn.Module]) -> None:
    """Name the torch twin of a kind of layer that :func:`elman.model.register_layer` made known.

    Args:
        make: ``(layer, regularisation) -> module``; the module's parameters have the names and shapes of the layer's
            arrays.
    """
    TWINS[cls] = make


def twin_of(layer: Layer, options: Regularisation) -> torch.nn.Module:
    """The torch module for ``layer``, with initial values.

    Raises:
        SettingsError: its kind is not registered, or has no twin.
    """
    check_known(layer)
    if type(layer) not in TWINS:
        raise SettingsError(f"a layer of kind {layer.kind!r} cannot be trained: name its twin with register_twin")
    return TWINS[type(layer)](layer, options)
