"""Runs of a layer that the tests of the native kernels compare: what is run, how, and how far results may differ."""

from __future__ import annotations

import contextlib
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence
from torch.overrides import TorchFunctionMode

import elman
import elman.nn
from elman.cells import Ops, cell_names, get_cell
from elman.nn import GRU, LSTM, RNN, Recurrent

# every registered cell, and once more with a projection where it can have one, and with heads
VARIANTS = [*cell_names(), *(f"{name}+proj" for name in cell_names() if get_cell(name).can_project)]
VARIANTS += [f"{name}+heads" for name in cell_names() if get_cell(name).heads]
SIZES = [1, 3, 17, 20, 33, 100, 129]
Values = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    """One layer and one call of it. Settings that exclude one another are put right on the way in, see ``legal``."""

    variant: str = "gru"
    input_size: int = 3
    hidden_size: int = 17
    num_layers: int = 1
    steps: int = 3
    batch: int = 3
    bias: bool = True
    bidirectional: bool = False
    batch_first: bool = False
    layer_norm: bool = False
    zoneout: float = 0.0
    recurrent_dropout: float = 0.0
    dropout: float = 0.0
    training: bool = True
    ragged: str = ""  # "lengths", "packed"
    resets: bool = False
    hx: str = ""  # "given", "learned"
    loss: str = "all"  # "output", or a state alone: "h", "c"
    memory: str = "contiguous"  # "strided", "expanded"
    frozen: str = ""  # "input", "some weights", "weights"
    drawn: torch.dtype = torch.float64  # the type of the random values, which a run may convert

    @property
    def cell(self) -> str:
        return self.variant.partition("+")[0]

    @property
    def heads(self) -> int:
        return 3 if self.variant.endswith("+heads") else 1

    @property
    def proj_size(self) -> int:
        return max(1, self.hidden_size // 3) if self.variant.endswith("+proj") else 0

    def legal(self) -> Case:
        """This case without what cannot be: a projection as wide as the layer, dropout behind a single layer."""
        size = max(self.hidden_size, 3 if "+" in self.variant else 1)
        size = size // 3 * 3 if self.heads > 1 else size
        return replace(
            self,
            # of a few units in a row some have nearly one value, and normalising them multiplies every rounding
            layer_norm=self.layer_norm and self.heads == 1,  # which no kernel does over several heads
            hidden_size=17 if self.layer_norm and self.heads == 1 and 1 < size < 17 else size,
            # a packed batch draws its dropout in torch's order of elements, the equations in the padded one
            dropout=0.0 if self.num_layers == 1 or self.ragged == "packed" else self.dropout,
            recurrent_dropout=self.recurrent_dropout if get_cell(self.cell).recurrent else 0.0,
            loss="h" if self.loss == "c" and len(get_cell(self.cell).states) == 1 else self.loss,
        )

    def layer(self) -> Recurrent:
        """The layer, in the type of the random values."""
        seed(0)
        layer = Recurrent(
            self.cell,
            self.input_size,
            self.hidden_size,
            self.num_layers,
            self.bias,
            self.batch_first,
            self.dropout,
            self.bidirectional,
            self.proj_size,
            layer_norm=self.layer_norm,
            zoneout=self.zoneout,
            recurrent_dropout=self.recurrent_dropout,
            options={get_cell(self.cell).heads: self.heads} if self.heads > 1 else {},
            dtype=self.drawn,
        ).train(self.training)
        for k, (name, parameter) in enumerate(layer.named_parameters()):
            if name.startswith("gain_"):
                torch.nn.init.uniform_(parameter, 0.5, 1.5)
            parameter.requires_grad_(self.frozen != "weights" and not (self.frozen == "some weights" and k % 2))
        return layer

    def arguments(self) -> tuple[Tensor, Any, dict[str, Any]]:
        """The input, the initial states and the keywords of the call."""
        seed(1)
        dtype = self.drawn
        layout = (self.batch, self.steps) if self.batch_first else (self.steps, self.batch)
        if self.memory == "strided":
            x = torch.randn(*layout, 2 * self.input_size, dtype=dtype)[..., ::2]
        elif self.memory == "expanded":
            x = torch.randn(layout[0], 1, self.input_size, dtype=dtype).expand(*layout, self.input_size)
        else:
            x = torch.randn(*layout, self.input_size, dtype=dtype)
        recurrent = self.proj_size or self.hidden_size
        parts = self.num_layers * (2 if self.bidirectional else 1)
        hx: Any = [
            # rows first in memory: not contiguous as the layer takes it
            torch.randn(self.batch, parts, size, dtype=dtype).transpose(0, 1)
            for size in (recurrent, *(self.hidden_size,) * (len(get_cell(self.cell).states) - 1))
        ]
        # a normaliser is a sum of positive numbers
        hx = [s.abs() + 0.5 if name == "n" else s for name, s in zip(get_cell(self.cell).states, hx, strict=True)]
        keywords: dict[str, Any] = {}
        if self.ragged:
            keywords["lengths"] = torch.randint(1, self.steps + 1, (self.batch,))
            if self.ragged == "packed":  # packing leaves off the steps that no row has
                keywords["lengths"][self.batch // 2] = self.steps
        if self.resets:
            keywords["resets"] = torch.rand(self.batch, self.steps) < 0.3
        return x, (hx if self.hx else None), keywords


def run(case: Case, dtype: torch.dtype | None = None) -> Values:
    """Output, final states and the gradients of all that can have one, by name.

    Weights, inputs, masks and the gradients given to the layer are the same in every run of a case. The native kernels
    run in ``dtype``; without one, the equations do, in float64.
    """
    layer, (x, hx, keywords) = case.layer().to(dtype or torch.float64), case.arguments()
    if x.dtype != layer.weight_ih_l0.dtype:
        x, hx = x.to(layer.weight_ih_l0.dtype), hx and [s.to(layer.weight_ih_l0.dtype) for s in hx]
    wanted: Values = {name: p for name, p in layer.named_parameters() if p.requires_grad}
    if case.frozen != "input":
        wanted["input"] = x.requires_grad_()
    names = get_cell(case.cell).states
    for name, state in zip(names, hx or (), strict=bool(hx)):
        if case.hx == "learned":
            wanted[f"{name}_0"] = state.requires_grad_()
    input: Any = x
    if case.ragged == "packed":
        input = pack_padded_sequence(x, keywords.pop("lengths"), batch_first=case.batch_first, enforce_sorted=False)
    seed(2)  # the masks
    with native_alone() if dtype else elman.use_backend("reference"):
        output, last = layer(input, as_hidden(hx), **keywords)
        output = output.data if case.ragged == "packed" else output
        found = {"output": output} | dict(zip((f"{name}_n" for name in names), as_tuple(last), strict=True))
        seed(3)
        given = {
            name: cotangent(value, case.memory)
            for name, value in found.items()
            if case.loss == "all" or name.startswith(case.loss)
        }
        gradients = grad([found[name] for name in given], wanted, list(given.values()))
    return {name: value.detach() for name, value in found.items()} | gradients


def seed(number: int) -> None:
    """torch.manual_seed for the processor alone, a hundred times as fast."""
    torch.default_generator.manual_seed(number)


def as_tuple(hx: Any) -> tuple[Tensor, ...]:
    """States as a tuple, also where a cell has but one."""
    return hx if isinstance(hx, tuple) else (hx,)


def as_hidden(states: Sequence[Tensor] | None) -> Any:
    """States as a layer takes them."""
    return None if not states else tuple(states) if len(states) > 1 else states[0]


def cotangent(value: Tensor, memory: str) -> Tensor:
    """The gradient with respect to ``value`` that is given; ``"expanded"`` is what sum().backward() gives."""
    if memory == "expanded":
        return value.new_tensor(1.5).expand_as(value)
    return torch.randn(value.shape).to(value.dtype)  # drawn in one type: the same numbers in every run


def grad(outputs: Sequence[Tensor], wanted: Values, cotangents: Sequence[Tensor]) -> Values:
    if not wanted:
        return {}
    found = torch.autograd.grad(outputs, list(wanted.values()), cotangents, materialize_grads=True)
    return {f"∂{name}": value for name, value in zip(wanted, found, strict=True)}


def native_alone() -> contextlib.AbstractContextManager[None]:
    """Ask for the native kernels, and let nothing run in their place."""
    return elman.use_backend("native", strict=True)


class Recorded(TorchFunctionMode):
    """The names of the functions of torch that are called in its block."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(function.__name__)
        return function(*args, **(kwargs or {}))


def path_of(layer: Recurrent, *arguments: Any, **keywords: Any) -> str:
    """Where a call runs, by the functions of torch that it calls: torch's kernel, the operators of the equations, or
    none of these."""
    with Recorded() as recorded:
        layer(*arguments, **keywords)
    if recorded.names & {"lstm", "gru", "rnn_tanh", "rnn_relu"}:
        return "torch"
    return "reference" if recorded.names & {"sigmoid", "tanh", "relu"} else "native"


def tolerance(case: Case, name: str, expected: Tensor, dtype: torch.dtype) -> float:
    """How far rounding may move the values called ``name``.

    The rounding errors of a sum of n terms grow like √n · ε, relative to the size of the terms. The largest value
    stands for that; inputs, states and given gradients are of size 1, so that it is not taken smaller than a tenth.
    n is the longest sum on the way to the value: a row of weights, and for gradients all steps of all rows too.
    Layer normalisation divides by a deviation that may be small, that of a single unit by √ε_LN, and multiplies the
    errors by as much; of a single unit it leaves 0, the difference of terms of size 1.
    """
    least = 1.0 if case.layer_norm and case.hidden_size == 1 else 0.1
    amplified = 1.0 if not case.layer_norm else 64.0 if case.hidden_size > 1 else 1 / math.sqrt(Ops.EPSILON)
    terms = case.input_size + 4 * case.hidden_size
    if name.startswith("∂"):
        terms += case.steps * case.batch
    epsilon = torch.finfo(dtype).eps
    size = float(expected.abs().max()) if expected.numel() else 0.0
    return 4 * epsilon * math.sqrt(terms) * max(size, least) * amplified


def assert_agrees(case: Case, found: Values, expected: Values, dtype: torch.dtype, where: str = "") -> None:
    """Every value of a run is what the reference has, to rounding in ``dtype``."""
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert value.dtype == dtype, (where, name, value.dtype)
        assert value.shape == expected[name].shape, (where, name)
        error = float((value.double() - expected[name]).abs().max()) if value.numel() else 0.0
        allowed = tolerance(case, name, expected[name], dtype)
        assert error <= allowed, f"{where} {name}: off by {error:.2e}, rounding explains {allowed:.2e}; {case}"


def pairwise(factors: dict[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Few choices, one value a factor, among which every pair of values of two factors occurs."""
    random_ = random.Random(0)
    columns = list(factors)
    missing = {
        ((a, i), (b, j))
        for a, b in itertools.combinations(columns, 2)
        for i in range(len(factors[a]))
        for j in range(len(factors[b]))
    }

    def pairs(row: dict[str, int]) -> set[Any]:
        return set(itertools.combinations(row.items(), 2)) & missing

    rows = []
    while missing:
        start = dict(min(missing))  # always make progress
        drawn = [{c: start.get(c, random_.randrange(len(factors[c]))) for c in columns} for _ in range(40)]
        best = max(drawn, key=lambda row: len(pairs(row)))
        missing -= pairs(best)
        rows.append({c: factors[c][k] for c, k in best.items()})
    return rows


each_kind = pytest.mark.parametrize("kind", [RNN, LSTM, GRU])


def make(kind: Any = GRU, *sizes: int, **options: Any) -> Recurrent:
    """A layer, 3 → 20 unless sizes are given, always with the same weights."""
    torch.manual_seed(0)
    return kind(*(sizes or (3, 20)), **options)


def results(layer: Recurrent, x: Tensor, seed: int | None = None) -> tuple[Tensor, ...]:
    """The output and every gradient of a loss."""
    if seed is not None:
        torch.manual_seed(seed)
    output = layer(x)[0]
    return (output.detach(), *torch.autograd.grad(output.square().sum(), list(layer.parameters())))


def equal(found: Sequence[Tensor], expected: Sequence[Tensor]) -> bool:
    """Whether all are the same, bit for bit."""
    return all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def pair(kind: str, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """torch's layer and ours, from the same seed."""
    layers = []
    for library in (torch.nn, elman.nn):
        torch.manual_seed(0)
        layers.append(getattr(library, kind)(*args, **kwargs))
    return layers[0], layers[1]
