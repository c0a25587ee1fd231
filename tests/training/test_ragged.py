"""Named inputs, integers, lengths and weights: from examples to batches, and through training to the model file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal

from elman.errors import ShapeError
from elman.learning import Examples
from elman.model import (
    Embedding,
    Join,
    LastStep,
    Layer,
    Linear,
    Model,
    PointHead,
    RecurrentLayers,
    SoftmaxHead,
    load_model,
    save_model,
)
from elman.model.stepping import stream_of
from elman.nn.network import Network, arrays_of
from elman.recurrence import Layout
from elman.training.batches import segments, to_tensors
from elman.training.loop import fit
from tests.model.helpers import FLOAT32, Leak, ScaledHead, on_torch, toys
from tests.training.helpers import numbers_of

CPU = torch.device("cpu")
# what differs in the order of a sum, over some updates
CLOSE = {"rtol": 1e-4, "atol": 1e-6}

# two inputs, one of whole numbers, joined; a linear highway beside the recurrence
BRANCHING: tuple[Layer, ...] = (
    Embedding(5, 2, name="word", reads=("words",)),
    Join(reads=("word", "value"), name="both"),
    RecurrentLayers(Layout("gru", 3, 4), name="recurrent"),
    Linear(4, 2, name="out"),
    Linear(1, 2, name="highway", reads=("value",)),
    Join("add", reads=("out", "highway")),
    PointHead("mse", 2),
)
TAGGER: tuple[Layer, ...] = (
    Embedding(5, 3),
    RecurrentLayers(Layout("lstm", 3, 4, bidirectional=True)),
    Linear(8, 3),
    SoftmaxHead(3),
)
LANGUAGE: tuple[Layer, ...] = (Embedding(5, 3), RecurrentLayers(Layout("lstm", 3, 4)), Linear(4, 5), SoftmaxHead(5))
CLASSIFIER: tuple[Layer, ...] = (
    RecurrentLayers(Layout("rnn", 1, 4, bidirectional=True)),
    LastStep(bidirectional=True),
    Linear(8, 3),
    SoftmaxHead(3),
)
# what is known of a whole sequence, beside its last step
STATIC: tuple[Layer, ...] = (
    RecurrentLayers(Layout("gru", 1, 4), reads=("value",)),
    LastStep(name="end"),
    Join(reads=("end", "about")),
    Linear(6, 3),
    SoftmaxHead(3),
)
MODELS: dict[str, tuple[tuple[Layer, ...], bool]] = {  # and whether segments can be made
    "branching": (BRANCHING, True),
    "tagger": (TAGGER, False),
    "language": (LANGUAGE, True),
    "classifier": (CLASSIFIER, False),
    "static": (STATIC, False),
}
CASES = [(name, steps) for name, (_, causal) in MODELS.items() for steps in ((0, 4) if causal else (0,))]


def examples_for(
    layers: tuple[Layer, ...], count: int = 9, steps: int = 6, seed: int = 0, ragged: bool = True
) -> Examples:
    random = np.random.default_rng(seed)
    values = random.standard_normal((count, steps, 1)).astype("f4")
    words = random.integers(0, 5, (count, steps))
    lengths = random.integers(1, steps + 1, count) if ragged else None
    about = random.standard_normal((count, 2)).astype("f4")
    inputs: Any = words if layers[0].takes_integers else values
    if layers in (BRANCHING, STATIC):
        inputs = {"value": values} | ({"words": words} if layers is BRANCHING else {"about": about})
    if layers is BRANCHING:
        targets = np.concatenate([values, np.cumsum(values, 1)], axis=-1)
    elif layers in (CLASSIFIER, STATIC):
        targets = random.integers(0, 3, count)
    else:
        targets = words if layers is LANGUAGE else words % 3
    return Examples(inputs, targets, lengths)


def trained(layers: tuple[Layer, ...], examples: Examples, settings: Any, **options: Any) -> tuple[Network, Any]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Network(layers)
    return network, fit(network, examples, settings, **options)


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize(("name", "steps"), CASES)
def test_from_examples_to_the_model_file_and_a_stream(name, steps, ragged, settings, tmp_path):
    layers, causal = MODELS[name]
    examples = examples_for(layers, ragged=ragged)
    network, result = trained(layers, examples, settings(epochs=20), validation=examples, bptt_steps=steps)
    assert result.best_loss < 0.9 * result.history[0]["loss"]
    model = Model(layers, arrays_of(network))
    save_model(tmp_path / "model", model)
    loaded = load_model(tmp_path / "model")
    output, state = loaded(examples.inputs, examples.lengths)
    assert_array_equal(output, model(examples.inputs, examples.lengths)[0])
    expected, final = on_torch(layers, model.arrays, examples.inputs, examples.lengths)
    for row in range(len(examples)):
        real = slice(None if examples.lengths is None or output.ndim == 2 else examples.lengths[row])
        assert_allclose(output[row, real], expected[row, real], rtol=FLOAT32, atol=FLOAT32)
    for key, array in state.items():
        assert_allclose(array, final[key], rtol=FLOAT32, atol=FLOAT32)
    if causal:
        stream, answers = stream_of(loaded), loaded.predict(examples.inputs, examples.lengths)
        for row in range(3):
            stream.reset()
            for t in range(examples.steps if examples.lengths is None else examples.lengths[row]):
                x = {key: array[row, t] for key, array in examples.named_inputs().items()}
                assert_allclose(stream.step(x), answers[row, t], rtol=FLOAT32, atol=FLOAT32)


def test_a_toy_layer_and_a_toy_head_are_trained(settings, tmp_path):
    with toys():
        x = np.random.default_rng(0).standard_normal((9, 6, 2)).astype("f4")
        examples = Examples(x, 3 * np.cumsum(x, axis=1), np.array([6, 1, 2, 3, 4, 5, 6, 6, 6]))
        layers = (Leak(2), ScaledHead(2))
        network, result = trained(
            layers, examples, settings(epochs=200, learning_rate=0.05, weight_decay=0), bptt_steps=3
        )
        assert result.best_loss < 0.5 * result.history[0]["loss"]
        save_model(tmp_path / "model", Model(layers, arrays_of(network)))
        loaded = load_model(tmp_path / "model")
        expected = on_torch(layers, loaded.arrays, x)[0] * loaded.arrays["1.scale"]
        assert_allclose(loaded.predict(x), expected, rtol=FLOAT32, atol=FLOAT32)


@pytest.mark.parametrize(("name", "bptt_steps"), CASES)
def test_padding_has_no_influence(name, bptt_steps, settings):
    """More of it, and other values in it, give the same bits."""
    layers, _ = MODELS[name]
    given = examples_for(layers)
    runs = []
    for extra, nonsense in ((0, 0), (0, 1), (5, 1)):

        def padded(array: np.ndarray, wrong: float, extra: int = extra, nonsense: int = nonsense) -> np.ndarray:
            if array.shape[1:2] != (6,):
                return array
            array = np.pad(array, [(0, 0), (0, extra)] + [(0, 0)] * (array.ndim - 2))
            real = np.arange(array.shape[1]) < given.lengths[:, None]
            return np.where(real.reshape(real.shape + (1,) * (array.ndim - 2)), array, nonsense * wrong).astype(
                array.dtype
            )

        inputs = {key: padded(array, 1) for key, array in given.named_inputs().items()}
        targets = padded(given.targets, np.nan if given.targets.dtype == np.float32 else -100)
        examples = replace(given, inputs=inputs if len(inputs) > 1 else inputs["input"], targets=targets)
        network, result = trained(layers, examples, settings(), validation=examples, bptt_steps=bptt_steps)
        runs.append((numbers_of(result.history), {key: a.tobytes() for key, a in arrays_of(network).items()}))
    assert runs[0] == runs[1] == runs[2]


def test_ragged_rows_are_learned_as_each_alone(settings):
    """An update on a padded batch is the update on its rows one by one, their gradients added."""
    examples = examples_for(BRANCHING, count=4)
    network, result = trained(
        BRANCHING, examples, settings(epochs=1, batch_size=0, learning_rate=1e-30, weight_decay=0)
    )
    total = 0.0
    for row, length in enumerate(examples.lengths):
        x = {key: torch.from_numpy(a[row : row + 1, :length]) for key, a in examples.named_inputs().items()}
        with torch.no_grad():
            error = network(x)[0] - torch.from_numpy(examples.targets[row : row + 1, :length])
        total += error.double().square().sum().item()
    assert result.best_loss == pytest.approx(total / (2 * examples.lengths.sum()), rel=1e-5)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_a_weight_for_each_row_step_or_number(dims, settings):
    """The same weights in another shape teach the same; twice the weight is the row twice."""
    given = examples_for(BRANCHING)
    weight = np.array([1, 2, 0, 1, 0.5, 1, 1, 2, 1], "f4")
    full = np.broadcast_to(weight[:, None, None], given.targets.shape)
    chosen = settings(epochs=3, batch_size=0)
    network, result = trained(BRANCHING, replace(given, sample_weight=full[(..., *[0] * (3 - dims))]), chosen)
    rows = np.repeat(np.arange(9), (2 * weight).astype(int))
    twice = Examples({k: a[rows] for k, a in given.inputs.items()}, given.targets[rows], given.lengths[rows])
    expected, same = trained(BRANCHING, twice, chosen)
    assert [entry["loss"] for entry in result.history] == pytest.approx([e["loss"] for e in same.history], rel=1e-4)
    for name, array in arrays_of(network).items():
        assert_allclose(array, arrays_of(expected)[name], **CLOSE)


def test_weights_and_lengths_that_change_nothing_are_dropped():
    given = examples_for(BRANCHING, ragged=False)
    for lengths in (None, np.full(9, 6)):
        for weight in (None, np.ones(9), np.ones((9, 6)), np.ones((9, 6, 2))):
            whole = to_tensors(replace(given, lengths=lengths, sample_weight=weight), CPU, "x", keeps_time=True).whole
            assert (whole.lengths, whole.weight) == (None, None)


@given(data=st.data(), count=st.integers(1, 7), steps=st.integers(1, 6), size=st.integers(1, 8))
def test_batches_have_every_step_once(data, count, steps, size):
    lengths = np.array(data.draw(st.lists(st.integers(1, steps), min_size=count, max_size=count)))
    numbers = np.arange(1, count * steps + 1).reshape(count, steps)
    static = -np.arange(count, dtype="f4")[:, None].repeat(9, 1)
    examples = Examples({"n": numbers, "s": static}, numbers, lengths)
    tensors = to_tensors(examples, CPU, "x", keeps_time=True)
    expected = sorted(numbers[np.arange(steps) < lengths[:, None]].tolist())
    for batches in (tensors.shuffled(size, torch.Generator().manual_seed(0)), tensors.in_order(size)):
        found = []
        for whole in batches:
            longest = whole.targets.shape[1]
            assert longest == (longest if whole.lengths is None else int(whole.lengths.max()))
            for batch in segments(whole, data.draw(st.integers(1, steps))):
                x, shape = batch.inputs, batch.targets.shape
                assert torch.equal(x["n"] * (batch.targets != 0), batch.targets)
                assert x["n"].shape == shape
                row = (x["n"][:, 0] - 1) // steps
                assert torch.equal(x["s"][:, 0], -row.to(torch.float32))
                if batch.lengths is not None:
                    assert 1 <= int(batch.lengths.min()) < shape[1]
                weight = torch.ones(shape) if batch.weight is None else batch.weight
                found += batch.targets[weight > 0].tolist()
        assert sorted(found) == expected


def test_steps_that_do_not_fit():
    x = np.zeros((2, 5, 1), "f4")
    y = np.zeros((2, 5, 1), "f4")
    for examples, message in (
        (Examples({"a": x, "b": x[:, :4]}, y), "the same number of steps; they have {'a': 5, 'b': 4}"),
        (Examples(x, y[:, :4]), r"the inputs have 5 steps and the targets are \(2, 4, 1\)"),
        (Examples(x, y, np.array([5, 6])), "lengths must be from 1 to 5"),
        (Examples(x, y, np.array([5, 0])), "lengths must be from 1 to 5"),
        (Examples(x, y, np.array([5.0, 5.0])), "lengths must be 2 integers"),
        (Examples(x, y, np.array([5])), "lengths must be 2 integers"),
        (Examples(x, y, None, np.ones((2, 4))), "weights .* do not fit"),
        (Examples(x, y, None, np.array(1.0)), "weights .* do not fit"),
    ):
        with pytest.raises(ShapeError, match=message):
            to_tensors(examples, CPU, "x", keeps_time=True)
