"""The convolution, the pool and dropout against their definitions, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from elman.errors import SettingsError, ShapeError
from elman.model import Convolution, Dropout, EnsembleHead, Model, Pool
from elman.nn.network import Network
from tests.model.helpers import FLOAT32, drawn

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((3, 8, 2)).astype("f4")
LENGTHS = np.array([8, 3, 1])


@pytest.mark.parametrize("activation", ["none", "relu"])
@pytest.mark.parametrize("kernel", [1, 3, 5, 11])
def test_a_convolution_is_its_sum(kernel, activation):
    layer = Convolution(2, 4, kernel, activation)
    arrays = drawn((layer,))
    found = Model((layer,), arrays)(X, LENGTHS)[0]
    weight, bias = arrays["0.weight"].astype(float), arrays["0.bias"].astype(float)
    for row, length in enumerate(LENGTHS):
        for t in range(length):
            expected = bias.copy()
            for k in range(kernel):
                place = t + k - kernel // 2
                if 0 <= place < length:
                    expected += weight[:, :, k] @ X[row, place]
            expected = np.maximum(expected, 0) if activation == "relu" else expected
            assert_allclose(found[row, t], expected, rtol=FLOAT32, atol=FLOAT32)


def test_a_pool_is_over_each_rows_own_steps():
    mean, largest = (Model((Pool(how, 2),), {})(X, LENGTHS)[0] for how in ("mean", "max"))
    for row, length in enumerate(LENGTHS):
        assert_allclose(mean[row], X[row, :length].astype(float).mean(axis=0), rtol=FLOAT32, atol=FLOAT32)
        assert_array_equal(largest[row], X[row, :length].max(axis=0))


@pytest.mark.parametrize("how", ["mean", "max"])
def test_a_pool_in_parts_is_the_whole(how):
    model = Model((Pool(how, 2),), {})
    state = None
    for part in (slice(0, 3), slice(3, 4), slice(4, 8)):
        found, state = model(-1 - np.abs(X[:, part]), None, state)
    assert_allclose(found, model(-1 - np.abs(X))[0], rtol=FLOAT32)


def test_dropout_acts_in_training_alone():
    torch.manual_seed(0)
    network = Network((Dropout(0.5),))
    x = torch.ones(100, 100)
    values = set(network(x)[0].unique().tolist())
    assert values == {0.0, 2.0}
    assert torch.equal(network.eval()(x)[0], x)
    assert_array_equal(Model((Dropout(0.5),), {})(X)[0], X)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Convolution(0, 1, 1), "sizes are at least 1"),
        (lambda: Convolution(1, 1, 2), "give an odd number"),
        (lambda: Convolution(1, 1, -1), "give an odd number"),
        (lambda: Convolution(1, 1, 1, "tanh"), "choose one of: none, relu"),
        (lambda: Pool("median", 2), "choose one of: mean, max"),
        (lambda: Pool("mean", 0), "at least 1"),
        (lambda: Dropout(1.0), "less than 1"),
        (lambda: EnsembleHead(1, 2), "at least 2"),
        (lambda: EnsembleHead(2, 0), "at least 1"),
    ],
)
def test_impossible_layers_are_refused(make, said):
    with pytest.raises(SettingsError, match=said):
        make()


@pytest.mark.parametrize("layer", [Convolution(3, 1, 1), Pool("mean", 3)])
def test_other_inputs_are_refused(layer):
    for x in (X, X[:, 0]):
        with pytest.raises(ShapeError, match="reads"):
            Model((layer,), drawn((layer,)))(x)
