"""torch.nn's names for recurrent layers: the same constructors, parameters and results; see :class:`Recurrent`."""

from __future__ import annotations

from typing import Any, Unpack

import torch

from elman.errors import SettingsError
from elman.nn.recurrent import Options, Recurrent

# The options that choose another equation: option → its value → the cell.
VARIANTS: dict[str, dict[Any, str]] = {
    "nonlinearity": {"tanh": "rnn", "relu": "rnn-relu"},
    "peephole": {False: "lstm", True: "lstm-peephole"},
    "reset": {"after": "gru", "before": "gru-before"},
}

Device = torch.device | str | int | None


def _variant(option: str, value: Any) -> str:
    try:
        return VARIANTS[option][value]
    except (KeyError, TypeError):
        choices = ", ".join(map(repr, VARIANTS[option]))
        raise SettingsError(f"{option} is {value!r}; choose one of: {choices}") from None


class RNN(Recurrent, torch.nn.RNN):  # torch's class is there for isinstance; Recurrent does the work
    """torch.nn.RNN and more: ``h = tanh(x·W_ihᵀ + b_ih + h·W_hhᵀ + b_hh)``, or relu.

    Args:
        input_size, hidden_size, num_layers, nonlinearity, bias, batch_first, dropout, bidirectional, device, dtype:
            as in torch.nn.RNN.
        options: ``layer_norm``, ``zoneout``, ``recurrent_dropout``, ``init``, see :class:`Recurrent`.

    >>> layer = RNN(3, 5, num_layers=2, batch_first=True)
    >>> output, h_n = layer(torch.zeros(2, 7, 3))
    >>> output.shape, h_n.shape
    (torch.Size([2, 7, 5]), torch.Size([2, 2, 5]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Device = None,
        dtype: torch.dtype | None = None,
        **options: Unpack[Options],
    ) -> None:
        cell = _variant("nonlinearity", nonlinearity)
        self.nonlinearity = nonlinearity  # before reset_parameters, which a subclass may write in terms of it
        super().__init__(
            cell,
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
            **options,
        )


class LSTM(Recurrent, torch.nn.LSTM):
    """torch.nn.LSTM and more; docs/equations.md has the equations.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device, dtype:
            as in torch.nn.LSTM.
        peephole: the gates see the cell state, i and f the previous one, o the new one (Gers, Schraudolph and
            Schmidhuber 2002), through parameters ``peephole_i``, ``peephole_f`` and ``peephole_o``, each (H,).
        options: ``layer_norm``, ``zoneout``, ``recurrent_dropout``, ``init``, see :class:`Recurrent`.

    >>> layer = LSTM(3, 5, peephole=True)
    >>> output, (h_n, c_n) = layer(torch.zeros(7, 2, 3))
    >>> output.shape, c_n.shape
    (torch.Size([7, 2, 5]), torch.Size([1, 2, 5]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Device = None,
        dtype: torch.dtype | None = None,
        *,
        peephole: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            _variant("peephole", peephole),
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
            **options,
        )


class GRU(Recurrent, torch.nn.GRU):
    """torch.nn.GRU and more; docs/equations.md has the equations.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype:
            as in torch.nn.GRU.
        reset: ``"after"`` the recurrent product, as torch and cuDNN do, or ``"before"`` it, as in the 2014 paper:
            two different cells, whose weights cannot be exchanged.
        options: ``layer_norm``, ``zoneout``, ``recurrent_dropout``, ``init``, see :class:`Recurrent`.

    >>> layer = GRU(3, 5, bidirectional=True)
    >>> output, h_n = layer(torch.zeros(7, 2, 3))
    >>> output.shape, h_n.shape
    (torch.Size([7, 2, 10]), torch.Size([2, 2, 5]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Device = None,
        dtype: torch.dtype | None = None,
        *,
        reset: str = "after",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            _variant("reset", reset),
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
            **options,
        )
