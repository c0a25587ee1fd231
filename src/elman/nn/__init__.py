"""torch layers: :class:`RNN`, :class:`LSTM`, :class:`GRU` in place of torch.nn's; :class:`Recurrent` for any cell."""

from __future__ import annotations

from elman.nn.layers import GRU, LSTM, RNN
from elman.nn.recurrent import Recurrent

__all__ = ["GRU", "LSTM", "RNN", "Recurrent"]
