"""A model's description executed on torch: what training trains. :mod:`elman.model` is its twin on NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from elman.model import LastStep, Layer, Linear, RecurrentLayers
from elman.nn.recurrent import Recurrent


class _Recurrent(Recurrent):
    """(B, T, I) → (B, T, D·R), without the states."""

    def forward(self, input: Tensor) -> Tensor:  # type: ignore[override]
        output: Tensor = super().forward(input)[0]
        return output


class _LastStep(torch.nn.Module):
    def forward(self, input: Tensor) -> Tensor:
        return input[:, -1]


def build(
    layers: Sequence[Layer],
    *,
    dropout: float = 0.0,
    recurrent_dropout: float = 0.0,
    init: str = "torch",
    silent_head: bool = False,
) -> torch.nn.Sequential:
    """A module for ``layers``, with initial values; array names are those of :class:`elman.model.Model`.

    Dropouts act while training only, so that no description needs them. With ``silent_head`` the last layer begins at
    zero, so that training begins at what the encoding alone says.
    """
    modules: list[torch.nn.Module] = []
    for layer in layers:
        if isinstance(layer, RecurrentLayers):
            layout = layer.layout
            modules.append(
                _Recurrent(
                    layout.cell,
                    layout.input_size,
                    layout.hidden_size,
                    layout.num_layers,
                    bias=layout.bias,
                    batch_first=True,
                    dropout=dropout if layout.num_layers > 1 else 0.0,
                    bidirectional=layout.bidirectional,
                    proj_size=layout.proj_size,
                    layer_norm=layout.layer_norm,
                    zoneout=layout.zoneout or 0.0,
                    recurrent_dropout=recurrent_dropout,
                    init=init,
                )
            )
        elif isinstance(layer, LastStep):
            modules.append(_LastStep())
        elif isinstance(layer, Linear):
            modules.append(torch.nn.Linear(layer.input_size, layer.output_size))
    if silent_head and isinstance(modules[-1], torch.nn.Linear):
        torch.nn.init.zeros_(modules[-1].weight)
        torch.nn.init.zeros_(modules[-1].bias)
    return torch.nn.Sequential(*modules)


def arrays_of(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """The module's parameters as float32 arrays of their own, by name."""
    return {name: p.detach().cpu().numpy().astype(np.float32, copy=True) for name, p in module.named_parameters()}


def set_arrays(module: torch.nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    """Put ``arrays`` into the module's parameters."""
    module.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in arrays.items()})
