"""Masks that are drawn: the same on the kernels as from the formula, with the probabilities asked for."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from elman import use_backend
from elman.model import RecurrentLayers
from elman.nn.masks import draw_bits, fast_dropout, random_words
from elman.nn.twin import Regularisation
from elman.nn.twins import twin_of
from elman.recurrence import Layout
from elman.recurrence.backends import native, native_available

CPU = torch.device("cpu")


def drawn(rate: float, shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return draw_bits(rate, shape, CPU)


def test_the_generator_is_splitmix64() -> None:
    # numbers that its authors' program prints for the seed 1234567
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [word % 2**64 for word in random_words(torch.tensor(1234567), 4).tolist()] == expected


@pytest.mark.skipif(not native_available(), reason="there is no compiled core")
@given(
    seed=st.integers(0, 2**64 - 1),
    count=st.integers(0, 1100),
    bits=st.sampled_from([16, 32]),
    part=st.floats(0, 1),
    target=st.sampled_from(native().targets() if native_available() else [""]),
)
def test_the_kernel_s_bits_are_the_formula_s(seed: int, count: int, bits: int, part: float, target: str) -> None:
    limit = round(part * 2**bits)
    words = random_words(torch.tensor(seed - 2**64 if seed >= 2**63 else seed), count)
    pieces = words.view(torch.int16 if bits == 16 else torch.int32)[:count].long() % 2**bits
    found = torch.full((count + 1,), True)
    native().draw(found, count, seed, limit, bits, target)
    assert torch.equal(found[:count], pieces < limit)
    assert found[count]  # nothing behind is written


@pytest.mark.parametrize(("rate", "bits"), [(0.0, 16), (1e-5, 32), (0.1, 16), (0.5, 16), (1 - 2**-17, 16), (1.0, 16)])
def test_masks_are_the_generator_s_values_below_a_limit(rate: float, bits: int) -> None:
    torch.manual_seed(0)
    seed = torch.empty((), dtype=torch.int64).random_(-(2**63), None)
    pieces = random_words(seed, 105).view(torch.int16 if bits == 16 else torch.int32)[:105].long() % 2**bits
    found = drawn(rate, (3, 5, 7))
    assert torch.equal(found, (pieces < round(rate * 2**bits)).view(3, 5, 7))
    assert draw_bits(rate, (3, 5, 7), torch.device("meta")).shape == (3, 5, 7)


def test_masks_without_the_core_are_the_same() -> None:
    code = """
import sys
sys.modules["elman._native"] = None
import torch
from elman.nn.masks import draw_bits
torch.manual_seed(0)
print(draw_bits(0.3, (3, 50), torch.device("cpu")).int().tolist())
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout) == drawn(0.3, (3, 50)).int().tolist()


@pytest.mark.parametrize("rate", [0.0, 1e-5, 0.001, 0.1, 1 / 3, 0.5, 0.9, 1.0])
def test_probabilities(rate: float) -> None:
    """Within about five deviations: of all, of each column (rare ones by ones), of pairs side by side and below."""
    kept = drawn(rate, (1000, 2000)).double()
    deviation = math.sqrt(rate * (1 - rate))
    assert abs(kept.mean() - rate) <= 5 * deviation / math.sqrt(kept.numel()) + rate / 1000
    assert (kept.mean(0) - rate).abs().max() <= (5.5 * deviation * math.sqrt(1000) + 4) / 1000
    centred = kept - rate
    for pairs in (centred[:, 1:] * centred[:, :-1], centred[1:] * centred[:-1]):
        assert abs(pairs.mean()) <= 5 * deviation**2 / math.sqrt(pairs.numel()) + rate**2 / 1000


def test_torch_s_generator_gives_the_seed() -> None:
    first, second = drawn(0.5, (100,)), draw_bits(0.5, (100,), CPU)
    assert not torch.equal(first, second)
    assert torch.equal(drawn(0.5, (100,)), first)
    assert not torch.equal(drawn(0.5, (100,), seed=1), first)


@pytest.mark.skipif(not native_available(), reason="there is no compiled core")
@pytest.mark.parametrize(("limit", "bits"), [(0, 8), (2**16 + 1, 16)])
def test_what_the_kernel_refuses(limit: int, bits: int) -> None:
    with pytest.raises(ValueError, match="bits must be 16 or 32"):
        native().draw(torch.empty(3, dtype=torch.bool), 3, 0, limit, bits)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
@pytest.mark.parametrize("lengths", [None, [6, 2, 4]])
def test_dropout_between_the_layers_of_a_model(cell: str, lengths: list[int] | None) -> None:
    """On every path that draws it itself, the layers one by one with the dropout of a layer of its own between them."""
    torch.manual_seed(0)
    layer = twin_of(RecurrentLayers(Layout(cell, 3, 4, num_layers=2)), Regularisation(dropout=0.4))
    ones = [twin_of(RecurrentLayers(Layout(cell, size, 4)), Regularisation()) for size in (3, 4)]
    for k, one in enumerate(ones):
        one.load_state_dict({f"{n[:-1]}0": w for n, w in layer.state_dict().items() if n.endswith(str(k))})
    x = torch.randn(3, 6, 3, requires_grad=True)
    steps = None if lengths is None else torch.tensor(lengths)
    results = []
    for backend in ["reference"] + ["native"] * native_available():
        with use_backend(backend):
            torch.manual_seed(1)
            output, final = layer((x,), steps, {})
            torch.manual_seed(1)
            first, _ = ones[0]((x,), steps, {})
            dropped = fast_dropout(first.transpose(0, 1), 0.4).transpose(0, 1)
            expected, last = ones[1]((dropped,), steps, {})
        assert_close(output, expected)
        assert_close(final["h"][1], last["h"][0])
        zeros = (dropped == 0).sum() - (first == 0).sum()
        assert 0 < zeros < dropped.numel()
        assert_close(dropped[dropped != 0], first[dropped != 0] / 0.6)
        results.append((output, torch.autograd.grad(output.square().sum(), [x, *layer.parameters()])))
    for other in results[1:]:
        assert_close(other, results[0])
