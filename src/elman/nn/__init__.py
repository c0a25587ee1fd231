"""torch layers: :class:`RNN`, :class:`LSTM`, :class:`GRU` and their cells in place of torch.nn's, :class:`Recurrent`
for any registered cell; :func:`from_torch` and :func:`to_torch` exchange a model's layers.
"""

from __future__ import annotations

from elman.nn.cells import GRUCell, LSTMCell, RNNCell
from elman.nn.convert import from_torch, to_torch
from elman.nn.layers import GRU, LSTM, RNN
from elman.nn.recurrent import Recurrent

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell", "Recurrent", "from_torch", "to_torch"]
