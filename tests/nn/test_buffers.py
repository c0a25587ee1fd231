"""Memory that is kept from call to call: whose it is, how much is kept, and that layers do not notice."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from elman.nn import GRU, LSTM, buffers
from tests.nn.cases import equal, make, native_alone, results

COUNT = 300_000
FLOAT = torch.zeros(1)


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    buffers.release()
    yield
    buffers.release()


def test_a_block_is_used_again_when_its_tensor_is_gone() -> None:
    first = buffers.empty(COUNT, FLOAT)
    assert first.shape == (COUNT,) and first.dtype is torch.float32
    place = first.data_ptr()
    assert place % buffers.LINE == 0
    view = first[:2]
    second = buffers.empty(COUNT, FLOAT)
    assert second.data_ptr() != place
    del first
    assert not buffers.free_bytes()  # the view has it still
    del view
    # by a tensor of about the size, whatever its type
    assert buffers.empty(COUNT // 2 - 10, FLOAT.double()).data_ptr() == place


def test_small_and_very_large_blocks_are_torchs() -> None:
    for count in (buffers.SMALL // 4 - 1, buffers.KEPT // 4 + 1):
        assert buffers.empty(count, FLOAT).shape == (count,)
        assert not buffers.free_bytes()


def test_no_more_is_kept_than_said_and_the_oldest_goes_first() -> None:
    size = buffers.KEPT // 8
    tensors = [buffers.empty(size // 4, FLOAT) for _ in range(12)]
    places = [t.data_ptr() for t in tensors]
    while tensors:
        del tensors[0]
        assert buffers.free_bytes() <= buffers.KEPT
    assert buffers.free_bytes() == buffers.KEPT
    again = [buffers.empty(size // 4, FLOAT) for _ in range(8)]
    assert [t.data_ptr() for t in again] == places[:-9:-1]


def test_threads_never_share_a_block() -> None:
    def work(mark: int) -> bool:
        for _ in range(300):
            tensor = buffers.empty(COUNT // 4, FLOAT)
            tensor[::1000] = mark
            if not (tensor[::1000] == mark).all():
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


@pytest.mark.parametrize("kind", [GRU, LSTM])
def test_layers_in_any_order_of_backward(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [make(kind, 3, size) for size in (5, 40)]
    work = [(layer, torch.randn(30, 4, 3)) for layer in layers for _ in range(2)]
    with native_alone():
        expected = [results(*item) for item in work]
        monkeypatch.setattr(buffers, "SMALL", 0)
        losses = [layer(x)[0].square().sum() for layer, x in work]
        for k in (2, 0, 3, 1):
            assert equal(torch.autograd.grad(losses[k], list(work[k][0].parameters())), expected[k][1:])
            assert equal(results(*work[k]), expected[k])
    losses.clear()
    gc.collect()
    assert buffers.free_bytes()


def test_a_process_ends_in_silence_with_graphs_alive() -> None:
    code = """
import torch, elman
from elman.nn import buffers
layer, x = elman.nn.LSTM(1, 64), torch.randn(100, 10, 1)
class Holder: pass
holder = Holder()
holder.itself, holder.output = holder, layer(x)
output = layer(x)
layer(x)
print(buffers.free_bytes() > 0)
"""
    found = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "True\n", "")
