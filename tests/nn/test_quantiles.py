"""The quantile head: its loss and gradient against plain loops, what it decodes, and what it learns."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal

from elman.errors import SettingsError, ShapeError
from elman.model import QuantileHead
from elman.nn.quantiles import QuantileTwin

FLOAT64 = {"rtol": 1e-11, "atol": 1e-13}
QUANTILES = [(0.5,), (0.1, 0.5, 0.9), (0.2, 0.6), (0.025, 0.1, 0.5, 0.9, 0.975)]
heads = st.builds(QuantileHead, st.sampled_from(QUANTILES), st.integers(1, 3), st.integers(1, 3))


def softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def decoded(head: QuantileHead, row: np.ndarray) -> np.ndarray:
    """(members, size, quantiles) from one row of outputs, number by number."""
    count, middle = len(head.quantiles), len(head.quantiles) // 2
    found = np.empty((head.members, head.size, count))
    for m in range(head.members):
        own = row[m * count * head.size : (m + 1) * count * head.size]
        for v in range(head.size):
            apart = [own[(1 + k) * head.size + v] for k in range(count - 1)]
            found[m, v, middle] = own[v]
            for k in range(middle + 1, count):
                found[m, v, k] = found[m, v, k - 1] + softplus(apart[k - 1])
            for k in range(middle - 1, -1, -1):
                found[m, v, k] = found[m, v, k + 1] - softplus(apart[k])
    return found


def pinball(y: float, f: float, q: float) -> float:
    return q * (y - f) if y >= f else (1 - q) * (f - y)


@given(head=heads, seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 4), scale=st.sampled_from([0.1, 1, 30]))
def test_what_is_decoded_never_crosses_on_either_side(head, seed, rows, scale):
    output = scale * np.random.default_rng(seed).standard_normal((rows, head.output_size))
    expected = np.stack([decoded(head, row).mean(axis=0) for row in output])
    assert_allclose(head.decode(output, {}, None), expected, **FLOAT64)
    twin = QuantileTwin(head)
    on_torch = twin.quantiles(torch.from_numpy(output)).mean(dim=-3).movedim(-2, -1)
    assert_allclose(on_torch.numpy(), expected, rtol=1e-7, atol=1e-8)  # its softplus is linear from 20 on
    single = head.decode((1e3 * output).astype("f4"), {}, None)
    assert single.dtype == np.float32 and (np.diff(single, axis=-1) >= 0).all()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("weighted", [(), (2,), "each", None])
@given(head=heads, seed=st.integers(0, 2**32 - 1))
def test_the_loss_and_its_gradient(training, weighted, head, seed):
    random = np.random.default_rng(seed)
    rows = 2
    output = 2 * random.standard_normal((rows, head.output_size))
    targets = 2 * random.standard_normal((rows, head.size))
    shape = (rows, head.size) if weighted == "each" else (rows,)
    weight = None if weighted is None else random.integers(0, 3, shape) / 2
    if weight is not None:
        weight.flat[0] = 1
    full = np.ones((rows, head.size)) if weight is None else np.broadcast_to(weight.reshape(rows, -1), targets.shape)

    def loss(values: np.ndarray) -> float:
        total = 0.0
        for n in range(rows):
            found = decoded(head, values[n])
            if not training:
                found = found.mean(axis=0, keepdims=True)
            for own in found:
                for v in range(head.size):
                    each = [pinball(targets[n, v], f, q) for f, q in zip(own[v], head.quantiles, strict=True)]
                    total += full[n, v] * sum(each) / len(each)
        return total / full.sum()

    twin = QuantileTwin(head).train(training)
    guess = torch.tensor(output, requires_grad=True)
    mean, count = twin.loss(guess, torch.tensor(targets), None if weight is None else torch.tensor(weight))
    assert_allclose(mean.item(), loss(output), **FLOAT64)
    assert float(count) == full.sum()
    mean.backward()
    step = 1e-6  # the loss is linear in the quantiles between the targets
    for place in random.integers(0, output.size, 4):
        moved = np.zeros(output.size)
        moved[place] = step
        moved = moved.reshape(output.shape)
        slope = (loss(output + moved) - loss(output - moved)) / (2 * step)
        assert_allclose(guess.grad.numpy().flat[place], slope, rtol=1e-5, atol=1e-7)


def test_by_hand():
    head = QuantileHead((0.1, 0.5, 0.9))
    gap = math.log(math.expm1(2.0))  # whose softplus is 2
    output = torch.tensor([[5.0, gap, gap]], dtype=torch.float64)
    assert_allclose(head.decode(output.numpy(), {}, None), [[[3.0, 5.0, 7.0]]], **FLOAT64)
    for y, expected in ((6.0, 0.1 * 3 + 0.5 * 1 + 0.1 * 1), (0.0, 0.9 * 3 + 0.5 * 5 + 0.1 * 7)):
        mean, count = QuantileTwin(head).loss(output, torch.tensor([[y]], dtype=torch.float64), None)
        assert_allclose(mean.item(), expected / 3, **FLOAT64)
        assert count == 1


def test_what_is_masked_counts_and_teaches_nothing():
    head = QuantileHead((0.1, 0.5, 0.9), 2)
    output = torch.ones(3, 6, requires_grad=True)
    mean, count = QuantileTwin(head).loss(output, torch.zeros(3, 2), torch.zeros(3, 2))
    mean.backward()
    assert (mean.item(), float(count)) == (0, 0) and not output.grad.any()
    weight = torch.tensor([[1.0, 0.0]] * 3)
    output.grad = None
    one, _ = QuantileTwin(head).loss(output, torch.tensor([[0.0, 1e6]] * 3), weight)
    other, _ = QuantileTwin(head).loss(output, torch.tensor([[0.0, -7.0]] * 3), weight)
    assert one.item() == other.item()
    one.backward()
    assert not output.grad[:, 1::2].any() and output.grad[:, 0::2].any()


def test_constants_learn_the_quantiles_of_what_they_see():
    """Of a skewed sample: the least mean pinball loss is at its quantiles."""
    sample = np.random.default_rng(0).exponential(size=4000)
    head = QuantileHead((0.1, 0.5, 0.9))
    twin, output = QuantileTwin(head), torch.zeros(1, 3, requires_grad=True)
    optimiser = torch.optim.Adam([output], 0.05)
    targets = torch.tensor(sample[:, None], dtype=torch.float32)
    for _ in range(300):
        optimiser.zero_grad()
        twin.loss(output.expand(len(targets), 3), targets, None)[0].backward()
        optimiser.step()
    found = head.decode(output.detach().numpy(), {}, None)[0, 0]
    assert_allclose(found, np.quantile(sample, head.quantiles), atol=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((),), "1 to 1000"),
        (((0.0, 0.5),), "between 0 and 1"),
        (((0.5, float("nan")),), "between 0 and 1"),
        (((0.5, 0.1),), "must ascend"),
        (((0.5, 0.5),), "must ascend"),
        (((0.5,), 0), "at least 1"),
        (((0.5,), 1, 0), "at least 1"),
    ],
)
def test_impossible_heads(arguments, message):
    with pytest.raises(SettingsError, match=message):
        QuantileHead(*arguments)


def test_targets_must_fit_the_output():
    twin = QuantileTwin(QuantileHead((0.1, 0.9), 3))
    for shape in ((5,), (5, 2), (4, 3)):
        with pytest.raises(ShapeError, match=r"\(5, 6\).*3 targets in a row"):
            twin.loss(torch.zeros(5, 6), torch.zeros(shape), None)


def test_a_record_is_read_as_it_was_written():
    head = QuantileHead((0.1, 0.5, 0.9), 4, 2)
    assert head.record() == {"kind": "quantile", "quantiles": [0.1, 0.5, 0.9], "size": 4, "members": 2}
    assert QuantileHead.from_record(head.record()) == head
    assert_array_equal(head.output_size, 24)
