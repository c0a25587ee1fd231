"""A stack of recurrent layers for torch, of any registered cell.

Dimension names are those of :mod:`elman.cells.base`; ``D`` is the number of directions.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, TypedDict

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from elman.cells import Cell, get_cell
from elman.errors import SettingsError
from elman.nn.checks import (
    LayerShapeError,
    States,
    as_flag,
    as_probability,
    as_size,
    check_input,
    check_lengths,
    check_resets,
    check_states,
)
from elman.nn.init import Init, initialise, parse_init
from elman.nn.native import plain
from elman.nn.paths import KERNELS, choose_path, lacks_kernel, run_reference
from elman.recurrence import Layout

Hidden = Tensor | tuple[Tensor, ...]

# Recurrent._run, hidden from torch.compile: made once, where the compiler has been loaded, as any optimiser does
_uncompiled: list[Any] = []


class Options(TypedDict, total=False):
    """Keyword-only options that every layer has; :class:`Recurrent` says what they mean."""

    layer_norm: bool
    zoneout: float | Sequence[float]
    recurrent_dropout: float
    init: Init


class Recurrent(torch.nn.RNNBase):
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

    Raises:
        SettingsError: an unknown cell, or a setting out of range; of the wrong type it is a TypeError too.

    >>> layer = Recurrent("gru-before", 3, 5, batch_first=True)
    >>> output, h_n = layer(torch.zeros(2, 7, 3))
    >>> output.shape, h_n.shape
    (torch.Size([2, 7, 5]), torch.Size([1, 2, 5]))
    """

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
    ) -> None:
        # RNNBase's own constructor makes parameters for torch's four modes only; ours come from the layout.
        torch.nn.Module.__init__(self)
        known = get_cell(cell)
        rates = tuple(zoneout) if isinstance(zoneout, Sequence) else (zoneout,) * len(known.states)
        rates = tuple(as_probability("zoneout", rate) for rate in rates)
        self.layout = Layout(
            cell,
            as_size("input_size", input_size),
            as_size("hidden_size", hidden_size),
            as_size("num_layers", num_layers),
            as_flag("bias", bias),
            as_flag("bidirectional", bidirectional),
            as_size("proj_size", proj_size),
            as_flag("layer_norm", layer_norm),
            rates if any(rates) or len(rates) != len(known.states) else (),
        )
        self.input_size = self.layout.input_size
        self.hidden_size = self.layout.hidden_size
        self.num_layers = self.layout.num_layers
        self.bias = bias
        self.batch_first = as_flag("batch_first", batch_first)
        self.dropout = as_probability("dropout", dropout)
        self.bidirectional = bidirectional
        self.proj_size = self.layout.proj_size
        self.recurrent_dropout = as_probability("recurrent_dropout", recurrent_dropout)
        parse_init(init, known, bias=bias)
        self.init = init
        if self.dropout and self.num_layers == 1:
            warnings.warn(
                f"dropout={dropout} acts between layers, and num_layers is 1: it does nothing here", stacklevel=2
            )
        self.lacks_kernel = lacks_kernel(self.layout)
        self.mode = cell if cell not in KERNELS else KERNELS[cell][1]
        self.state_sizes = self.layout.state_sizes
        self.weight_names = tuple(self.layout.shapes())
        self._own_weights = itemgetter(*self.weight_names)  # at least two
        for name, shape in self.layout.shapes().items():
            setattr(self, name, torch.nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        # what RNNBase's methods (flatten_parameters, all_weights, moving, copying) work on
        self._flat_weights_names = list(self.weight_names)
        self._all_weights = [
            [name + suffix for name in self.layout.part_shapes(layer)] for layer, _, suffix in self.layout.parts()
        ]
        self._init_flat_weights()
        self.reset_parameters()

    @property
    def cell(self) -> Cell:
        """The cell: its gates, states and equation."""
        return get_cell(self.layout.cell)

    def reset_parameters(self) -> None:
        """Draw all parameters anew, as ``init`` says."""
        initialise(self)

    def flatten_parameters(self) -> None:
        """On CUDA, lay the weights out in one block for cuDNN, where it has this cell; otherwise nothing."""
        if not self.lacks_kernel:
            super().flatten_parameters()

    def weights(self) -> list[Tensor]:
        """All weights as they are now, parametrised and swapped-in ones included, in ``weight_names``' order."""
        try:  # a module's attributes are found the slow way
            return list(self._own_weights(self._parameters))
        except KeyError:
            return [getattr(self, name) for name in self.weight_names]

    @property
    def dtype(self) -> torch.dtype:
        """The weights' type."""
        name = self.weight_names[0]
        weight = self._parameters.get(name)
        return (getattr(self, name) if weight is None else weight).dtype

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
        if "torch._dynamo" in sys.modules:
            # torch.compile leaves a frame with a layer of torch.nn's kind alone, but would look into what that calls
            if not _uncompiled:
                _uncompiled.append(torch.compiler.disable(Recurrent._run))
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
        if hx is None and lengths is None and resets is None:
            result = plain(self, input)
            if result is not None:
                return result
        if isinstance(input, PackedSequence):
            path = choose_path(self, input.data, resets)
            if lengths is not None:
                raise LayerShapeError("lengths is given, but a packed input has its own; leave lengths out")
            check_input(self, input.data, (2,))
            steps, batch = len(input.batch_sizes), int(input.batch_sizes[0])
            states = None if hx is None else check_states(self, hx, batch, batched=True)
            if resets is not None:
                resets = check_resets(resets, steps, batch, input.data.device)
            packed, states = path.packed(self, input, states, resets)
            return packed, states if len(states) > 1 else states[0]
        input, states, lengths, resets, batched = self._prepare(input, hx, lengths, resets)
        output, states = choose_path(self, input, resets).padded(self, input, states, lengths, resets)
        if not batched:
            output = output.squeeze(0 if self.batch_first else 1)
            states = tuple(s.squeeze(1) for s in states)
        return output, states if len(states) > 1 else states[0]

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
        input, states, lengths, resets, batched = self._prepare(input, hx, lengths, resets)
        x = input.transpose(0, 1) if self.batch_first else input
        traces = run_reference(self, x, states, lengths, resets, trace=True).trace
        if not batched:
            return {name: value.squeeze(1) for name, value in traces.items()}
        return {name: value.transpose(0, 1) if self.batch_first else value for name, value in traces.items()}

    def _prepare(
        self, input: Tensor, hx: Hidden | None, lengths: Tensor | Sequence[int] | None, resets: Tensor | None
    ) -> tuple[Tensor, States | None, Tensor | None, Tensor | None, bool]:
        check_input(self, input, (2, 3))
        shape = input.shape
        batched = len(shape) == 3
        if not batched:
            input = input.unsqueeze(0 if self.batch_first else 1)
            lengths = None if lengths is None else torch.as_tensor(lengths).reshape(-1)
            resets = None if resets is None else torch.as_tensor(resets).reshape(1, -1)
            shape = input.shape
        batch, steps = (shape[0], shape[1]) if self.batch_first else (shape[1], shape[0])
        if not steps:
            raise LayerShapeError(f"input of shape {tuple(input.shape)} has no time steps; it needs at least 1")
        states = None if hx is None else check_states(self, hx, batch, batched)
        if lengths is not None:
            lengths = check_lengths(lengths, steps, batch)
        if resets is not None:
            resets = check_resets(resets, steps, batch, input.device)
        return input, states, lengths, resets, batched

    def extra_repr(self) -> str:
        text = super().extra_repr()
        if self.layout.layer_norm:
            text += ", layer_norm=True"
        if self.layout.zoneout:
            text += f", zoneout={self.layout.zoneout}"
        if self.recurrent_dropout:
            text += f", recurrent_dropout={self.recurrent_dropout}"
        if self.init != "torch":
            text += f", init={self.init!r}"
        if self.lacks_kernel or type(self) is Recurrent:  # elsewhere the class's name says it
            text += f", cell={self.layout.cell!r}"
        return text
