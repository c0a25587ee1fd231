"""Kernels run without the interpreter's lock: other threads of Python go on."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest

from elman import kernels
from elman.recurrence import Layout

LAYOUT = Layout("gru", 8, 64)
STEPS, ROWS = 10, 4


def forward(x, weights):
    kernels.run_layers(LAYOUT, x, None, weights)


def backward(x, weights):
    dtype = np.dtype("f4")
    layers = kernels.kernels_for(LAYOUT, dtype)
    batch = kernels.native().Batch(STEPS, ROWS, None, None, 0, None, 1)
    output, last = np.empty((STEPS, ROWS, 64), dtype), np.empty((1, ROWS, 64), dtype)
    tensors, saved = [None, *weights.values()], np.empty(layers.saved_size(batch, False), dtype)
    layers.forward(batch, x, output, tensors, None, None, saved, [last])
    gradients = [None, *(np.empty_like(w) for w in weights.values())]
    known = kernels.native().Addresses()
    layers.backward(batch, x, output, tensors, None, None, saved, output, [None], None, gradients, known)


def step(x, weights):
    kernels.Stepper(LAYOUT, weights).step(x[0], (np.zeros((1, ROWS, 64), "f4"),))


def another_thread_runs(call) -> bool:
    """Whether a thread that waits for the lock gets it during some call; nobody is made to let go of it."""
    ran = threading.Event()
    go = threading.Event()

    def wait_and_run():
        go.wait()
        ran.set()

    other = threading.Thread(target=wait_and_run)
    other.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        go.set()
        end = time.monotonic() + (1 if call is idle else 60)
        while not ran.is_set() and time.monotonic() < end:
            call()
        return ran.is_set()
    finally:
        sys.setswitchinterval(interval)
        go.set()
        other.join()


def idle():
    sum(range(1000))


def test_the_search_sees_a_lock_that_is_held():
    assert not another_thread_runs(idle)


@pytest.mark.parametrize("kernel", [forward, backward, step])
def test_other_threads_run_during_a_kernel(native, kernel):
    random = np.random.default_rng(0)
    x = random.normal(size=(STEPS, ROWS, 8)).astype("f4")
    weights = {name: random.normal(size=shape).astype("f4") for name, shape in LAYOUT.shapes().items()}
    assert another_thread_runs(lambda: kernel(x, weights))
