"""A model's description executed on torch: what training trains. :mod:`elman.model` is its twin on NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from elman.errors import ShapeError
from elman.model import INPUT, Layer
from elman.model.wiring import Wiring
from elman.nn.twin import NO_STATE, HeadTwin, LossTwin, Regularisation, State
from elman.nn.twins import twin_of

Inputs = Tensor | Mapping[str, Tensor]


class Batch(NamedTuple):
    """Some examples on the device; see :class:`elman.learning.Examples`. ``lengths`` lie on the CPU."""

    inputs: Inputs
    targets: Tensor
    lengths: Tensor | None = None
    weight: Tensor | None = None


class Network(torch.nn.Module):
    """Layers as torch modules, with initial values; parameters are called as the arrays of :class:`elman.model.Model`.

    Dropouts act while training only.

    Args:
        layers: each after those that it reads.
        zero_output: begin with a last linear layer of zeros, so that training begins at what the encoding alone says.

    Raises:
        SettingsError: a kind of layer without a torch twin.
        ShapeError: layers that do not fit each other.

    >>> from elman.model import Linear, PointHead
    >>> network = Network((Linear(2, 1), PointHead("mse")), zero_output=True)
    >>> loss, count, _ = network.loss(Batch(torch.ones(3, 2), torch.full((3, 1), 2.0)))
    >>> loss.item(), count
    (4.0, 3)
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        init: str = "torch",
        zero_output: bool = False,
    ) -> None:
        super().__init__()
        self.wiring = Wiring(tuple(layers))
        self.wiring.check()
        options = Regularisation(dropout, recurrent_dropout, init)
        for number, layer in enumerate(layers):
            self.add_module(str(number), twin_of(layer, options))
        self.keeps_time, self.causal = self.wiring.keeps_time_of, self.wiring.causal
        self._chain = self._as_chain()
        head = self.get_submodule(str(len(layers) - 1))
        self._head_loss = head.loss if isinstance(head, HeadTwin) else _no_loss
        self._own_losses = [module for module in self.children() if isinstance(module, LossTwin)]
        if zero_output:
            last = [module for module in self.children() if isinstance(module, torch.nn.Linear)][-1]
            torch.nn.init.zeros_(last.weight)
            torch.nn.init.zeros_(last.bias)

    def _as_chain(self) -> list[tuple[str, torch.nn.Module]]:
        """The modules with the prefixes of their states, where each reads the one before; else empty.

        A small model's step is mostly calls from Python: a head that passes on what it reads is left out.
        """
        if any(sources != ((k - 1,) if k else (INPUT,)) for k, sources in enumerate(self.wiring.sources)):
            return []
        modules = [(f"{name}.", module) for name, module in self.named_children()]
        return modules[:-1] if type(modules[-1][1]).forward is HeadTwin.forward else modules

    def forward(
        self, inputs: Inputs, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Output and final state; arguments as of :class:`elman.model.Model`, ``lengths`` on the CPU."""
        if self._chain and not state:
            x = inputs if isinstance(inputs, Tensor) else inputs[INPUT]
            finals: State = {}
            for prefix, module in self._chain:
                x, final = module((x,), lengths, NO_STATE)
                for name in final:
                    finals[prefix + name] = final[name]
            return x, finals
        return self._branching(inputs, lengths, state or {})

    def _branching(self, inputs: Inputs, lengths: Tensor | None, state: State) -> tuple[Tensor, State]:
        given = {INPUT: inputs} if isinstance(inputs, Tensor) else inputs
        outputs: list[Tensor] = []
        finals: State = {}
        for (number, module), sources in zip(self.named_children(), self.wiring.sources, strict=True):
            x = [given[source] if isinstance(source, str) else outputs[source] for source in sources]
            prefix = f"{number}."
            own = {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}
            output, final = module(x, lengths, own)
            outputs.append(output)
            finals |= {prefix + name: t for name, t in final.items()}
        return outputs[-1], finals

    def loss(self, batch: Batch, state: State | None = None) -> tuple[Tensor, Tensor | int, State]:
        """The head's mean loss over what counts of ``batch``, how much counts, and the final state. In training the
        losses of layers that have one of their own are added.

        Raises:
            ShapeError: the last layer is no head, or targets that do not fit its output.
        """
        inputs, targets, lengths, weight = batch
        output, final = self.forward(inputs, lengths, state)
        mean, count = self._head_loss(output, targets, weight)
        if self.training:
            for module in self._own_losses:
                mean = mean + module.taken()
        return mean, count, final


def _no_loss(output: Tensor, targets: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor | int]:
    raise ShapeError("the last layer is no head, so there is nothing to train by")


def arrays_of(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """The module's parameters as float32 arrays of their own, by name."""
    return {name: p.detach().cpu().numpy().astype(np.float32, copy=True) for name, p in module.named_parameters()}


def set_arrays(module: torch.nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    """Put ``arrays`` into the module's parameters."""
    module.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in arrays.items()})
