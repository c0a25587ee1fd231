"""The heads' losses against their formulas."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from elman.errors import SettingsError, ShapeError
from elman.model import PointHead
from elman.nn.twins import POINT_LOSSES, PointTwin, SoftmaxTwin

FORMULAS = {
    "mae": lambda e: np.abs(e),
    "mse": lambda e: e**2,
    "huber": lambda e: np.where(np.abs(e) <= 1, e**2 / 2, np.abs(e) - 0.5),
}
SLOPES = {"mae": np.sign, "mse": lambda e: 2 * e, "huber": lambda e: np.clip(e, -1, 1)}
FLOAT64 = {"rtol": 1e-12, "atol": 1e-14}


def test_every_point_loss_has_its_formula_here():
    assert FORMULAS.keys() == SLOPES.keys() == POINT_LOSSES.keys()


@pytest.mark.parametrize("name", POINT_LOSSES)
@pytest.mark.parametrize("shape", [(), (4,), (4, 3)])  # a weight for each row, for each step, for each number
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 9))
def test_point_loss_and_its_gradient(name, shape, seed, rows):
    random = np.random.default_rng(seed)
    prediction, target = random.normal(0, 2, (2, rows, 4, 3))
    given = random.integers(0, 3, (rows, *shape)) / 2
    given.flat[0] = 1
    weight = np.broadcast_to(given.reshape(given.shape + (1,) * (3 - given.ndim)), target.shape)
    error = prediction - target
    guess = torch.tensor(prediction, requires_grad=True)
    mean, count = PointTwin(name).loss(guess, torch.tensor(target), torch.tensor(given))
    torch.testing.assert_close(mean.item(), (weight * FORMULAS[name](error)).sum() / weight.sum(), **FLOAT64)
    assert float(count) == weight.sum()
    mean.backward()
    torch.testing.assert_close(guess.grad.numpy(), weight * SLOPES[name](error) / weight.sum(), **FLOAT64)
    mean, count = PointTwin(name).loss(guess, torch.tensor(target), None)
    torch.testing.assert_close(mean.item(), FORMULAS[name](error).mean(), **FLOAT64)
    assert count == error.size


@pytest.mark.parametrize("shape", [(), (4,)])
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 9), classes=st.integers(2, 5))
def test_cross_entropy_and_its_gradient(shape, seed, rows, classes):
    random = np.random.default_rng(seed)
    logits, target = random.normal(0, 2, (rows, *shape, classes)), random.integers(0, classes, (rows, *shape))
    weight = random.integers(0, 3, (rows, *shape)) / 2
    weight.flat[0] = 1
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    each = -np.log(np.take_along_axis(probabilities, target[..., None], -1)[..., 0])
    guess = torch.tensor(logits, requires_grad=True)
    mean, count = SoftmaxTwin().loss(guess, torch.tensor(target), torch.tensor(weight))
    torch.testing.assert_close(mean.item(), (weight * each).sum() / weight.sum(), **FLOAT64)
    assert float(count) == weight.sum()
    mean.backward()
    slope = probabilities - np.eye(classes)[target]
    torch.testing.assert_close(guess.grad.numpy(), weight[..., None] * slope / weight.sum(), **FLOAT64)
    mean, count = SoftmaxTwin().loss(guess, torch.tensor(target), None)
    torch.testing.assert_close(mean.item(), each.mean(), **FLOAT64)
    assert count == each.size


@pytest.mark.parametrize(
    ("head", "target"), [(PointTwin("mse"), torch.zeros(3, 2)), (SoftmaxTwin(), torch.zeros(3, dtype=torch.int64))]
)
def test_nothing_known_is_zero_and_teaches_nothing(head, target):
    prediction = torch.ones(3, 2, requires_grad=True)
    mean, count = head.loss(prediction, target, torch.zeros(3))
    mean.backward()
    assert (mean.item(), float(count)) == (0, 0)
    assert not prediction.grad.any()


def test_targets_must_fit_the_output():
    with pytest.raises(ShapeError, match=r"\(5, 1\).*\(5,\)"):
        PointTwin("mse").loss(torch.zeros(5, 1), torch.zeros(5), None)
    for targets in (torch.zeros(5), torch.zeros(4, dtype=torch.int64), torch.zeros(5, 1, dtype=torch.int64)):
        with pytest.raises(ShapeError, match=r"\(5, 2\).*whole numbers, one for each row"):
            SoftmaxTwin().loss(torch.zeros(5, 2), targets, None)


def test_unknown_name():
    with pytest.raises(SettingsError, match="'rmse'; choose one of: mae, mse, huber"):
        PointHead("rmse")
