"""What gates tell, counted anew by loops over numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from elman.cells import CELLS, Cell
from elman.model import LastStep, Linear, PointHead, RecurrentLayers
from elman.recurrence import Layout
from elman.studies.explain.inside import look_inside
from elman.studies.explain.parts import EQUATIONS, Part, keeper_of, parts_of, restlessness, shares_of
from tests.model.helpers import model_of

GATES = st.lists(st.lists(st.floats(0.001, 0.999), min_size=3, max_size=3), min_size=1, max_size=8).map(np.array)


def part(gate: np.ndarray) -> Part:
    return Part(0, "_l0", "layer 1", "gru", {"r": gate, "z": gate, "n": gate}, {"h": np.cumsum(gate, axis=0)})


@given(GATES)
def test_the_time_constant_is_that_of_the_product_of_the_gates(gate: np.ndarray) -> None:
    constants = part(gate).time_constants
    assert constants is not None
    for unit in range(3):
        left = math.prod(gate[:, unit].tolist())
        assert math.isclose(math.exp(-len(gate) / constants[unit]), left, rel_tol=1e-9)


@given(GATES)
def test_saturation_is_counted(gate: np.ndarray) -> None:
    found = part(gate).saturation
    assert found.keys() == {"r", "z"}  # n is no share
    for shut, wide in found.values():
        for unit in range(3):
            assert math.isclose(shut[unit], sum(v < 0.1 for v in gate[:, unit]) / len(gate), abs_tol=1e-12)
            assert math.isclose(wide[unit], sum(v > 0.9 for v in gate[:, unit]) / len(gate), abs_tol=1e-12)


def test_a_gate_that_never_opens_or_never_shuts_has_a_constant_all_the_same() -> None:
    constants = part(np.array([[0.0, 1.0, 0.5]] * 4)).time_constants
    assert constants is not None
    assert_allclose(constants, [1 / -math.log(1e-30), 1e6, 1 / math.log(2)])


def test_units_are_sorted_from_the_slowest_to_the_fastest() -> None:
    gate = np.array([[0.5, 0.9, 0.1]] * 5)
    assert part(gate).order(3).tolist() == [1, 0, 2]
    assert "how long z keeps" in part(gate).sorted_by
    random = np.random.default_rng(0)
    steady, wild = np.linspace(0, 1, 50), random.normal(size=50)
    plain = Part(0, "_l0", "layer 1", "rnn", {}, {"h": np.stack([wild, steady], axis=1)})
    assert plain.order(2).tolist() == [1, 0]
    assert plain.time_constants is None and plain.saturation == {} and "steadiest" in plain.sorted_by


def test_restlessness_of_noise_is_one_and_of_what_stays_nothing() -> None:
    noise = np.random.default_rng(0).normal(size=(4000, 1))
    assert_allclose(restlessness(noise), 1, rtol=0, atol=0.05)  # three standard errors
    assert_array_equal(restlessness(np.ones((9, 2))), 0)
    assert_array_equal(restlessness(np.ones((1, 2))), 0)


@pytest.mark.parametrize("cell", [name for name in CELLS if name in EQUATIONS])
def test_gates_between_0_and_1_are_those_that_sigma_makes(cell: str) -> None:
    model = model_of((RecurrentLayers(Layout(cell, 2, 9)), LastStep(), Linear(9, 1), PointHead("mse")))
    x = 3 * np.random.default_rng(0).normal(size=(1, 40, 2))
    (found,) = parts_of(model, look_inside(model, {"input": x}, {}).traces)
    for name, values in found.gates.items():
        assert (values.min() >= 0 and values.max() <= 1) == (name in shares_of(CELLS[cell]))


def test_a_cell_without_equations_says_by_itself_what_keeps() -> None:
    cell = Cell("other", ("a", "b", "c"), ("h",), lambda *_: None, "", keep="a", write="b")
    assert shares_of(cell) == {"a", "b"} and keeper_of(cell) == ("a", False, "a")
    assert keeper_of(replace(cell, keep="")) == ("b", True, "1 − b")
    assert keeper_of(replace(cell, keep="", write="")) is None


def test_what_is_left_of_1_keeps_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CELLS, "writes", replace(CELLS["gru"], name="writes", keep="", write="z"))
    gate = np.array([[0.5, 0.9, 0.1]] * 5)
    found = Part(0, "_l0", "layer 1", "writes", {"z": gate}, {"h": gate})
    assert_allclose(found.time_constants, -1 / np.log([0.5, 0.1, 0.9]))
    assert found.order(3).tolist() == [2, 0, 1] and "1 − z" in found.sorted_by


def test_the_built_in_cells_have_their_equations() -> None:
    assert EQUATIONS.keys() >= {"rnn", "rnn-relu", "lstm", "lstm-peephole", "gru", "gru-before"}
    for name in EQUATIONS.keys() & CELLS.keys():
        made = {line.split(" = ")[0] for line in EQUATIONS[name]}
        assert made >= set(CELLS[name].states)


def test_parts_have_names_of_their_own() -> None:
    layout = Layout("lstm", 2, 3, num_layers=2, bidirectional=True, proj_size=2)
    layers = (RecurrentLayers(layout), RecurrentLayers(Layout("gru", 4, 3)), Linear(3, 1), PointHead("mse"))
    model = model_of(layers)
    found = parts_of(model, look_inside(model, {"input": np.ones((1, 5, 2))}, {}).traces)
    assert len({one.name for one in found}) == 5
    assert [one.states.keys() for one in found] == [{"h", "c"}] * 4 + [{"h"}]
    first = found[0]
    assert first.states["h"].shape == (5, 2) and first.states["c"].shape == (5, 3)
    assert sorted(first.order(2)) == [0, 1] and sorted(first.order(3)) == [0, 1, 2]
