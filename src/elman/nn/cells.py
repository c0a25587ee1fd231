"""torch.nn's names for cells, one step of one layer: the same constructors, parameters and results."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from elman import torch_private
from elman.nn.call import Call
from elman.nn.dispatch import PATHS, choose_path, new_addresses
from elman.nn.exchange import Exchangeable, own_parameters, put_parameters
from elman.recurrence import Layout

_layout = lru_cache(Layout)


class _Cell(Exchangeable, torch.nn.RNNCellBase):
    """One step on the kernels where they can run it, else torch's own; torch's checks and errors in both cases."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known = new_addresses()
        self.stand_for_torch()

    def _step(self, cell: str, input: Tensor, states: tuple[Tensor, ...] | None) -> tuple[Tensor, ...] | None:
        """The new states; None where torch shall run it."""
        if torch_private.COMPILER in sys.modules and torch.compiler.is_compiling():
            return None
        if type(input) is not Tensor or input.dim() not in (1, 2) or input.shape[-1] != self.input_size:
            return None
        shape = (*input.shape[:-1], self.hidden_size)
        if states is not None and not all(isinstance(s, Tensor) and s.shape == shape for s in states):
            return None
        weights = [self.weight_ih, self.weight_hh, *((self.bias_ih, self.bias_hh) if self.bias else ())]
        if any(t.dtype is not input.dtype for t in (*weights, *(states or ()))):
            return None
        layout = _layout(cell, self.input_size, self.hidden_size, 1, self.bias)
        call = Call(layout, weights, False, False, 0.0, 0.0, self._known)
        path = choose_path(call, input, states, None)
        if path is PATHS["torch"]:
            return None
        rows = -1 if input.dim() == 2 else 1
        if states is not None:
            states = tuple(s.reshape(1, rows, self.hidden_size) for s in states)
        _, found = path.padded(call, input.reshape(1, rows, self.input_size), states, None, None)
        return tuple(s.reshape(shape) for s in found)

    def to_torch(self) -> torch.nn.Module:
        """The torch.nn cell with the same parameters: the same objects, no copies. Hooks stay behind."""
        kind = next(base for base in type(self).__mro__ if base.__module__ == torch.nn.RNNCell.__module__)
        options = {"nonlinearity": self.nonlinearity} if isinstance(self, torch.nn.RNNCell) else {}
        peer: torch.nn.Module = kind(self.input_size, self.hidden_size, self.bias, device="meta", **options)
        names = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if self.bias else ()))
        put_parameters(peer, own_parameters(self, names), self.training)
        return peer


class RNNCell(_Cell, torch.nn.RNNCell):
    """torch.nn.RNNCell on elman's kernels: ``h' = tanh(x·W_ihᵀ + b_ih + h·W_hhᵀ + b_hh)``, or relu.

    >>> RNNCell(3, 5)(torch.zeros(2, 3)).shape
    torch.Size([2, 5])
    """

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """One step of (B, I) or (I,) from ``hx`` (B, H) or (H,), zeros if None: the new state.

        Raises:
            RuntimeError, ValueError: as torch.nn.RNNCell does.
        """
        cell = {"tanh": "rnn", "relu": "rnn-relu"}.get(self.nonlinearity)
        found = None if cell is None else self._step(cell, input, None if hx is None else (hx,))
        return super().forward(input, hx) if found is None else found[0]


class LSTMCell(_Cell, torch.nn.LSTMCell):
    """torch.nn.LSTMCell on elman's kernels.

    >>> h, c = LSTMCell(3, 5)(torch.zeros(2, 3))
    >>> h.shape, c.shape
    (torch.Size([2, 5]), torch.Size([2, 5]))
    """

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """One step of (B, I) or (I,) from ``(h, c)``, each (B, H) or (H,), zeros if None: the new states.

        Raises:
            RuntimeError, ValueError: as torch.nn.LSTMCell does.
        """
        pair = hx is None or (isinstance(hx, (tuple, list)) and len(hx) == 2)
        found = self._step("lstm", input, None if hx is None else tuple(hx)) if pair else None
        return super().forward(input, hx) if found is None else (found[0], found[1])


class GRUCell(_Cell, torch.nn.GRUCell):
    """torch.nn.GRUCell on elman's kernels.

    >>> GRUCell(3, 5)(torch.zeros(2, 3)).shape
    torch.Size([2, 5])
    """

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """One step of (B, I) or (I,) from ``hx`` (B, H) or (H,), zeros if None: the new state.

        Raises:
            RuntimeError, ValueError: as torch.nn.GRUCell does.
        """
        found = self._step("gru", input, None if hx is None else (hx,))
        return super().forward(input, hx) if found is None else found[0]
