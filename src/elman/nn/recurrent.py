"""A stack of recurrent layers for torch, of any registered cell.

Dimension names are those of :mod:`elman.cells.base`; ``D`` is the number of directions.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from elman import torch_private
from elman.cells import get_cell
from elman.errors import SettingsError
from elman.nn.call import Call, taker
from elman.nn.checks import (
    Arguments,
    LayerShapeError,
    States,
    as_flag,
    as_probability,
    as_size,
    check_arguments,
    check_packed,
    check_resets,
    check_states,
)
from elman.nn.dispatch import Path, choose_path, fast_path, new_addresses, recordable_path
from elman.nn.exchange import Exchangeable, own_parameters, put_parameters
from elman.nn.init import Init, initialise, parse_init
from elman.nn.reference import run_reference
from elman.nn.torch_kernels import KERNELS, unsupported_layout
from elman.recurrence import Layout

Hidden = Tensor | tuple[Tensor, ...]

# Recurrent._run, which torch.compile leaves alone: made when the compiler has been loaded, as any optimiser does
_uncompiled: list[Any] = []


class Options(TypedDict, total=False):
    """Keyword-only options that every layer has; :class:`Recurrent` says what they mean."""

    layer_norm: bool
    zoneout: float | Sequence[float]
    recurrent_dropout: float
    init: Init


class Recurrent(Exchangeable, torch.nn.RNNBase):
    """A stack of recurrent layers of any registered cell, with torch.nn.LSTM's interface and more.

    Args:
        cell: name of a registered cell, see :func:`elman.cells.cell_names`.
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device, dtype:
            as in torch.nn.LSTM; ``dropout`` acts between layers, while training.
        layer_norm: normalise each gate's share of both products (Ba, Kiros and Hinton 2016), with gains ``gain_ih``
            and ``gain_hh`` that start at 1; the biases are its shifts.
        zoneout: probability that a unit keeps its old value at a step, one for all states or one a state
            (Krueger et al. 2017); outside training, the expectation.
        recurrent_dropout: probability that a unit of the state is dropped from the recurrent product while training,
            one mask for all the steps of a row, for each layer and direction (Gal and Ghahramani 2016).
        init: initial values: ``"torch"``, ``"orthogonal"``, or ``"chrono:T_max"`` (also ``("chrono", T_max)``) with
            the longest memory in steps; :func:`elman.nn.init.initialise` says what each is.
        options: the cell's own numbers by name: ``{"dt": …}`` for lem, ``{"heads": …}`` for slstm.

    Raises:
        SettingsError: an unknown cell, or a setting out of range; of the wrong type it is a TypeError too.

    >>> layer = Recurrent("gru-before", 3, 5, batch_first=True)
    >>> output, h_n = layer(torch.zeros(2, 7, 3))
    >>> output.shape, h_n.shape
    (torch.Size([2, 7, 5]), torch.Size([1, 2, 5]))
    """

    _drop: Callable[[Tensor, float], Tensor] = staticmethod(functional.dropout)  # between layers, with torch's numbers

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
        *,
        layer_norm: bool = False,
        zoneout: float | Sequence[float] = 0.0,
        recurrent_dropout: float = 0.0,
        init: Init = "torch",
        options: Mapping[str, float] | None = None,
    ) -> None:
        # RNNBase's own constructor makes parameters for torch's four modes only; ours come from the layout.
        torch.nn.Module.__init__(self)
        known = get_cell(cell)
        rates = tuple(zoneout) if isinstance(zoneout, Sequence) else (zoneout,) * len(known.states)
        rates = tuple(as_probability("zoneout", rate) for rate in rates)
        self._layout = Layout(
            cell,
            as_size("input_size", input_size),
            as_size("hidden_size", hidden_size),
            as_size("num_layers", num_layers),
            as_flag("bias", bias),
            as_flag("bidirectional", bidirectional),
            as_size("proj_size", proj_size),
            as_flag("layer_norm", layer_norm),
            rates if any(rates) or len(rates) != len(known.states) else (),
            known.chosen(options or {}),
        ).interned()
        self.input_size = self._layout.input_size
        self.hidden_size = self._layout.hidden_size
        self.num_layers = self._layout.num_layers
        self.bias = bias
        self.batch_first = as_flag("batch_first", batch_first)
        self.dropout = as_probability("dropout", dropout)
        self.bidirectional = bidirectional
        self.proj_size = self._layout.proj_size
        self.recurrent_dropout = as_probability("recurrent_dropout", recurrent_dropout)
        if self.recurrent_dropout and not known.recurrent:
            raise SettingsError(
                f"recurrent_dropout is {recurrent_dropout}; the gates of {cell} do not read the state it would drop"
            )
        parse_init(init, known, bias=bias)
        self._init = init
        if self.dropout and self.num_layers == 1:
            warnings.warn(
                f"dropout={dropout} acts between layers, and num_layers is 1: it does nothing here", stacklevel=2
            )
        self.mode = KERNELS[cell][1] if cell in KERNELS else cell
        shapes = self._layout.shapes()
        for name, shape in shapes.items():
            setattr(self, name, torch.nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        self._weight_names = tuple(shapes)
        self._own_weights = taker(*shapes)
        self._known = new_addresses()
        self.stand_for_torch()
        torch_private.list_weights(
            self,
            [[name + suffix for name in self._layout.part_shapes(layer)] for layer, _, suffix in self._layout.parts()],
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew, as ``init`` says."""
        initialise(self._layout, self._init, {name: getattr(self, name) for name in self._weight_names})

    def flatten_parameters(self) -> None:
        """On CUDA, lay the weights out in one block for cuDNN, where it has this cell; otherwise nothing."""
        if not unsupported_layout(self._layout):
            super().flatten_parameters()

    def _weights(self) -> list[Tensor]:
        return torch_private.current_weights(self, self._own_weights, self._weight_names)

    def _call(self, weights: list[Tensor]) -> Call:
        drops = self.dropout, self.recurrent_dropout
        return Call(self._layout, weights, self.batch_first, self.training, *drops, self._known, self._drop)

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Hidden | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Any, Any]:
        """Run along whole sequences.

        Args:
            input: (T, B, I), or (B, T, I) if ``batch_first``, or (T, I) without a batch, or packed.
            hx: initial states, zeros if None: (L·D, B, R), for an LSTM ``(h, c)`` with c (L·D, B, H); without a
                batch (L·D, R).
            lengths: (B,) steps of each row, from 1 to T, on any device. Outputs behind them are 0, final states are
                those at each row's last step, and the reverse direction starts there.
            resets: (B, T) bool whatever ``batch_first`` is; True starts a new segment there, from a state of
                zeros, in both directions. Without a batch (T,).

        Returns:
            output, laid out as the input, (…, D·R); and the final states, laid out as ``hx``, layer-major, then
            direction.

        Raises:
            LayerShapeError: a tensor does not fit (a ShapeError, ValueError and RuntimeError).

        >>> layer = Recurrent("gru", 1, 4, bidirectional=True)
        >>> output, h_n = layer(torch.ones(5, 2, 1), lengths=[5, 3])
        >>> bool((output[3:, 1] == 0).all()), bool((output[2, 1, :4] == h_n[0, 1]).all())
        (True, True)
        """
        if torch_private.COMPILER in sys.modules:
            # torch.compile leaves a frame with a layer of torch.nn's kind alone, but would look into what that calls
            if torch.compiler.is_compiling():
                return self._recorded(input, hx, lengths, resets)
            if not _uncompiled:
                _uncompiled.append(torch_private.uncompiled(Recurrent._run))
            result: tuple[Any, Any] = _uncompiled[0](self, input, hx, lengths, resets)
            return result
        return self._run(input, hx, lengths, resets)

    def _run(
        self,
        input: Tensor | PackedSequence,
        hx: Hidden | None,
        lengths: Tensor | Sequence[int] | None,
        resets: Tensor | None,
    ) -> tuple[Any, Any]:
        layout, weights = self._layout, self._weights()
        if lengths is None and resets is None:
            draws = self.training and (self.dropout or self.recurrent_dropout or layout.zoneout)
            found = None if draws else fast_path(layout, input, hx, weights, self._known, batch_first=self.batch_first)
            if found is not None:
                return found
        call, dtype = self._call(weights), weights[0].dtype
        if isinstance(input, PackedSequence):
            return self._run_packed(call, input, hx, lengths, resets)
        given = check_arguments(layout, dtype, input, hx, lengths, resets, batch_first=self.batch_first)
        return self._run_padded(choose_path(call, given.input, given.states, given.resets), call, given)

    def _recorded(
        self,
        input: Tensor | PackedSequence,
        hx: Hidden | None,
        lengths: Tensor | Sequence[int] | None,
        resets: Tensor | None,
    ) -> tuple[Any, Any]:
        """The same in operators that a compiler can record."""
        layout, weights = self._layout, [getattr(self, name) for name in self._weight_names]
        call = self._call(weights)
        if isinstance(input, PackedSequence):
            states: Any = hx if hx is None or isinstance(hx, tuple) else (hx,)
            packed, states = recordable_path(call, resets).packed(call, input, states, resets)
            return packed, states if len(states) > 1 else states[0]
        given = check_arguments(layout, weights[0].dtype, input, hx, lengths, resets, batch_first=self.batch_first)
        return self._run_padded(recordable_path(call, resets), call, given)

    def _run_padded(self, path: Path, call: Call, given: Arguments) -> tuple[Tensor, Any]:
        output, states = path.padded(call, given.input, given.states, given.lengths, given.resets)
        if not given.batched:
            output = output.squeeze(0 if self.batch_first else 1)
            states = tuple(s.squeeze(1) for s in states)
        return output, states if len(states) > 1 else states[0]

    def _run_packed(
        self, call: Call, input: PackedSequence, hx: Hidden | None, lengths: object, resets: Tensor | None
    ) -> tuple[PackedSequence, Any]:
        if lengths is not None:
            raise LayerShapeError("lengths is given, but a packed input has its own; leave lengths out")
        states: States | None = None if hx is None else hx if isinstance(hx, tuple) else (hx,)
        if not torch_private.interception(input.data):  # a recording shall hold for other sizes
            dtype, sizes = call.weights[0].dtype, input.batch_sizes
            check_packed(call.layout, dtype, input)
            if hx is not None:
                states = check_states(call.layout, dtype, hx, int(sizes[0]))
            if resets is not None:
                resets = check_resets(resets, len(sizes), int(sizes[0]), input.data.device)
        packed, states = choose_path(call, input.data, states, resets).packed(call, input, states, resets)
        return packed, states if len(states) > 1 else states[0]

    def step(self, input_t: Tensor, hx: Hidden | None = None) -> tuple[Tensor, Any]:
        """One step of every layer; the same numbers as :meth:`forward` over the whole sequence.

        Args:
            input_t: (B, I), or (I,) without a batch.
            hx: the states, as for :meth:`forward`.

        Returns:
            the step's output (B, R), and the new states. While training, each step draws dropout masks of its own.

        Raises:
            SettingsError: the layer is bidirectional: its second half starts at the sequence's end.

        >>> layer = Recurrent("lstm", 2, 3)
        >>> y, (h, c) = layer.step(torch.zeros(4, 2))
        >>> y.shape, c.shape
        (torch.Size([4, 3]), torch.Size([1, 4, 3]))
        """
        if self.bidirectional:
            raise SettingsError("step is not defined for a bidirectional layer: its reverse half starts at the end")
        if input_t.dim() not in (1, 2):
            raise LayerShapeError(f"input_t must be (batch, input_size) or (input_size,), got {tuple(input_t.shape)}")
        time = 1 if input_t.dim() == 2 and self.batch_first else 0
        output, hx = self(input_t.unsqueeze(time), hx)
        return output.squeeze(time), hx

    def trace(
        self,
        input: Tensor,
        hx: Hidden | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Every gate and state of every layer and direction at every step, from the reference; arguments as for
        :meth:`forward`, not packed.

        Returns:
            by name and suffix (``"z_l0"``, ``"h_l1_reverse"``), each laid out as the input, (T, B, size); 0 behind a
            row's length.

        >>> sorted(Recurrent("gru", 1, 2).trace(torch.zeros(3, 1)))
        ['h_l0', 'n_l0', 'r_l0', 'z_l0']
        """
        if isinstance(input, PackedSequence):
            raise LayerShapeError("trace takes no packed input; give the padded tensor and lengths=")
        layout, weights, first = self._layout, self._weights(), self.batch_first
        given = check_arguments(layout, weights[0].dtype, input, hx, lengths, resets, batch_first=first)
        x = given.input.transpose(0, 1) if first else given.input
        traces = run_reference(self._call(weights), x, given.states, given.lengths, given.resets, trace=True).trace
        if not given.batched:
            return {name: value.squeeze(1) for name, value in traces.items()}
        return {name: value.transpose(0, 1) if first else value for name, value in traces.items()}

    def to_torch(self) -> torch.nn.RNNBase:
        """The torch.nn layer with the same parameters: the same objects, no copies. Hooks stay behind.

        Raises:
            SettingsError: torch.nn has no such layer, or a weight is parametrised.

        >>> Recurrent("gru", 3, 5).to_torch()
        GRU(3, 5)
        """
        layout = self._layout
        reason = unsupported_layout(layout) or ("recurrent_dropout" if self.recurrent_dropout else "")
        if reason:
            raise SettingsError(f"torch.nn has no layer with {reason}; export or use this one as it is")
        kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}.get(layout.cell, torch.nn.RNN)
        options: dict[str, Any] = {"proj_size": layout.proj_size} if layout.cell == "lstm" else {}
        if kind is torch.nn.RNN:
            options = {"nonlinearity": "tanh" if layout.cell == "rnn" else "relu"}
        peer: torch.nn.RNNBase = kind(
            layout.input_size,
            layout.hidden_size,
            num_layers=layout.num_layers,
            bias=layout.bias,
            batch_first=self.batch_first,
            bidirectional=layout.bidirectional,
            device="meta",
            **options,
        )
        peer.dropout = self.dropout  # not in the constructor, which warns of it for a single layer
        put_parameters(peer, own_parameters(self, self._weight_names), self.training)
        return peer

    def extra_repr(self) -> str:
        text = super().extra_repr()
        layout = self._layout
        if layout.layer_norm:
            text += ", layer_norm=True"
        if layout.zoneout:
            text += f", zoneout={layout.zoneout}"
        if layout.options:
            text += f", options={layout.option_values}"
        if self.recurrent_dropout:
            text += f", recurrent_dropout={self.recurrent_dropout}"
        if self._init != "torch":
            text += f", init={self._init!r}"
        if unsupported_layout(layout) or type(self) is Recurrent:  # elsewhere the class's name says it
            text += f", cell={layout.cell!r}"
        return text
