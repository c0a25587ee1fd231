"""A model's recurrent layers exchanged: torch.nn's for elman's, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch

from elman.nn.cells import GRUCell, LSTMCell, RNNCell
from elman.nn.exchange import own_parameters, put_parameters
from elman.nn.layers import GRU, LSTM, RNN
from elman.nn.recurrent import Recurrent

Module = TypeVar("Module", bound=torch.nn.Module)

LAYERS: dict[type, Any] = {torch.nn.RNN: RNN, torch.nn.LSTM: LSTM, torch.nn.GRU: GRU}
CELLS: dict[type, Any] = {torch.nn.RNNCell: RNNCell, torch.nn.LSTMCell: LSTMCell, torch.nn.GRUCell: GRUCell}
OURS: tuple[type, ...] = (*LAYERS.values(), *CELLS.values(), Recurrent)


def from_torch(model: Module) -> Module | torch.nn.Module:
    """Put elman's layers in the place of a model's RNN, LSTM and GRU layers and cells, with the same parameters.

    Layers are replaced within the model; subclasses of torch's are left. Hooks of a layer stay with the old one.

    Returns:
        the model; if it is itself such a layer, the new one.

    Raises:
        SettingsError: a layer's weights are parametrised.

    >>> from_torch(torch.nn.Sequential(torch.nn.GRU(3, 5)))
    Sequential(
      (0): GRU(3, 5)
    )
    """
    return _exchanged(model, (*LAYERS, *CELLS), _from_torch)


def to_torch(model: Module) -> Module | torch.nn.Module:
    """The opposite of :func:`from_torch`: torch.nn's layers with the same parameters, as code needs that looks up exact
    types (quantisation), compiles them (torch.jit.script) or shall run without elman.

    Raises:
        SettingsError: torch.nn has no such layer, or its weights are parametrised.

    >>> type(to_torch(torch.nn.Sequential(LSTM(3, 5)))[0])
    <class 'torch.nn.modules.rnn.LSTM'>
    """
    return _exchanged(model, OURS, _to_torch)


def _exchanged(
    model: Module, kinds: tuple[type, ...], convert: Callable[[torch.nn.Module], torch.nn.Module]
) -> Module | torch.nn.Module:
    known: dict[torch.nn.Module, torch.nn.Module] = {}
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if type(module) not in kinds:
            continue
        if module not in known:
            known[module] = convert(module)
        if module is model:
            return known[module]
        parent, _, attribute = name.rpartition(".")
        model.get_submodule(parent).register_module(attribute, known[module])
    return model


def _to_torch(module: Any) -> torch.nn.Module:
    peer: torch.nn.Module = module.to_torch()
    return peer


def _from_torch(module: torch.nn.Module) -> torch.nn.Module:
    options: dict[str, Any] = {}
    if isinstance(module, (torch.nn.RNN, torch.nn.RNNCell)):
        options["nonlinearity"] = module.nonlinearity
    if isinstance(module, torch.nn.LSTM):
        options["proj_size"] = module.proj_size
    layer: Any
    if isinstance(module, torch.nn.RNNBase):
        layer = LAYERS[type(module)](
            module.input_size,
            module.hidden_size,
            num_layers=module.num_layers,
            bias=module.bias,
            batch_first=module.batch_first,
            bidirectional=module.bidirectional,
            device="meta",
            **options,
        )
        layer.dropout = module.dropout  # not in the constructor, which warns of it for a single layer
    else:
        layer = CELLS[type(module)](module.input_size, module.hidden_size, module.bias, device="meta", **options)
    names = tuple(name for name, _ in layer.named_parameters())
    put_parameters(layer, own_parameters(module, names), module.training)
    converted: torch.nn.Module = layer
    return converted
