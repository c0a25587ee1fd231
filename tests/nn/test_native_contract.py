"""The native kernels against the equations in float64: every cell, option, instruction set and type."""

from __future__ import annotations

import itertools
import logging
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

import elman
from elman.errors import ShapeError
from elman.nn import GRU, LSTM, Recurrent
from elman.recurrence import backends
from tests.nn.cases import SIZES, VARIANTS, Case, as_hidden, as_tuple, assert_agrees, native_alone, pairwise, run, seed

DTYPES = [torch.float32, torch.float64]
OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "no-bias": {"bias": False},
    "layer-norm": {"layer_norm": True},
    "layer-norm-no-bias": {"layer_norm": True, "bias": False, "bidirectional": True},
    "zoneout": {"zoneout": 0.3},
    "zoneout-expected": {"zoneout": 0.3, "training": False},
    "recurrent-dropout": {"recurrent_dropout": 0.4, "hx": "learned"},
    "layer-norm-and-both": {"layer_norm": True, "zoneout": 0.3, "recurrent_dropout": 0.4, "num_layers": 2},
    "bidirectional": {"bidirectional": True},
    "two-layers": {"num_layers": 2},
    "three-layers-dropout": {"num_layers": 3, "dropout": 0.4, "bidirectional": True},
    "lengths": {"ragged": "lengths"},
    "resets": {"resets": True},
    "lengths-resets": {"ragged": "lengths", "resets": True, "bidirectional": True, "num_layers": 2, "hx": "learned"},
    "packed": {"ragged": "packed", "bidirectional": True, "num_layers": 2, "hx": "learned"},
    "packed-resets-masks": {"ragged": "packed", "resets": True, "zoneout": 0.3, "recurrent_dropout": 0.4},
    "batch-first": {"batch_first": True, "hx": "learned"},
    "batch-first-ragged": {"batch_first": True, "ragged": "lengths", "resets": True, "bidirectional": True},
    "states": {"hx": "given", "resets": True},
    "states-learned": {"hx": "learned", "num_layers": 2, "bidirectional": True, "ragged": "lengths"},
    "h_n-alone": {"loss": "h", "ragged": "lengths", "num_layers": 2},
    "c_n-alone": {"loss": "c", "ragged": "lengths", "bidirectional": True},
    "output-alone": {"loss": "output", "num_layers": 2},
    "strided": {"memory": "strided", "hx": "given"},
    "expanded": {"memory": "expanded", "bidirectional": True},
    "input-frozen": {"frozen": "input", "num_layers": 2},
    "some-weights-frozen": {"frozen": "some weights", "layer_norm": True, "num_layers": 2},
    "weights-frozen": {"frozen": "weights", "hx": "learned"},
    "inference-of-all": {"training": False, "dropout": 0.4, "num_layers": 2, "recurrent_dropout": 0.4, "zoneout": 0.2},
    "one-step": {"steps": 1, "hx": "learned", "zoneout": 0.3},
    "one-row": {"batch": 1, "resets": True, "recurrent_dropout": 0.4},
    "one-step-one-row": {"steps": 1, "batch": 1, "num_layers": 2},
}
# (input, hidden, steps, batch): around the widths of vectors, and beyond what fits a block of a matrix product; last,
# one row with weights of a size that is packed several times
SHAPES = [
    (1, 1, 1, 1),
    (3, 3, 4, 17),
    (17, 33, 3, 20),
    (20, 100, 2, 33),
    (33, 17, 3, 129),
    (100, 129, 2, 3),
    (129, 20, 3, 1),
    (1, 129, 1, 100),
    (3, 20, 130, 2),
    (600, 7, 2, 5),
    (5, 300, 2, 9),
    (1, 20, 2, 700),
    (3, 128, 140, 1),
]


def check(case: Case, dtypes: list[torch.dtype], targets: list[str]) -> None:
    """All targets in the given types against one run of the equations, on values that every type can represent."""
    from elman import kernels

    case = replace(case.legal(), drawn=dtypes[0])
    expected = run(case)
    for dtype in dtypes:
        for target in targets:
            with kernels.use_target(target):
                assert_agrees(case, run(case, dtype), expected, dtype, target)


each_variant = pytest.mark.parametrize("variant", VARIANTS)


@pytest.mark.parametrize("option", OPTIONS)
@each_variant
def test_every_option(variant: str, option: str, targets: list[str]) -> None:
    check(Case(variant, 3, 20, **{"steps": 3, "batch": 3} | OPTIONS[option]), DTYPES, targets)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape)))
@each_variant
def test_every_size(variant: str, shape: tuple[int, int, int, int], targets: list[str]) -> None:
    features, hidden, steps, batch = shape
    check(Case(variant, features, hidden, 1, steps, batch, ragged="lengths" if batch > 1 else ""), DTYPES, targets)


