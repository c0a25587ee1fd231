"""Gradients by the tape: each function against differences, whole models against torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from elman.cells import CELLS, get_cell
from elman.model import (
    CharacterEncoder,
    Convolution,
    Dropout,
    Embedding,
    Join,
    LastStep,
    Layer,
    Linear,
    Model,
    PointHead,
    Pool,
    RecurrentLayers,
    SoftmaxHead,
)
from elman.nn.network import Network, set_arrays
from elman.recurrence import Layout
from elman.studies.explain.inside import look_inside
from elman.studies.explain.tape import SLOPES, Tape, Value
from tests.model.helpers import Leak, model_of, toys

STEPS, SIZE = 6, 4


# --- the tape

NUMBERS = st.lists(st.floats(0.2, 3.0), min_size=6, max_size=6).map(lambda values: np.array(values).reshape(2, 3))


@pytest.mark.parametrize("ufunc", SLOPES, ids=lambda ufunc: ufunc.__name__)
@given(a=NUMBERS, b=NUMBERS, seed=st.integers(0, 99))
def test_each_function_has_its_slope(ufunc: Any, a: np.ndarray, b: np.ndarray, seed: int) -> None:
    arrays = [a, b + 0.05][: ufunc.nin]
    if ufunc in (np.maximum, np.minimum):  # no slope where both are equal
        arrays[1] = np.where(np.abs(arrays[1] - a) < 0.01, a + 0.1, arrays[1])
    seeds = np.random.default_rng(seed).normal(size=(2, 2, 3))
    wanted = 1 if ufunc is np.power else len(arrays)  # its exponent is a constant
    tape = Tape()
    values = [Value(array, tape) if k < wanted else array for k, array in enumerate(arrays)]
    tape.backward(ufunc(*values), seeds)
    for k in range(wanted):
        expected = np.zeros((2, 2, 3))
        for place in np.ndindex(2, 3):
            ends = []
            for sign in (1, -1):
                moved = [array.copy() for array in arrays]
                moved[k][place] += sign * 1e-6
                ends.append(ufunc(*moved))
            expected[(slice(None), *place)] = (seeds * (ends[0] - ends[1]) / 2e-6).sum(axis=(1, 2))
        assert_allclose(values[k].gradient, expected, rtol=1e-6, atol=1e-7)


def test_what_is_broadcast_and_used_twice_is_summed() -> None:
    tape = Tape()
    x = Value(np.array([[1.0, 2.0, 3.0]]), tape)
    y = np.concatenate([x[:, :2] * 2, x * x], axis=-1) + np.zeros((4, 1))
    tape.backward(y, np.ones((1, 4, 5)))
    assert x.gradient is not None
    assert_allclose(x.gradient, [[[4 * (2 + 2), 4 * (2 + 4), 4 * 6]]])


def test_what_has_no_slope_is_refused() -> None:
    value = Value(np.ones(3), Tape())
    assert (value > 0).all()  # a comparison is no function that has one, and needs none
    with pytest.raises(TypeError):
        np.arctan(value)
    with pytest.raises(TypeError):
        np.cumsum(value)


# --- whole models


def recurrent(cell: str = "gru", inputs: int = SIZE, **options: Any) -> RecurrentLayers:
    states = len(get_cell(cell).states)
    if "zoneout" in options:
        options["zoneout"] = (options["zoneout"],) * states
    return RecurrentLayers(Layout(cell, inputs, SIZE, **options))


def with_recurrent(layer: RecurrentLayers, *after: Layer) -> tuple[Layer, ...]:
    size = layer.layout.recurrent_size * layer.layout.num_directions
    return (layer, *after, Linear(size, 3), PointHead("mse", 3))


CASES: dict[str, tuple[Layer, ...]] = {
    **{f"cell {cell}": with_recurrent(recurrent(cell, num_layers=2), LastStep()) for cell in CELLS},
    **{
        f"all of {cell}": with_recurrent(
            recurrent(cell, num_layers=2, bidirectional=True, layer_norm=True, zoneout=0.2), LastStep(True)
        )
        for cell in CELLS
    },
    "projection": with_recurrent(recurrent("lstm", proj_size=3), LastStep()),
    "heads": with_recurrent(recurrent("slstm", num_layers=2, options=(2.0,)), LastStep()),
    "short steps": with_recurrent(recurrent("lem", options=(0.3,)), LastStep()),
    "every step": with_recurrent(recurrent("lstm", bidirectional=True), Dropout(0.3)),
    "without biases": with_recurrent(recurrent("gru", bias=False)),
    "convolution": (Convolution(SIZE, SIZE, 3), *with_recurrent(recurrent(), LastStep())),
    "convolution without relu": (Convolution(SIZE, SIZE, 5, "none"), *with_recurrent(recurrent(), LastStep())),
    "mean": with_recurrent(recurrent(), Pool("mean", SIZE)),
    "largest": with_recurrent(recurrent(), Pool("max", SIZE)),
    "two branches": (
        RecurrentLayers(Layout("gru", SIZE, SIZE), name="a", reads=("input",)),
        Linear(SIZE, SIZE, name="b", reads=("input",)),
        Join("add", name="c", reads=("a", "b")),
        Join(reads=("a", "c")),
        Linear(2 * SIZE, 3),
        SoftmaxHead(3),
    ),
    "what has no steps": (
        RecurrentLayers(Layout("gru", SIZE, SIZE), name="a", reads=("input",)),
        Join(reads=("a", "static")),
        Linear(SIZE + 2, 3),
        PointHead("mse", 3),
    ),
}


def by_torch(model: Model, inputs: dict[str, np.ndarray], seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    network = Network(model.layers).eval()
    set_arrays(network, model.arrays)
    network.double()
    tensors = {name: torch.from_numpy(array.astype(float)) for name, array in inputs.items()}
    tensors["input"].requires_grad_()
    output, _ = network(tensors, None, None)
    found = [
        torch.autograd.grad((output[0] * torch.from_numpy(seed)).sum(), tensors["input"], retain_graph=True)[0][0]
        for seed in seeds
    ]
    return output[0].detach().numpy(), torch.stack(found).numpy()


@pytest.mark.parametrize("name", CASES)
def test_models_against_torch(name: str) -> None:
    model = model_of(CASES[name], seed=3)
    random = np.random.default_rng(0)
    inputs = {"input": random.normal(size=(1, STEPS, SIZE))}
    if "static" in model.wiring.inputs:
        inputs["static"] = random.normal(size=(1, 2))
    found = look_inside(model, inputs, {})
    seeds = random.normal(size=(4, *found.output.shape))
    output, expected = by_torch(model, inputs, seeds)
    assert_allclose(found.output, output, rtol=1e-10, atol=1e-12)
    (gradients,) = found.gradients(seeds)
    assert_allclose(gradients, expected, rtol=1e-9, atol=1e-11)
    assert np.abs(expected).max() > 1e-3 and found.cut == ""


def test_the_gradient_of_words_is_that_of_their_vectors() -> None:
    """Of a word's own vector, and of what its letters come to: each as if it were the input itself."""
    letters = Layout("lstm", 3, 2, bidirectional=True)
    head = (Join(name="both", reads=("word", "spelling")), recurrent("gru", 7), Linear(SIZE, 3), SoftmaxHead(3))
    word, spelling = (
        Embedding(9, 3, name="word", reads=("w",)),
        CharacterEncoder(6, letters, name="spelling", reads=("c",)),
    )
    model = model_of((word, spelling, *head), seed=1)
    random = np.random.default_rng(0)
    w, c = random.integers(0, 9, (1, 5)), random.integers(1, 6, (1, 5, 4))
    found = look_inside(model, {"w": w, "c": c}, {})
    seeds = random.normal(size=(3, *found.output.shape))
    rest = Model(
        (Linear(7, 7), recurrent("gru", 7), *head[2:]),
        {
            "0.weight": np.eye(7, dtype="f4"),
            "0.bias": np.zeros(7, "f4"),
            **{f"1.{n}": model.arrays[f"3.{n}"] for n in head[1].shapes()},
            **{f"2.{n}": model.arrays[f"4.{n}"] for n in head[2].shapes()},
        },
    )
    vectors = [word.run([w], {"weight": model.arrays["0.weight"]}, None, {})[0]]
    own = {n: model.arrays[f"1.{n}"] for n in spelling.shapes()}
    vectors.append(spelling.run([c], own, None, {})[0])
    output, expected = by_torch(rest, {"input": np.concatenate(vectors, axis=-1)}, seeds)
    assert_allclose(found.output, output, rtol=1e-5, atol=1e-6)
    first, second = found.gradients(seeds)
    assert_allclose(np.concatenate([first, second], axis=-1), expected, rtol=1e-4, atol=1e-5)


