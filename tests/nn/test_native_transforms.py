"""The native kernels among what looks inside a layer: lazy tensors, recordings, function transforms, compilers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import elman
from elman.nn import GRU, LSTM, Recurrent
from tests.nn.cases import each_kind, equal, make, native_alone, results


def lazily_negative(x: Tensor) -> Tensor:
    return torch._neg_view(-x)


@pytest.mark.parametrize("what", ["input", "state", "weight", "gradient"])
def test_a_lazy_minus_is_carried_out(what: str) -> None:
    """The imaginary part of a conjugate, for one, is stored without its sign."""
    layer, x, h, d = make(GRU, 1, 5), torch.randn(4, 2, 1), torch.randn(1, 2, 5), torch.randn(4, 2, 5)

    def run() -> tuple[Tensor, ...]:
        output = layer(x, h)[0]
        return (output.detach(), *torch.autograd.grad(output, list(layer.parameters()), d))

    expected = run()
    if what == "input":
        x = lazily_negative(x)
        assert x.is_neg()
    elif what == "state":
        h = lazily_negative(h)
    elif what == "gradient":
        d = lazily_negative(d)
    else:
        layer.weight_hh_l0 = nn.Parameter(lazily_negative(layer.weight_hh_l0.detach()))
    assert equal(run(), expected)


def test_zeros_without_memory() -> None:
    layer = make()
    x = torch._efficientzerotensor((4, 2, 3))
    torch.testing.assert_close(layer(x), layer(torch.zeros(4, 2, 3)))


def traced(call: Callable[[Tensor], Tensor], x: Tensor) -> Any:
    return torch.jit.trace(call, (x,))


def recorded(call: Callable[[Tensor], Tensor], x: Tensor) -> Any:
    from torch.fx.experimental.proxy_tensor import make_fx

    return make_fx(call)(x)


def exported(call: nn.Module, x: Tensor) -> Any:
    return torch.export.export(call, (x,)).module()


class First(nn.Module):
    def __init__(self, layer: Recurrent) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.layer(x)[0]
        return output


@pytest.mark.parametrize("record", [traced, recorded, exported])
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning", "ignore::torch.jit.TracerWarning")
@each_kind
def test_a_recording_computes_what_the_layer_does(kind: Any, record: Any) -> None:
    model = First(make(kind, 3, 5, num_layers=2).eval())
    x = torch.randn(4, 2, 3)
    recording = record(model, torch.zeros(4, 2, 3))
    torch.testing.assert_close(recording(x), model(x))


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@each_kind
def test_function_transforms(kind: Any) -> None:
    """Derivatives by torch.func and in forward mode are those of backward; vmap works or is refused by torch."""
    layer, x, v = make(kind, 3, 5), torch.randn(4, 2, 3), torch.randn(4, 2, 3)
    names = layer._weight_names

    def loss(x: Tensor, weights: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(layer, weights, (x,))[0].square().sum()

    found = torch.func.grad(loss, argnums=1)(x, dict(layer.named_parameters()))
    torch.testing.assert_close(tuple(found[name] for name in names), results(layer, x)[1:])
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(loss(x, {}), x)
    x = x.detach()
    if kind is not LSTM:  # of which torch has no forward mode on a processor that has oneDNN
        _, along = torch.func.jvp(lambda x: loss(x, {}), (x,), (v,))
        torch.testing.assert_close(along, (gradient * v).sum())
        with torch.autograd.forward_ad.dual_level():
            dual = loss(torch.autograd.forward_ad.make_dual(x, v), {})
            torch.testing.assert_close(torch.autograd.forward_ad.unpack_dual(dual).tangent, along)
    with pytest.raises(RuntimeError, match="Batching rule not implemented"):
        torch.vmap(lambda x: layer(x)[0])(torch.stack([x, x]))


@pytest.mark.parametrize("vectorize", [False, True])
def test_jacobian(vectorize: bool) -> None:
    layer, x = make(GRU, 3, 5, dtype=torch.float64), torch.randn(4, 2, 3, dtype=torch.float64)

    def outputs(x: Tensor) -> Tensor:
        total: Tensor = layer(x)[0].sum((1, 2))
        return total

    found = torch.autograd.functional.jacobian(outputs, x, vectorize=vectorize)
    with elman.use_backend("reference"):
        expected = torch.autograd.functional.jacobian(outputs, x)
    torch.testing.assert_close(found, expected)


class Tagger(nn.Module):
    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.before = nn.Linear(2, 3)
        self.layer = kind(3, 5, num_layers=2, bidirectional=True)
        self.after = nn.Linear(10, 1)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        y: Tensor = self.after(self.layer(self.before(x), lengths=lengths)[0])
        return y


class Model(nn.Module):
    """What is compiled: a module that holds a recurrent layer itself is left alone, as with torch.nn's."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.before = nn.Linear(2, 2)
        self.tagger = Tagger(kind)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        return torch.sigmoid(self.tagger(torch.tanh(self.before(x)), lengths)).squeeze(-1)


# torch hides this warning of its own from whoever has not made errors of warnings
compiling = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")


@compiling
@pytest.mark.parametrize("ragged", [False, True], ids=["padded", "ragged"])
@pytest.mark.parametrize("kind", [GRU, LSTM])
def test_compiled_models(kind: Any, ragged: bool) -> None:
    """The same numbers, and no compilation for each length of a sequence."""
    from torch._dynamo.testing import CompileCounter

    torch._dynamo.reset()
    model = Model(kind)
    counter = CompileCounter()
    compiled = torch.compile(model, backend=counter)
    compilations = []
    for steps in (4, 5, 6, 7, 9, 12, 20, 33):
        x = torch.randn(steps, 2, 2)
        lengths = (torch.tensor([steps, steps - 2]),) if ragged else ()
        torch.testing.assert_close(compiled(x, *lengths), model(x, *lengths), rtol=0, atol=0)
        compilations.append(counter.frame_count)
    assert compilations[0] > 0
    assert compilations[-1] == compilations[2], compilations


@compiling
@each_kind
def test_gradients_of_compiled_models(kind: Any) -> None:
    torch._dynamo.reset()
    model = Model(kind)
    compiled = torch.compile(model, backend="aot_eager")
    for steps in (4, 9):
        x = torch.randn(steps, 2, 2)
        found, expected = (torch.autograd.grad(m(x).sum(), list(model.parameters())) for m in (compiled, model))
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    with native_alone():  # and it is the kernels that run
        compiled(x)