# few units and many rows, which take the units' place in the vectors: one panel of rows and several, whole and not;
# more steps and more panels than the gradients of weights are summed over at once
WIDE_SHAPES = [(1, 20, 10, 400), (20, 17, 41, 33), (3, 3, 4, 64), (5, 50, 3, 64), (1, 1, 2, 1000), (2, 32, 3, 128)]
WIDE_SHAPES += [(600, 17, 2, 64)]
WIDE_OPTIONS = ["no-bias", "bidirectional", "two-layers", "batch-first", "h_n-alone", "c_n-alone", "output-alone"]
WIDE_OPTIONS += ["strided", "expanded", "input-frozen", "some-weights-frozen", "weights-frozen", "one-step"]


@pytest.mark.parametrize("shape", WIDE_SHAPES, ids=lambda shape: "-".join(map(str, shape)))
@pytest.mark.parametrize("variant", ["rnn", "rnn-relu", "lstm", "gru", "ugrnn", "mingru", "minlstm"])
def test_many_rows_of_few_units(variant: str, shape: tuple[int, int, int, int], targets: list[str]) -> None:
    features, hidden, steps, batch = shape
    check(Case(variant, features, hidden, 2, steps, batch, bidirectional=True, hx="learned"), DTYPES, targets)


@pytest.mark.parametrize("option", WIDE_OPTIONS)
@pytest.mark.parametrize("variant", ["rnn", "lstm", "gru", "minlstm"])
def test_every_option_of_many_rows(variant: str, option: str, targets: list[str]) -> None:
    unchanged = {"layer_norm": False, "zoneout": 0.0, "ragged": "", "resets": False}
    check(Case(variant, 5, 20, **{"steps": 3, "batch": 52} | OPTIONS[option] | unchanged), DTYPES, targets)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("variant", ["rnn-relu", "lstm+proj", "gru-before"])
def test_layer_norm_of_every_size(variant: str, size: int, targets: list[str]) -> None:
    check(Case(variant, 7, size, 1, 3, 4, layer_norm=True), DTYPES, targets)


FACTORS: dict[str, Any] = {
    "variant": VARIANTS,
    "input_size": SIZES,
    "hidden_size": SIZES,
    "num_layers": [1, 2, 3],
    "steps": [1, 2, 7],
    "batch": [1, 3, 17, 33],
    "bias": [True, False],
    "bidirectional": [False, True],
    "batch_first": [False, True],
    "layer_norm": [False, True],
    "zoneout": [0.0, 0.3],
    "recurrent_dropout": [0.0, 0.4],
    "dropout": [0.0, 0.4],
    "training": [True, False],
    "ragged": ["", "lengths", "packed"],
    "resets": [False, True],
    "hx": ["", "given", "learned"],
    "loss": ["all", "output", "h", "c"],
    "memory": ["contiguous", "strided", "expanded"],
    "frozen": ["", "input", "some weights", "weights"],
}


@pytest.mark.parametrize("options", pairwise(FACTORS | {"dtype": DTYPES}), ids=map(str, itertools.count()))
def test_every_two_options_together(options: dict[str, Any], targets: list[str]) -> None:
    options = dict(options)
    dtype = options.pop("dtype")
    check(Case(**options), [dtype], targets)


# the bounds are those of random rounding: what is drawn is the same every time
@settings(max_examples=40, derandomize=True)
@given(
    st.builds(
        Case,
        **{name: st.sampled_from(values) for name, values in FACTORS.items()}
        | {"input_size": st.integers(1, 40), "hidden_size": st.integers(1, 70)}
        | {"steps": st.integers(1, 6), "batch": st.integers(1, 40)},
    ),
    st.sampled_from(DTYPES),
)
def test_any_options_together(targets: list[str], case: Case, dtype: torch.dtype) -> None:
    check(case, [dtype], targets)


@each_variant
def test_a_thousand_steps(variant: str, targets: list[str]) -> None:
    check(Case(variant, 1, 17, 1, 1000, 3, ragged="lengths", hx="learned"), DTYPES, targets)


@pytest.mark.parametrize(
    ("variant", "batch", "options"),
    [
        ("rnn", 900, {"ragged": "lengths", "hx": "learned"}),
        ("lstm-peephole+proj", 230, {"ragged": "packed", "recurrent_dropout": 0.3, "resets": True}),
        ("gru", 230, {"layer_norm": True, "ragged": "lengths"}),
        ("gru-before", 230, {"zoneout": 0.2, "batch_first": True}),
    ],
)
def test_more_steps_than_backward_takes_at_a_time(
    variant: str, batch: int, options: dict[str, Any], targets: list[str]
) -> None:
    # more than 16 MB of gates, in both directions
    check(Case(variant, 2, 64, 1, 40, batch, bidirectional=True, **options), [torch.float64], targets)


@pytest.mark.parametrize("length", [0, -1])
def test_rows_without_steps_are_refused(length: int) -> None:
    with native_alone(), pytest.raises(ShapeError, match=rf"lengths\[1\] is {length}; it must be from 1 to 5.*leave"):
        GRU(3, 4)(torch.zeros(5, 2, 3), lengths=[5, length])


