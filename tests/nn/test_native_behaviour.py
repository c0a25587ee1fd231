"""The native kernels among what programs do: threads, forks, autograd's ways, compilers, copies, other types."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, Dataset

import elman
from elman import torch_private
from elman.errors import SettingsError, ShapeError
from elman.nn import GRU, LSTM, Recurrent
from elman.recurrence import backends
from tests.nn.cases import each_kind, equal, make, native_alone, path_of, results

# ------------------------------------------------------------------------------------------- threads and processes


@each_kind
def test_many_threads_at_once(kind: Any, set_threads: Any) -> None:
    """Of this process, each calling with more than one thread of ours; layers are shared."""
    set_threads(2)
    layers = [make(kind, 3, size, num_layers=2, zoneout=0.1).eval() for size in (5, 40, 150)]
    inputs = [torch.randn(steps, batch, 3) for steps, batch in ((1, 1), (7, 2), (5, 70))]
    work = [(layer, x) for layer in layers for x in inputs] * 5
    with native_alone():
        expected = [results(layer, x) for layer, x in work]

    def call(item: tuple[Recurrent, Tensor]) -> tuple[Tensor, ...]:
        with elman.use_backend("native"):
            return results(*item)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(call, work))
    assert all(equal(a, b) for a, b in zip(found, expected, strict=True))


def child_of(task: Callable[[], bool]) -> int:
    """The exit status of a forked child that runs ``task``: 0 where it is true."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if task() else 1)
        finally:
            os._exit(2)
    for _ in range(600):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("the child does not come to an end")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork(set_threads: Any) -> None:
    """A child of a process whose threads have worked has none of them, and works on."""
    set_threads(2)
    layer = make(GRU, 20, 80, num_layers=2)
    x = torch.randn(6, 64, 20)  # all tensors are too small for torch to use OpenMP, which hangs in children
    with native_alone():
        expected = results(layer, x)
        assert child_of(lambda: equal(results(layer, x), expected)) == 0
        # the parent is none the worse, nor a child's child
        assert equal(results(layer, x), expected)
        assert child_of(lambda: child_of(lambda: equal(results(layer, x), expected)) == 0) == 0


class Encoded(Dataset[Tensor]):
    def __init__(self, layer: Recurrent) -> None:
        self.layer = layer

    def __len__(self) -> int:
        return 4

    @torch.no_grad()
    def __getitem__(self, index: int) -> Tensor:
        last: Tensor = self.layer(torch.full((5, 1, 3), float(index)))[0][-1, 0]
        return last


def test_in_the_workers_of_a_loader() -> None:
    data = Encoded(make())
    with native_alone():
        expected = torch.stack([data[k] for k in range(4)])
        (found,) = DataLoader(data, batch_size=4, num_workers=1, multiprocessing_context="fork")
    assert torch.equal(found, expected)


def test_backward_in_another_thread() -> None:
    layer, x = make(), torch.randn(5, 3, 3)
    expected = results(layer, x)
    loss = layer(x)[0].square().sum()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(torch.autograd.grad, loss, list(layer.parameters())).result()
    assert equal(found, expected[1:])


def test_backward_runs_on_the_target_of_its_forward(targets: list[str]) -> None:
    from elman import kernels

    layer, x = make(), torch.randn(5, 3, 3)
    for target in targets:
        with kernels.use_target(target):
            expected = results(layer, x)
            loss = layer(x)[0].square().sum()
        assert equal(torch.autograd.grad(loss, list(layer.parameters())), expected[1:])


PROGRAM = """
import os, torch, elman
layer = elman.nn.GRU(16, 64)
x = torch.zeros(30, 64, 16)  # small enough for torch to start no threads
tasks = lambda: len(os.listdir("/proc/self/task"))
torch.set_num_threads(2)  # which may start one of torch's own
before = tasks()
for asked, of_torch in {settings}:
    os.environ["ELMAN_NUM_THREADS"] = asked
    elman.kernels._asked_threads.cache_clear()  # it is read once
    torch.set_num_threads(of_torch)
    with torch.no_grad(), elman.use_backend("native"):
        layer(x)
    print(tasks() - before)
"""


