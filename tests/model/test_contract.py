"""The contract of every registered kind of layer and head, with a sample of each here."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from elman.errors import ModelFileError, SettingsError
from elman.model import (
    LAYERS,
    CharacterEncoder,
    Convolution,
    CRFEnsembleHead,
    CRFHead,
    Dropout,
    Embedding,
    EnsembleHead,
    FixedLinear,
    Head,
    Join,
    LastStep,
    Layer,
    Linear,
    Model,
    PointEnsembleHead,
    PointHead,
    Pool,
    QuantileHead,
    RecurrentLayers,
    SoftmaxHead,
    load_model,
    model_shapes,
    save_model,
    stepper_of,
)
from elman.model.layer import has_steps
from elman.model.registry import layer_from_record
from elman.nn.network import Batch, Network, arrays_of, set_arrays
from elman.recurrence import Layout
from tests.model.helpers import FLOAT32, Leak, ScaledHead, drawn, on_torch, toys

ROWS, STEPS = 5, 7
LENGTHS = np.array([3, 7, 1, 6, 7])


class Sample(NamedTuple):
    """A layer, and its inputs: a number of features, or integers below a bound; the targets of a head too."""

    layer: Layer
    inputs: dict[str, tuple[str, int]]
    targets: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray] | None = None

    def given(self, rows: int = ROWS, steps: int = STEPS, seed: int = 1) -> dict[str, np.ndarray]:
        random = np.random.default_rng(seed)
        kinds: dict[str, Callable[[int], np.ndarray]] = {
            "features": lambda size: random.standard_normal((rows, steps, size)).astype("f4"),
            "static": lambda size: random.standard_normal((rows, size)).astype("f4"),
            "below": lambda size: random.integers(0, size, (rows, steps)),
            "spelled": lambda size: spelled(random, size, (rows, steps, 6)),
        }
        return {name: kinds[kind](size) for name, (kind, size) in self.inputs.items()}


def spelled(random: np.random.Generator, size: int, shape: tuple[int, ...]) -> np.ndarray:
    """Words of 0 to 6 characters, behind which stand zeros."""
    counts = random.integers(0, shape[-1] + 1, shape[:-1])
    return np.where(np.arange(shape[-1]) < counts[..., None], random.integers(1, size, shape), 0)


def one(layer: Layer, features: int, targets: Any = None) -> Sample:
    return Sample(layer, {"input": ("features", features)}, targets)


def values(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return random.standard_normal(shape).astype("f4")


SAMPLES: dict[str, list[Sample]] = {
    "recurrent": [
        one(RecurrentLayers(Layout("gru", 2, 4)), 2),
        one(RecurrentLayers(Layout("lstm", 2, 4, num_layers=2, layer_norm=True, zoneout=(0.1, 0.2))), 2),
        one(RecurrentLayers(Layout("rnn", 2, 4, num_layers=2, bidirectional=True, bias=False)), 2),
        one(RecurrentLayers(Layout("lstm-peephole", 2, 4)), 2),
    ],
    "last": [one(LastStep(), 4), one(LastStep(bidirectional=True), 4)],
    "linear": [one(Linear(3, 2), 3)],
    "fixed-linear": [one(FixedLinear(3, 2), 3)],
    "neighbour-words": [],  # reads two things of two types: tests/model/test_neighbours.py
    "segments": [],  # of one length, and of fewer steps than it reads: tests/model/test_segments.py
    "embedding": [Sample(Embedding(9, 3), {"input": ("below", 9)})],
    "join": [
        Sample(Join(reads=("a", "b")), {"a": ("features", 2), "b": ("features", 3)}),
        Sample(Join("add", reads=("a", "b")), {"a": ("features", 3), "b": ("features", 3)}),
        Sample(Join(reads=("a", "s")), {"a": ("features", 2), "s": ("static", 3)}),
        Sample(Join("add", reads=("s", "a")), {"a": ("features", 3), "s": ("static", 3)}),
    ],
    "convolution": [
        one(Convolution(2, 4, 3), 2),
        one(Convolution(3, 2, 5, "none"), 3),
        one(Convolution(2, 3, 1, "none"), 2),
    ],
    "pool": [one(Pool("mean", 3), 3), one(Pool("max", 3), 3)],
    "dropout": [one(Dropout(0.5), 3)],
    "characters": [
        Sample(CharacterEncoder(9, Layout("lstm", 3, 4, bidirectional=True)), {"input": ("spelled", 9)}),
        Sample(CharacterEncoder(5, Layout("gru", 2, 3)), {"input": ("spelled", 5)}),
    ],
    "crf": [one(CRFHead(4), 4, lambda random, shape: random.integers(0, 4, shape[:-1]))],
    "crf-ensemble": [
        one(CRFEnsembleHead(3, members), 3 * members, lambda random, shape: random.integers(0, 3, shape[:-1]))
        for members in (1, 2)
    ],
    "point": [one(PointHead(loss, 2), 2, values) for loss in ("mae", "mse", "huber")],
    "point-ensemble": [
        one(PointEnsembleHead("mae", 2, m), 2 * m, lambda random, shape: values(random, (*shape[:-1], 2)))
        for m in (1, 2)
    ],
    "quantile": [
        one(QuantileHead(q, 2, m), 2 * m * len(q), lambda random, shape: values(random, (*shape[:-1], 2)))
        for q, m in (((0.1, 0.5, 0.9), 1), ((0.2, 0.6), 1), ((0.025, 0.1, 0.5, 0.9, 0.975), 3))
    ],
    "softmax": [one(SoftmaxHead(4), 4, lambda random, shape: random.integers(0, 4, shape[:-1]))],
    "ensemble": [
        one(EnsembleHead(3, members), 3 * members, lambda random, shape: random.integers(0, 3, shape[:-1]))
        for members in (1, 2)
    ],
}
TOYS = [one(Leak(3), 3), one(ScaledHead(2), 2, values)]


def model_of(sample: Sample) -> Model:
    return Model((sample.layer,), drawn((sample.layer,)))


def close(found: Any, expected: Any) -> None:
    assert found.shape == expected.shape
    assert_allclose(found, expected, rtol=FLOAT32, atol=FLOAT32)


def all_close(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name in found:
        close(found[name], expected[name])


def survives_its_record_and_its_file(sample: Sample, tmp_path) -> None:
    addressed = dataclasses.replace(sample.layer, name="a name", reads=sample.layer.reads or ("x",))
    for layer in (sample.layer, addressed):
        assert layer_from_record(json.loads(json.dumps(layer.record()))) == layer
    for change in ({"surprise": 1}, {"name": 3}, {"reads": "x"}, {"reads": [1]}):
        with pytest.raises(ModelFileError):
            layer_from_record(sample.layer.record() | change)
    model = model_of(sample)
    save_model(tmp_path / "model", model)
    again = load_model(tmp_path / "model")
    assert again.layers == model.layers
    assert_array_equal(again(sample.given())[0], model(sample.given())[0])


def has_the_shapes_that_it_says(sample: Sample, tmp_path) -> None:
    layer = sample.layer
    network = Network((layer,))
    assert {name: array.shape for name, array in arrays_of(network).items()} == model_shapes((layer,))
    output, state = model_of(sample)(sample.given())
    assert output.dtype == np.float32
    assert output.shape[0] == ROWS and output.ndim == (3 if layer.keeps_time else 2)
    names = layer.reads or ("input",)
    sizes = [None if sample.inputs[name][0] in ("below", "spelled") else sample.inputs[name][1] for name in names]
    assert output.shape[-1] == layer.features(sizes)
    expected = {f"0.{name}": (parts, ROWS, size) for name, (parts, size) in layer.state_sizes().items()}
    assert {name: array.shape for name, array in state.items()} == expected
    assert {name: a.shape for name, a in model_of(sample).initial_state(ROWS).items()} == expected


def numpy_is_torch(sample: Sample, tmp_path) -> None:
    model = model_of(sample)
    state = {name: values(np.random.default_rng(2), a.shape) for name, a in model.initial_state(ROWS).items()}
    for lengths in (None, LENGTHS):
        for before in (None, state):
            output, final = model(sample.given(), lengths, before)
            expected, expected_final = on_torch(model.layers, model.arrays, sample.given(), lengths, before)
            all_close(final, expected_final)
            for row in range(ROWS):  # padding may be anything
                steps = slice(None if lengths is None or not sample.layer.keeps_time else lengths[row])
                close(output[row, steps], expected[row, steps])
            values_of = output.reshape(-1, output.shape[-1])
            assert np.ptp(values_of, axis=0).min() > 1e-3  # it is not one constant that they agree on


def padded_is_unpadded(sample: Sample, tmp_path) -> None:
    model, given = model_of(sample), sample.given()
    for run in (model, lambda *call: on_torch(model.layers, model.arrays, *call)):
        output, state = run(given, LENGTHS)
        for row, length in enumerate(LENGTHS):
            alone = {n: a[row : row + 1, :length] if has_steps(a) else a[row : row + 1] for n, a in given.items()}
            expected, final = run(alone)
            close(output[row : row + 1, :length] if sample.layer.keeps_time else output[row : row + 1], expected)
            all_close({name: array[:, row : row + 1] for name, array in state.items()}, final)


def chunked_is_whole(sample: Sample, tmp_path) -> None:
    if not (sample.layer.keeps_time and sample.layer.causal):
        return
    model, given = model_of(sample), sample.given()
    for run in (model, lambda *call: on_torch(model.layers, model.arrays, *call)):
        whole, end = run(given)
        outputs, state = [], None
        for part in (slice(0, 2), slice(2, 3), slice(3, None)):
            chunk = {n: np.ascontiguousarray(a[:, part]) if has_steps(a) else a for n, a in given.items()}
            output, state = run(chunk, None, state)
            outputs.append(output)
        close(np.concatenate(outputs, axis=1), whole)
        all_close(state, end)


def stepped_is_whole(sample: Sample, tmp_path) -> None:
    model = model_of(sample)
    if not (sample.layer.keeps_time and sample.layer.causal):
        return
    step, state = stepper_of(model), model.initial_state(1)
    given = {name: array[:1] for name, array in sample.given().items()}
    whole, end = model(given)
    for t in range(STEPS):
        output, state = step({name: a[0, t] if has_steps(a) else a[0] for name, a in given.items()}, state)
        close(output, whole[0, t])
    all_close(state, end)


def the_order_of_rows_does_not_matter(sample: Sample, tmp_path) -> None:
    model, given = model_of(sample), sample.given()
    order = np.array([3, 0, 4, 1, 2])
    shuffled = {name: array[order] for name, array in given.items()}
    for run in (model, lambda *call: on_torch(model.layers, model.arrays, *call)):
        output, state = run(given, LENGTHS)
        found, found_state = run(shuffled, LENGTHS[order])
        close(found, output[order])
        all_close(found_state, {name: array[:, order] for name, array in state.items()})


def a_head_answers_and_learns_by_what_counts(sample: Sample, tmp_path) -> None:
    if sample.targets is None:
        return
    model, given, random = model_of(sample), sample.given(), np.random.default_rng(3)
    output = model(given)[0]
    answer = model.predict(given)
    assert answer.shape[:2] == output.shape[:2] and np.isfinite(answer).all()
    targets = torch.from_numpy(sample.targets(random, output.shape))
    network = Network((sample.layer,))
    set_arrays(network, model.arrays)
    x = torch.from_numpy(given["input"]).requires_grad_()
    mask = torch.from_numpy((np.arange(STEPS) < LENGTHS[:, None]).astype("f4"))
    mean, count, state = network.loss(Batch(x, targets, torch.from_numpy(LENGTHS), mask))
    rows = [network.loss(Batch(x[k : k + 1, :n], targets[k : k + 1, :n])) for k, n in enumerate(LENGTHS)]
    expected = sum(m * c for m, c, _ in rows) / sum(c for _, c, _ in rows)
    torch.testing.assert_close(mean, expected, rtol=FLOAT32, atol=FLOAT32)
    assert state == {}
    each = float(count) / LENGTHS.sum()  # a count for each number of a target
    assert each == targets[0, 0].numel()
    (gradient,) = torch.autograd.grad(mean, x)
    assert not gradient[mask == 0].any() and gradient[mask == 1].any()


CHECKS = [
    survives_its_record_and_its_file,
    has_the_shapes_that_it_says,
    numpy_is_torch,
    padded_is_unpadded,
    chunked_is_whole,
    stepped_is_whole,
    the_order_of_rows_does_not_matter,
    a_head_answers_and_learns_by_what_counts,
]


def test_every_kind_has_a_sample():
    assert SAMPLES.keys() == LAYERS.keys()
    for kind, samples in SAMPLES.items():
        for sample in samples:
            assert sample.layer.kind == kind
            assert (sample.targets is not None) == isinstance(sample.layer, Head)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("kind", LAYERS)
def test_contract(kind, check, tmp_path):
    for sample in SAMPLES[kind]:
        check(sample, tmp_path)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("sample", TOYS, ids=lambda sample: sample.layer.kind)
def test_contract_of_what_is_registered_later(sample, check, tmp_path):
    with toys():
        check(sample, tmp_path)


def test_an_unknown_kind_is_an_error_in_both_executors():
    layer = Leak(3)
    with pytest.raises(SettingsError, match="'toy-leak' is not known: register"):
        Model((layer,), {"0.rate": np.zeros(3, "f4")})
    with pytest.raises(SettingsError, match="'toy-leak' is not known: register"):
        Network((layer,))
    with pytest.raises(ModelFileError, match="known kinds are"):
        layer_from_record(layer.record())
    with toys():
        from elman.nn.twins import TWINS

        twin = TWINS.pop(Leak)
        with pytest.raises(SettingsError, match="'toy-leak' cannot be trained: name its twin"):
            Network((layer,))
        TWINS[Leak] = twin