def function(case: Case) -> tuple[Any, list[Tensor]]:
    """The layer as a function of everything that has a gradient, in float64, and the values it is taken at."""
    layer, (x, hx, keywords) = case.layer(), case.arguments()
    states = [s.detach().requires_grad_() for s in hx or ()]
    names, weights = zip(*layer.named_parameters(), strict=True)

    def call(x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        seed(2)
        output, last = torch.func.functional_call(
            layer,
            dict(zip(names, others[len(states) :], strict=True)),
            (x, as_hidden(others[: len(states)])),
            keywords,
        )
        return (output, *as_tuple(last))

    return call, [x.requires_grad_(), *states, *(w.detach().clone().requires_grad_() for w in weights)]


SMALL = [
    {"hx": "learned"},
    {"layer_norm": True, "ragged": "lengths", "bidirectional": True},
    {"num_layers": 2, "dropout": 0.4, "zoneout": 0.3, "recurrent_dropout": 0.4, "resets": True},
    {"training": False, "zoneout": 0.3, "bias": False, "ragged": "lengths", "batch_first": True},
]


@pytest.mark.parametrize("options", SMALL, ids=lambda options: "-".join(options))
@each_variant
def test_gradcheck(variant: str, options: dict[str, Any], target: str) -> None:
    # in the fast mode along random directions, once a cell along every one
    call, inputs = function(Case(variant, 2, 4, steps=3, batch=2, **options).legal())
    with native_alone():
        assert gradcheck(call, inputs, atol=1e-6, rtol=1e-5, fast_mode=options is not SMALL[0])


@pytest.mark.parametrize("variant", ["rnn", "lstm+proj", "gru", "gru-before", "minlstm", "lem", "slstm"])
def test_second_derivatives(variant: str, caplog: pytest.LogCaptureFixture) -> None:
    backends.warn_once.cache_clear()
    caplog.set_level(logging.WARNING, "elman")
    call, inputs = function(Case(variant, 2, 3, steps=3, batch=2, hx="learned", ragged="lengths").legal())
    with elman.use_backend("native"):
        assert gradgradcheck(call, inputs, atol=1e-6, fast_mode=True)
        assert gradgradcheck(call, inputs, atol=1e-6, fast_mode=True)
    (notice,) = [record.getMessage() for record in caplog.records]
    assert "second derivative" in notice and "reference" in notice


def test_second_derivatives_are_those_of_the_equations() -> None:
    found = []
    for backend in ("native", "reference"):
        call, inputs = function(Case("lstm", 2, 5, num_layers=2, dropout=0.4, zoneout=0.2, recurrent_dropout=0.3))
        with elman.use_backend(backend):
            first = torch.autograd.grad(call(*inputs)[0].square().sum(), inputs, create_graph=True)
            penalty = sum(g.square().sum() for g in first)
            found.append([*first, *torch.autograd.grad(penalty, inputs)])
    torch.testing.assert_close(found[0], found[1], rtol=1e-10, atol=1e-12)


def test_recurrent_of_a_cell_without_a_native_kernel_runs_the_equations() -> None:
    from elman.cells import CELLS, Cell, register_cell
    from elman.cells.rnn import TANH

    register_cell(Cell(name="contract-test", gates=("h",), states=("h",), step=TANH.step, source="a test"))
    try:
        seed(0)
        layer = Recurrent("contract-test", 3, 5)
        twin = Recurrent("rnn", 3, 5)
        twin.load_state_dict(layer.state_dict())
        x = torch.randn(4, 2, 3)
        torch.testing.assert_close(layer(x), twin(x))
    finally:
        del CELLS["contract-test"]


@pytest.mark.parametrize("batch", [3, 64], ids=["units are lanes", "rows are lanes"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_output_gates_that_are_shut(dtype: torch.dtype, batch: int, target: str) -> None:
    """Backward divides the output by its gate, which may be subnormal or zero."""
    seed(0)
    expected = torch.nn.LSTM(3, 20, dtype=torch.float64)
    with torch.no_grad():
        bias = torch.tensor([0.0, -15, -60, -72, -88, -95, -110, -800, -1e30, 30], dtype=torch.float64)
        expected.bias_ih_l0[60:70] = bias
        expected.weight_hh_l0[60:70] = 0
    layer = LSTM(3, 20, dtype=dtype)
    layer.load_state_dict(expected.state_dict())
    x = torch.randn(5, batch, 3, dtype=torch.float64)
    with native_alone():
        layer(x.to(dtype))[0].sum().backward()
    expected(x)[0].sum().backward()
    for parameter, reference in zip(layer.parameters(), expected.parameters(), strict=True):
        scale = 256 * torch.finfo(dtype).eps
        tolerance = scale * float(reference.grad.abs().max())
        torch.testing.assert_close(parameter.grad.double(), reference.grad, rtol=scale, atol=tolerance)
