"""The stepper: the steps of a sequence, one call each."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from elman import kernels
from elman.cells import cell_names
from elman.errors import SettingsError, ShapeError
from elman.kernels import Stepper
from elman.recurrence import Layout
from elman.recurrence.backends import native, native_available

pytestmark = pytest.mark.skipif(not native_available(), reason="there is no compiled core")

STEPS = 5
LAYOUTS = [
    *(Layout(cell, 3, 20) for cell in cell_names()),
    Layout("gru", 7, 33, 2, bias=False),
    Layout("lstm", 5, 17, 3, proj_size=6),
    Layout("gru", 3, 9, 2, layer_norm=True),
    Layout("lstm", 3, 9, zoneout=(0.1, 0.2)),
    Layout("slstm", 5, 17, 2, proj_size=6, zoneout=(0.1, 0.2, 0.0, 0.3)),
    Layout("lem", 4, 9, 2, options=(0.3,)),
    Layout("minlstm", 4, 9, 3, bias=False, layer_norm=True),
    # more weights than the second cache holds: input and state are multiplied in turns
    Layout("rnn", 500, 411, 2),
    Layout("gru", 260, 251),
    Layout("gru-before", 140, 301),
    Layout("lstm", 10, 300, 2),
    Layout("mingru", 400, 350, 2),
    Layout("lem", 260, 251),
    Layout("slstm", 140, 301),
    Layout("slstm", 300, 1200, 2, options=(4.0,)),
    Layout("lstm", 301, 190, proj_size=70),
]


def drawn(layout, dtype, rows):
    random = np.random.default_rng(0)
    weights = {
        name: (random.uniform(-1, 1, shape) / np.sqrt(layout.hidden_size)).astype(dtype)
        for name, shape in layout.shapes().items()
    }
    x = random.normal(size=(STEPS, rows, layout.input_size)).astype(dtype)
    states = tuple(random.normal(size=(layout.num_layers, rows, n)).astype(dtype) for n in layout.state_sizes)
    return weights, x, states


@pytest.mark.parametrize("target", native().targets() if native_available() else [])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_steps_are_the_sequence(layout, dtype, target):
    """Bit for bit, whichever way a call goes along the weights."""
    for rows in (1, 3):
        weights, x, states = drawn(layout, dtype, rows)
        with kernels.use_target(target):
            whole = kernels.run_layers(layout, x, states, weights)
            stepper = Stepper(layout, weights)
        for weight in weights.values():
            weight[...] = np.nan  # it has its own
        for x_t, expected in zip(x, whole.output, strict=True):
            y, states = stepper.step(x_t, states)
            np.testing.assert_array_equal(y, expected)
        for state, expected in zip(states, whole.state, strict=True):
            np.testing.assert_array_equal(state, expected)


# one step after another, until the threads share in them: by units, of two layers, and what is not shared by units
@pytest.mark.parametrize(
    "layout",
    [
        Layout("gru", 260, 251),
        Layout("gru-before", 140, 301),
        Layout("lstm", 10, 300, 2),
        Layout("mingru", 400, 350, 2),
        Layout("lem", 260, 251),
        Layout("slstm", 140, 301),
        Layout("slstm", 300, 1200, 2, options=(4.0,)),
        Layout("lstm", 301, 190, proj_size=70),
        Layout("gru", 251, 251, layer_norm=True),
    ],
    ids=str,
)
@pytest.mark.parametrize("rows", [1, 9])
def test_steps_that_threads_share(layout, rows):
    weights, x, states = drawn(layout, np.float32, rows)
    x = np.random.default_rng(1).normal(size=(150, rows, layout.input_size)).astype(np.float32)
    whole = kernels.run_layers(layout, x, states, weights, threads=1)
    stepper = Stepper(layout, weights, threads=3)

    def in_succession():
        state, found = states, []
        for x_t in x:
            y, state = stepper.step(x_t, state)
            found.append(y)
        np.testing.assert_array_equal(found, whole.output)
        for new, expected in zip(state, whole.state, strict=True):
            np.testing.assert_array_equal(new, expected)

    in_succession()
    with ThreadPoolExecutor(3) as pool:  # and of many callers at once, one has the pool's threads
        for result in [pool.submit(in_succession) for _ in range(6)]:
            result.result()


@pytest.mark.parametrize("target", native().targets() if native_available() else [])
@pytest.mark.parametrize("layout", [*LAYOUTS, Layout("gru", 1030, 520)], ids=str)
def test_eight_bit_steps_are_those_of_the_rounded_matrices(layout, target):
    """But for the rounding of what is multiplied, to sixteen bits."""
    for rows in (1, 3):
        weights, x, states = drawn(layout, np.float32, rows)
        weights["weight_ih_l0"][:2] = [[0], [1e-31]]  # rows of nothing, and of next to nothing
        x[2], x[3] = 0, 1e-35
        if layout.cell == "slstm":  # random ones would divide by about zero
            states = tuple(np.zeros_like(state) for state in states)
        rounded = dict(weights)
        for name, array in weights.items():
            if array.ndim == 2:
                codes, scales = kernels.eight_bit(array)
                assert (np.abs(codes * scales - array) <= 0.501 * scales + 1e-30).all()
                rounded[name] = codes * scales
        with kernels.use_target(target):
            whole = kernels.run_layers(layout, x, states, rounded)
            stepper = Stepper(layout, weights, threads=1, eight_bit=True)
        for weight in weights.values():
            weight[...] = np.nan
        for x_t, expected in zip(x, whole.output, strict=True):
            y, states = stepper.step(x_t, states)
            np.testing.assert_allclose(y, expected, rtol=2.0**-12, atol=2.0**-12)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_so_in_eight_bit_steps(value):
    layout = Layout("rnn", 20, 40)
    weights, x, states = drawn(layout, np.float32, 2)
    x[0, 0, 7] = value
    y, _ = Stepper(layout, weights, eight_bit=True).step(x[0], states)
    assert np.isnan(y[0]).all()
    assert np.isfinite(y[1]).all()


@pytest.mark.parametrize("layout", [Layout("lstm", 10, 300, 2), Layout("gru", 700, 600)], ids=str)
def test_eight_bit_steps_that_threads_share(layout):
    weights, _, states = drawn(layout, np.float32, 1)
    alone, shared = (Stepper(layout, weights, threads=threads, eight_bit=True) for threads in (1, 3))
    both = [states, states]
    for x_t in np.random.default_rng(1).normal(size=(150, 1, layout.input_size)).astype(np.float32):
        (y, both[0]), (other, both[1]) = alone.step(x_t, both[0]), shared.step(x_t, both[1])
        np.testing.assert_array_equal(y, other)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_cannot_be_rounded(value):
    layout = Layout("gru", 3, 9)
    weights, _, _ = drawn(layout, np.float32, 1)
    weights["weight_hh_l0"][4, 2] = value
    with pytest.raises(ShapeError, match="finite"):
        Stepper(layout, weights, eight_bit=True)
    with pytest.raises(ShapeError, match="float32"):
        Stepper(layout, {name: w.astype(np.float64) for name, w in weights.items()}, eight_bit=True)


def test_without_a_batch_and_from_other_arrays():
    layout = Layout("lstm", 3, 5, 2)
    weights, x, states = drawn(layout, np.float64, 1)
    stepper = Stepper(layout, weights)
    y, new = stepper.step(x[0], states)
    alone, ends = stepper.step(x[0, 0], tuple(s[:, 0] for s in states))
    apart, _ = stepper.step(np.repeat(x[0], 2, 1)[:, ::2], tuple(np.asfortranarray(s) for s in states))
    np.testing.assert_array_equal(alone, y[0])
    np.testing.assert_array_equal(apart, y)
    for state, expected in zip(ends, new, strict=True):
        np.testing.assert_array_equal(state, expected[:, 0])


def test_wrong_arguments_are_errors():
    layout = Layout("gru", 3, 5)
    weights, x, (h,) = drawn(layout, np.float32, 2)
    stepper = Stepper(layout, weights)
    with pytest.raises(ShapeError, match=r"x is \(2, 2\); it must be \(B, 3\)"):
        stepper.step(x[0, :, :2], (h,))
    with pytest.raises(ShapeError, match=r"state is float32 \(1, 1, 5\); it must be float32 \(1, 2, 5\)"):
        stepper.step(x[0], (h[:, :1],))
    with pytest.raises(ShapeError, match=r"2 state\(s\) given; gru has 1"):
        stepper.step(x[0], (h, h))
    with pytest.raises(ShapeError, match=r"weight_ih_l0 is float32 \(15, 2\); it must be float32 \(15, 3\)"):
        Stepper(layout, {**weights, "weight_ih_l0": weights["weight_ih_l0"][:, :2]})
    with pytest.raises(ShapeError, match=r"state is float32 \(2, 1, 5\); it must be float32 \(1, 2, 5\)"):
        stepper.step(x[0], (np.ascontiguousarray(h.reshape(2, 1, 5)),))  # of the right size
    for dtype in (np.float16, np.int8, np.bool_, np.complex64, object):
        with pytest.raises(ShapeError, match="the weights are .*; they must be float32 or float64"):
            Stepper(layout, {name: array.astype(dtype) for name, array in weights.items()})
    with pytest.raises(SettingsError, match="no single step"):
        Stepper(Layout("gru", 3, 5, bidirectional=True), weights)