def test_a_state_that_is_carried_on() -> None:
    model = model_of(with_recurrent(recurrent("lstm", num_layers=2)), seed=2)
    x = np.random.default_rng(0).normal(size=(1, 9, SIZE)).astype("f4")
    whole, _ = model(x)
    _, state = model(x[:, :4])
    assert_allclose(look_inside(model, {"input": x[:, 4:]}, state).output, whole[0, 4:], rtol=1e-4, atol=1e-5)


def test_a_layer_from_outside_cuts_the_gradient_and_is_named() -> None:
    with toys():
        model = model_of((Leak(SIZE), *with_recurrent(recurrent())), seed=1)
        x = np.random.default_rng(0).normal(size=(1, STEPS, SIZE)).astype("f4")
        found = look_inside(model, {"input": x}, {})
        assert found.cut == "toy-leak"
        assert_allclose(found.output, model(x)[0][0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_traces_are_those_of_the_layers(cell: str) -> None:
    from elman.nn import Recurrent

    layer = Recurrent(cell, SIZE, 5, num_layers=2, bidirectional=True, batch_first=True).double()
    arrays = {f"0.{name}": value.detach().numpy() for name, value in layer.state_dict().items()}
    layout = Layout(cell, SIZE, 5, num_layers=2, bidirectional=True)
    model = Model((RecurrentLayers(layout),), arrays)
    x = np.random.default_rng(0).normal(size=(1, STEPS, SIZE))
    expected = layer.trace(torch.from_numpy(x))
    found = look_inside(model, {"input": x}, {}).traces[0]
    assert found.keys() == expected.keys()
    for name, values in found.items():
        assert_allclose(values, expected[name][0].detach().numpy(), rtol=1e-11, atol=1e-13)
