"""Segments: steps in groups, on both executors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from elman.errors import SettingsError, ShapeError
from elman.model import (
    INPUT,
    FixedLinear,
    LastStep,
    Linear,
    PointHead,
    RecurrentLayers,
    Segments,
    load_model,
    save_model,
)
from elman.nn.network import Network
from elman.recurrence import Layout
from tests.model.helpers import drawn, model_of, on_torch

x = np.arange(2 * 6 * 2, dtype="f4").reshape(2, 6, 2)


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_each_segment_holds_its_steps_one_after_another(size):
    layers = (Segments(size),)
    output, _ = model_of(layers)(x)
    assert output.shape == (2, 6 // size, 2 * size)
    for k in range(6 // size):
        assert_array_equal(output[:, k], x[:, k * size : (k + 1) * size].reshape(2, -1))
    assert_array_equal(on_torch(layers, {}, x)[0], output)


def test_a_network_reads_a_window_in_segments_and_whole(tmp_path):
    recurrent = RecurrentLayers(Layout("gru", 6, 4), reads=("parts",))
    layers = (Segments(3, name="parts", reads=(INPUT,)), recurrent, LastStep(), Linear(4, 1), PointHead("mae", 1))
    model = model_of(layers)
    output, _ = model(x)
    np.testing.assert_allclose(on_torch(layers, drawn(layers), x)[0], output, rtol=1e-5, atol=1e-6)
    by_hand = model_of(layers[1:2])  # the same layer, given the segments themselves
    assert by_hand.layers[0].layout == recurrent.layout
    save_model(tmp_path / "model", model)
    assert_array_equal(load_model(tmp_path / "model")(x)[0], output)


def test_what_cannot_be_cut_is_refused_on_both_executors():
    layers = (Segments(4),)
    network = Network(layers)
    for run in (lambda x, n: model_of(layers)(x, lengths=n), lambda x, n: on_torch(layers, {}, x, n)):
        with pytest.raises(ShapeError, match="segments of 4 steps"):
            run(x, None)
        with pytest.raises(ShapeError, match="segments of 4 steps"):
            run(np.zeros((2, 8, 1), "f4"), np.array([8, 4]))
    with pytest.raises(SettingsError, match="segments of 0 steps"):
        Segments(0)
    assert not network.causal and Network((Segments(1),)).causal


def test_a_fixed_linear_layer_is_not_trained():
    network = Network((FixedLinear(2, 1), Linear(1, 1), PointHead("mse")))
    assert [name for name, parameter in network.named_parameters() if parameter.requires_grad] == ["1.weight", "1.bias"]
