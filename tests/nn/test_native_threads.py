"""No result of the native kernels depends on the number of threads, bit for bit, on every instruction set."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.nn.cases import native_alone
from tests.nn.laws import assert_same, drawn, each_layer, make, run

# (input, hidden, steps, batch): rows enough to be divided; one row of many units; one step; fewer rows than threads;
# one row with weights that are packed several times, with one thread and with more
THREADED = [(3, 20, 9, 150), (64, 384, 4, 1), (33, 200, 5, 2), (3, 17, 1, 40), (1, 5, 300, 7), (3, 128, 140, 1)]


@pytest.fixture(autouse=True)
def native_kernels():
    with native_alone():
        yield


@pytest.mark.parametrize("shape", THREADED)
@pytest.mark.parametrize("ragged", [False, True], ids=["padded", "ragged"])
@each_layer
def test_the_number_of_threads(kind: str, shape: Any, ragged: bool, target: str, set_threads: Any) -> None:
    features, hidden, steps, batch = shape
    layer = make(kind, features, hidden, bidirectional=ragged)
    arguments = drawn(layer, steps, batch)
    if ragged:
        arguments["lengths"] = torch.randint(1, steps + 1, (batch,))
    found = []
    for threads in (1, 2, 3):
        set_threads(threads)
        found.append(run(layer, **arguments))
    assert_same(found[1], found[0])
    assert_same(found[2], found[0])


# many units and few: SIMD lanes hold units, or rows
@pytest.mark.parametrize(("kind", "hidden"), [("lstm", 64), ("gru-layer-norm-zoneout", 64), ("lstm", 20), ("gru", 20)])
def test_the_number_of_threads_where_backward_goes_by_parts(
    kind: str, hidden: int, target: str, set_threads: Any
) -> None:
    layer = make(kind, 3, hidden, num_layers=1, bidirectional=True)
    arguments = drawn(layer, 40, 450)
    if hidden > 20:
        arguments["lengths"] = 1 + torch.arange(450) % 40
    found = []
    for threads in (1, 2, 3):
        set_threads(threads)
        found.append(run(layer, **arguments))
    assert_same(found[1], found[0])
    assert_same(found[2], found[0])


def test_the_number_of_threads_while_training(target: str, set_threads: Any) -> None:
    options = {"num_layers": 2, "dropout": 0.3, "zoneout": 0.2, "recurrent_dropout": 0.3}
    layer = make("gru", 20, 100, bidirectional=True, **options).train()
    found = []
    for threads in (1, 2):
        set_threads(threads)
        arguments = drawn(layer, 6, 64)
        found.append(run(layer, **arguments))
    assert_same(found[1], found[0])
