"""Losses against their formulas."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from elman.errors import SettingsError, ShapeError
from elman.training.losses import LOSSES, get_loss

FORMULAS = {
    "mae": lambda e: np.abs(e),
    "mse": lambda e: e**2,
    "huber": lambda e: np.where(np.abs(e) <= 1, e**2 / 2, np.abs(e) - 0.5),
}


def test_every_loss_has_its_formula_here():
    assert FORMULAS.keys() == LOSSES.keys()


@pytest.mark.parametrize("name", LOSSES)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 9))
def test_value_and_gradient(name, seed, rows):
    random = np.random.default_rng(seed)
    prediction, target = random.normal(0, 2, (2, rows, 3))
    weight = random.integers(0, 3, (rows, 3)) / 2
    weight[0, 0] = 1
    error = prediction - target
    tensors = [torch.tensor(a) for a in (prediction, target, weight)]
    weighted = (weight * FORMULAS[name](error)).sum() / weight.sum()
    torch.testing.assert_close(get_loss(name)(*tensors).item(), weighted, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(
        get_loss(name)(tensors[0], tensors[1], None).item(), FORMULAS[name](error).mean(), rtol=1e-12, atol=1e-14
    )
    ones = torch.ones_like(tensors[2])
    torch.testing.assert_close(
        get_loss(name)(tensors[0], tensors[1], ones), get_loss(name)(tensors[0], tensors[1], None), rtol=1e-12, atol=0
    )
    guess = tensors[0].requires_grad_()
    get_loss(name)(guess, tensors[1], tensors[2]).backward()
    slope = {"mae": np.sign(error), "mse": 2 * error, "huber": np.clip(error, -1, 1)}[name]
    torch.testing.assert_close(guess.grad.numpy(), weight * slope / weight.sum(), rtol=1e-12, atol=1e-14)


def test_nothing_known_is_zero_and_teaches_nothing():
    prediction = torch.ones(3, requires_grad=True)
    loss = get_loss("mse")(prediction, torch.zeros(3), torch.zeros(3))
    loss.backward()
    assert loss.item() == 0
    assert prediction.grad.tolist() == [0, 0, 0]


def test_shapes_must_be_alike():
    with pytest.raises(ShapeError, match=r"\(5, 1\).*\(5,\)"):
        get_loss("mse")(torch.zeros(5, 1), torch.zeros(5), None)


def test_unknown_name():
    with pytest.raises(SettingsError, match="'rmse'; choose one of: mae, mse, huber"):
        get_loss("rmse")
