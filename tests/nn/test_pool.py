"""The kernels on the threads of torch's OpenMP runtime."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from elman.nn import LSTM
from elman.nn.pool import share_threads
from elman.recurrence.backends import native

pytestmark = pytest.mark.skipif(native() is None or not share_threads(native()), reason="torch shares no threads")


@pytest.fixture(autouse=True)
def shared() -> Iterator[None]:
    assert share_threads(native())
    yield
    share_threads(native())


def run(layer: LSTM, x: torch.Tensor) -> list[torch.Tensor]:
    output, _ = layer(x)
    return [output.detach(), *torch.autograd.grad(output.square().sum(), list(layer.parameters()))]


# rows that threads share, units that they share, and panels of rows
@pytest.mark.parametrize("shape", [(40, 64, 8, 96), (50, 1, 256, 256), (20, 300, 4, 20)])
def test_the_same_numbers_as_on_threads_of_our_own(shape: tuple[int, int, int, int], set_threads) -> None:
    steps, batch, features, hidden = shape
    layer, x = LSTM(features, hidden), torch.randn(steps, batch, features)
    set_threads(2)
    shared = run(layer, x)
    native().use_openmp(0, 0, 0)
    own = run(layer, x)
    assert all(map(torch.equal, shared, own))


PROGRAM = """
import sys
from pathlib import Path
import torch
from elman.recurrence.backends import native
from elman.nn import LSTM

def threads():
    return len(list(Path("/proc/self/task").iterdir()))

torch.set_num_threads(2)
if sys.argv[1] == "own":
    native().use_openmp(0, 0, 0)
theirs, x = torch.nn.LSTM(8, 96), torch.randn(40, 64, 8)
theirs(x)[0].sum().backward()
torch.randn(1 << 20).exp()
before = threads()
LSTM(8, 96)(x)[0].sum().backward()
print(threads() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads cannot be counted")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor")
@pytest.mark.parametrize(("whose", "more"), [("torch", "0"), ("own", "1")])
def test_threads_that_are_started_beside_torch_s(whose: str, more: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, whose], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == more


def test_within_many_threads_of_python(set_threads) -> None:
    set_threads(2)
    layer, x = LSTM(8, 96), torch.randn(40, 64, 8)
    expected = run(layer, x)
    found: list[list[torch.Tensor]] = []

    def work() -> None:
        for _ in range(5):
            found.append(run(layer, x))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 20
    assert all(all(map(torch.equal, values, expected)) for values in found)