def run_program(code: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ELMAN_")}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system does not list threads there")
@pytest.mark.parametrize(
    ("settings", "more"), [([("", 1), ("1", 2), ("2", 1)], ["0", "0", "1"]), ([("", 2), ("", 1)], ["1", "1"])]
)
def test_number_of_threads(settings: list[tuple[str, int]], more: list[str]) -> None:
    """torch's number, unless ELMAN_NUM_THREADS says another; the calling thread is one of them, and they stay."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("a team has no more threads than processors")
    found = run_program(PROGRAM.format(settings=settings))
    assert found.stdout.split() == more, found.stderr


@pytest.mark.parametrize("asked", ["none", "0", "-1", "1.5"])
def test_number_of_threads_refused(asked: str, set_variable: Any) -> None:
    set_variable("ELMAN_NUM_THREADS", asked)
    with pytest.raises(SettingsError, match=f"ELMAN_NUM_THREADS is '{asked}'; it must be"):
        make()(torch.zeros(2, 3, 3))


def test_backend_of_the_environment(set_variable: Any) -> None:
    layer, x = make(), torch.randn(5, 3, 3)
    with native_alone():
        expected = results(layer, x)
    for asked in (None, "native"):  # without a word, it is the native one
        set_variable("ELMAN_BACKEND", asked)
        assert path_of(layer, x) == "native"
        assert equal(results(layer, x), expected)
    set_variable("ELMAN_BACKEND", "reference")
    assert path_of(layer, x) == "reference"


# ------------------------------------------------------------------------------------------------------- autograd


@each_kind
def test_backward_twice(kind: Any) -> None:
    layer, x = make(kind, 3, 20, num_layers=2, dropout=0.2, zoneout=0.1, recurrent_dropout=0.1), torch.randn(5, 3, 3)
    with native_alone():
        loss = layer(x)[0].square().sum()
        first = torch.autograd.grad(loss, list(layer.parameters()), retain_graph=True)
        assert equal(torch.autograd.grad(loss, list(layer.parameters())), first)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()


@each_kind
def test_nothing_is_left_of_other_calls(kind: Any) -> None:
    """Neither in buffers used again, nor where backwards come in another order than forwards."""
    layers = [make(kind, 3, size, dtype=dtype) for size in (33, 5) for dtype in (torch.float32, torch.float64)]
    inputs = [torch.randn(steps, 4, 3) for steps in (3, 30)]
    work = [(layer, x.to(layer.weight_ih_l0.dtype)) for layer in layers for x in inputs]
    with native_alone():
        expected = [results(*item) for item in work]
        losses = [layer(x)[0].square().sum() for layer, x in work]
        for k in (3, 0, 7, 2, 6, 1, 5, 4):
            gradients = torch.autograd.grad(losses[k], list(work[k][0].parameters()))
            assert equal(gradients, expected[k][1:])
            assert equal(results(*work[k]), expected[k])


@pytest.mark.parametrize("what", ["input", "state", "weight"])
@each_kind
def test_what_backward_needs_must_not_change(kind: Any, what: str) -> None:
    layer, x = make(kind), torch.randn(5, 3, 3)
    states = [torch.zeros(1, 3, 20) for _ in layer._layout.state_sizes]
    output, _ = layer(x, tuple(states) if len(states) > 1 else states[0])
    changed = {"input": x, "state": states[0], "weight": layer.weight_hh_l0}[what]
    with torch.no_grad():
        changed.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


@pytest.mark.skipif(torch_private.PUBLIC_ONLY, reason="no public name counts changes in place")
@pytest.mark.parametrize("what", ["output", "bias", "output and weight"])
@each_kind
def test_outputs_and_biases_may_change_before_backward(kind: Any, what: str) -> None:
    """As with torch's layers; what a second derivative needs may not."""
    layer, x = make(kind, 3, 20, num_layers=2, dropout=0.2, zoneout=0.1), torch.randn(5, 3, 3)
    torch.manual_seed(1)
    parameters = [p for name, p in layer.named_parameters()]
    expected = torch.autograd.grad(layer(x)[0].sum(), parameters)
    torch.manual_seed(1)
    output = layer(x)[0]
    loss = output.sum()
    with torch.no_grad():
        if "output" in what:
            output.zero_()
        (layer.bias_hh_l0 if what == "bias" else layer.weight_hh_l0 if "weight" in what else torch.zeros(1)).add_(1)
    if "weight" in what:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            torch.autograd.grad(loss, parameters)
        return
    assert equal(torch.autograd.grad(loss, parameters, retain_graph=True), expected)
    if what == "bias":
        with pytest.raises(RuntimeError, match="modified by an inplace operation.*second derivative"):
            torch.autograd.grad(loss, parameters, create_graph=True)


@each_kind
def test_results_are_apart(kind: Any) -> None:
    """A change of the final states changes no output, and the other way about."""
    with torch.no_grad():
        output, hx = make(kind)(torch.randn(5, 3, 3))
        last = hx if isinstance(hx, tuple) else (hx,)
        before, lasts = output.clone(), [state.clone() for state in last]
        for state in last:
            state.add_(1)
        assert torch.equal(output, before)
        output.zero_()
        assert equal(tuple(state - 1 for state in last), tuple(lasts)) or all(
            torch.allclose(state - 1, kept, atol=1e-6) for state, kept in zip(last, lasts, strict=True)
        )


