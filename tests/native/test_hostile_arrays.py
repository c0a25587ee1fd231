"""Arrays that do not fit, given to elman.kernels: an error in one line, or the result of a copy; nothing crashes."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest
from numpy.testing import assert_allclose

from elman import kernels
from elman.errors import ElmanError
from elman.recurrence import Layout
from elman.recurrence.backends import native_available

CASES = int(os.environ.get("ELMAN_FUZZ", 300))
pytestmark = pytest.mark.skipif(not native_available(), reason="there is no compiled core")


def misaligned(a):
    memory = np.zeros(a.nbytes + 1, np.uint8)
    apart = memory[1:].view(a.dtype).reshape(a.shape) if not a.dtype.hasobject else a
    apart[...] = a
    return apart


# with the same values, whatever the type and the layout
READABLE = [
    np.asfortranarray,
    lambda a: np.repeat(a, 2, -1)[..., ::2],
    lambda a: a[::-1].copy()[::-1],
    misaligned,
    lambda a: a.astype(a.dtype.newbyteorder()),
    lambda a: np.ma.array(a),
    lambda a: a.tolist(),
]
UNREADABLE = [
    lambda a: a[..., :-1],
    lambda a: a[None],
    lambda a: a[:0],
    lambda a: a.ravel()[: a.size - 1],
    lambda a: a.astype(np.complex64),
    lambda a: a.astype(object),
    lambda a: a.astype("U8"),
    lambda a: None,
]


def check(number: int) -> None:
    r = random.Random(number)
    values = np.random.default_rng(number)
    cell = r.choice(["rnn", "lstm", "lstm-peephole", "gru", "gru-before"])
    layout = Layout(cell, 3, 5, r.choice([1, 2]), layer_norm=r.random() < 0.2)
    dtype = r.choice([np.float32, np.float64])
    weights = {name: values.normal(size=shape).astype(dtype) for name, shape in layout.shapes().items()}
    rows = r.choice([1, 2, 17])
    x = values.normal(size=(4, rows, 3)).astype(dtype)
    states = [values.normal(size=(layout.num_parts, rows, size)).astype(dtype) for size in layout.state_sizes]
    whole = kernels.run_layers(layout, x, tuple(states), weights)
    stepper = kernels.Stepper(layout, weights)
    step = stepper.step(x[0], tuple(states))

    spoil = r.choice(READABLE if r.random() < 0.5 else UNREADABLE)
    what = r.choice(["x", "state", "weight", "count"])
    if what == "weight":
        name = r.choice(list(weights))
        weights = weights | {name: spoil(weights[name])}
    elif what == "state":
        states[-1] = spoil(states[-1])
    elif what == "count":
        states = states[:-1] if r.random() < 0.5 else [*states, states[-1]]
    refusal = ""
    given = spoil(x) if what == "x" else x
    try:
        found = kernels.run_layers(layout, given, tuple(states), weights)
        one = kernels.Stepper(layout, weights).step(spoil(x[0]) if what == "x" else x[0], tuple(states))
    except ElmanError as error:
        refusal = str(error)
    if refusal:
        assert "\n" not in refusal
        return
    assert spoil in READABLE and what != "count", f"case {number}: {what} was taken"
    assert_allclose(found.output, whole.output, rtol=1e-5, atol=1e-6, err_msg=f"case {number}")
    assert_allclose(one[0], step[0], rtol=1e-5, atol=1e-6, err_msg=f"case {number}")


def test_hostile_arrays():
    for number in range(CASES):
        check(number)