def kept(call: Callable[[], Any]) -> int:
    """How many values a call keeps for backward."""
    sizes: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
        call()
    return sum(sizes)


def test_inference_keeps_nothing() -> None:
    layer, x = make(), torch.randn(5, 3, 3)
    with native_alone():
        assert kept(lambda: layer(x)) > 0
        for mode in (torch.no_grad, torch.inference_mode):
            with mode():
                assert kept(lambda: layer(x)) == 0
                output, h_n = layer(x)
                assert output.grad_fn is None and not h_n.requires_grad
        layer.requires_grad_(False)
        assert kept(lambda: layer(x)) == 0
        assert not layer(x)[0].requires_grad


@each_kind
def test_checkpoints_and_offloading(kind: Any) -> None:
    """Both give backward other tensors than forward had; the masks are drawn twice alike."""
    layer = make(kind, 3, 20, num_layers=2, dropout=0.2, zoneout=0.1, recurrent_dropout=0.1)
    x = torch.randn(5, 3, 3)
    with native_alone():
        expected = results(layer, x, seed=3)
        torch.manual_seed(3)
        again = checkpoint(lambda x: layer(x)[0], x, use_reentrant=False).square().sum()
        assert equal(torch.autograd.grad(again, list(layer.parameters())), expected[1:])
        with torch.autograd.graph.save_on_cpu():
            assert equal(results(layer, x, seed=3), expected)


def test_a_learned_state_shared_by_all_rows() -> None:
    layer, x = make(LSTM, 3, 5, num_layers=2), torch.randn(4, 6, 3)
    start = torch.randn(2, 2, 1, 5, requires_grad=True)
    found = []
    for backend in ("native", "reference"):
        with elman.use_backend(backend):
            output, (_, c_n) = layer(x, tuple(start.expand(2, 2, 6, 5)))
            found.append((output, *torch.autograd.grad(output.sum() + c_n.square().sum(), start)))
    torch.testing.assert_close(found[0], found[1])


def test_weights_of_any_layout() -> None:
    layer, x = make(GRU, 3, 5), torch.randn(4, 2, 3)
    expected = results(layer, x)
    layer.weight_hh_l0 = nn.Parameter(layer.weight_hh_l0.detach().t().contiguous().t())
    layer.bias_ih_l0 = nn.Parameter(layer.bias_ih_l0.detach().repeat_interleave(2)[::2])
    with native_alone():
        assert equal(results(layer, x), expected)


def test_weights_of_another_type_are_refused() -> None:
    layer = make()
    layer.weight_hh_l0 = nn.Parameter(layer.weight_hh_l0.detach().double())
    with pytest.raises(ShapeError, match="a weight is torch.float64"):
        layer(torch.zeros(2, 3, 3))


def test_an_empty_batch() -> None:
    layer, peer = make(LSTM), nn.LSTM(3, 20)
    x = torch.zeros(4, 0, 3, requires_grad=True)
    (output, (h_n, c_n)), (expected, (peer_h, peer_c)) = layer(x), peer(x)
    assert (output.shape, h_n.shape, c_n.shape) == (expected.shape, peer_h.shape, peer_c.shape)
    output.sum().backward()
    assert not any(p.grad.any() for p in layer.parameters())


# ---------------------------------------------------------------------------------------------- types and copies


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@each_kind
def test_half_precisions_are_torchs(kind: Any, dtype: torch.dtype, caplog: pytest.LogCaptureFixture) -> None:
    backends.warn_once.cache_clear()
    caplog.set_level(logging.WARNING, "elman")
    layer = make(kind, 3, 5).to(dtype)
    peer = getattr(nn, kind.__name__)(3, 5).to(dtype)
    peer.load_state_dict(layer.state_dict())
    x = torch.randn(4, 2, 3, dtype=dtype)
    assert torch.equal(layer(x)[0], peer(x)[0])
    assert not caplog.records  # nobody asked for more
    with elman.use_backend("native"):
        assert torch.equal(layer(x)[0], peer(x)[0])
    (notice,) = [record.getMessage() for record in caplog.records]
    assert notice == f"elman: {dtype} on cpu has no 'native' implementation; it runs on 'torch' instead"


def test_meta_and_autocast_are_torchs() -> None:
    layer = make()
    x = torch.randn(4, 2, 3)
    with elman.use_backend("native"):
        on_meta = make(device="meta")(x.to("meta"))
        assert {value.device.type for value in on_meta} == {"meta"}
        peer = nn.GRU(3, 20)
        peer.load_state_dict(layer.state_dict())
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(layer(x), peer(x))
            output = layer(x)[0]
        with torch.autocast("cpu", torch.bfloat16, enabled=False):
            assert torch.equal(layer(x)[0], make()(x)[0])
        # backward outside the block, of a forward inside
        output.float().sum().backward()
