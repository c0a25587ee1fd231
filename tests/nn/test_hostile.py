"""Hostile tensors beside torch.nn: what torch computes is computed, what it cannot read is refused, nothing crashes.

Every case builds torch's layer and elman's with the same weights and spoils some of what a call is given, the same way
for both. ``ELMAN_FUZZ`` sets the number of cases.
"""

from __future__ import annotations

import contextlib
import os
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence
from torch.testing import assert_close
from torch.testing._internal.two_tensor import TwoTensor

import elman
from elman.errors import ShapeError
from tests.nn.cases import as_hidden, as_tuple
from tests.nn.spoiled import (
    GONE,
    READABLE,
    SHAPES,
    every_other,
    lazy_zeros,
    misaligned,
    negated,
    part_of_more,
    repeated,
    transposed,
)

CASES = int(os.environ.get("ELMAN_FUZZ", 300))
CHUNK = 100
ERRORS = (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError)
TORCH_ERRORS = (*ERRORS, AttributeError)  # as for a list in place of a tensor

pytestmark = pytest.mark.filterwarnings("ignore")


# ------------------------------------------------------------------------------------------ a call and its spoiling


@dataclass
class Scene:
    """One call: what is given, for elman and (the twin) for torch; ``refused`` if elman must refuse it."""

    kind: str
    options: dict[str, Any]
    x: Any
    hx: list[Any] | None
    packed: PackedSequence | None = None
    weights: dict[str, Callable[[Tensor], Any]] = field(default_factory=dict)
    unpack: Callable[[Tensor], Any] | None = None
    in_place: str = ""
    gradient: Callable[[Tensor], Any] | None = None
    warm: bool = False  # called once before it is spoiled
    refused: bool = False
    unlike_torch: bool = False  # elman may compute what torch refuses

    def layers(self) -> tuple[Any, Any]:
        torch.manual_seed(0)
        peer = getattr(nn, self.kind)(3, 4, **self.options)
        layer = getattr(elman.nn, self.kind)(3, 4, **self.options)
        layer.load_state_dict(peer.state_dict())
        return peer, layer


def drawn(r: random.Random) -> Scene:
    torch.manual_seed(r.randrange(2**31))
    options = {
        "num_layers": r.choice([1, 1, 2]),
        "bidirectional": r.random() < 0.3,
        "batch_first": r.random() < 0.3,
        "bias": r.random() < 0.8,
        "dtype": r.choice([torch.float32, torch.float32, torch.float64]),
    }
    kind = r.choice(["RNN", "LSTM", "GRU"])
    if kind == "LSTM" and r.random() < 0.2:
        options["proj_size"] = 2
    dtype, batch, steps = options["dtype"], r.choice([1, 2, 5, 33]), r.choice([1, 2, 4])
    x = torch.randn(*((batch, steps) if options["batch_first"] else (steps, batch)), 3, dtype=dtype)
    parts = options["num_layers"] * (2 if options["bidirectional"] else 1)
    sizes = [options.get("proj_size", 4), 4][: 2 if kind == "LSTM" else 1]
    hx = [torch.randn(parts, batch, size, dtype=dtype) for size in sizes] if r.random() < 0.5 else None
    scene = Scene(kind, options, x, hx, warm=r.random() < 0.5)
    if r.random() < 0.3:
        lengths = torch.tensor([r.randint(1, steps) for _ in range(batch)])
        scene.packed = pack_padded_sequence(x, lengths, options["batch_first"], enforce_sorted=False)
    return scene


def spoil_input(scene: Scene, r: random.Random) -> None:
    t = scene.packed.data if scene.packed else scene.x
    scene.refused, spoil = one_of(r, scene.refused)
    data = spoil(t)
    if scene.packed:
        with contextlib.suppress(Exception):
            scene.packed = scene.packed._replace(data=data)
    else:
        scene.x = data


def spoil_state(scene: Scene, r: random.Random) -> None:
    if not scene.hx:
        return
    k = r.randrange(len(scene.hx))
    scene.refused, spoil = one_of(r, scene.refused)
    with contextlib.suppress(AttributeError, TypeError):  # spoiled before
        scene.hx[k] = spoil(scene.hx[k])
    if r.random() < 0.1:
        scene.hx = scene.hx[:k] if r.random() < 0.5 else [*scene.hx, scene.hx[k]]


def spoil_weight(scene: Scene, r: random.Random) -> None:
    name = r.choice(["weight_ih_l0", "weight_hh_l0", *(["bias_ih_l0", "bias_hh_l0"] if scene.options["bias"] else [])])
    scene.refused, spoil = one_of(r, scene.refused, shapes=False)
    if r.random() < 0.1:
        scene.refused, spoil = True, r.choice(SHAPES[:3])
    scene.weights[name] = spoil


def one_of(r: random.Random, refused: bool, shapes: bool = True) -> tuple[bool, Callable[[Tensor], Any]]:
    if r.random() < 0.2:
        return True, r.choice(GONE)
    return refused, r.choice([*READABLE, *SHAPES] if shapes else READABLE)


def spoil_packing(scene: Scene, r: random.Random) -> None:
    if not scene.packed:
        return
    data, sizes, order, back = scene.packed
    if r.random() < 0.5:
        bad: list[Callable[[Tensor], Any]] = [
            lambda t: t + 1,
            lambda t: t - 1,
            lambda t: t.flip(0) if len(set(t.tolist())) > 1 else t + 1,
            lambda t: t * 100,
            lambda t: -t,
            lambda t: t[:0],
            lambda t: t.int(),
            lambda t: t.double(),
            lambda t: t.unsqueeze(0),
            lambda t: torch.stack([t, t], 1)[:, 0] if len(t) > 1 else t.int(),
            lambda t: torch.cat([t, t.new_zeros(1)]),
            *GONE,
        ]
        sizes, scene.refused = r.choice(bad)(sizes), True
    else:
        ways: list[Callable[[Tensor], Any]] = [
            lambda t: torch.stack([t, t + 9], 1)[:, 0],
            lambda t: t.int(),
            lambda t: t.flip(0),
            lambda t: torch.zeros_like(t),
            lambda t: t + 1,
            lambda t: t - 1000,
            lambda t: t * 2**40,
            lambda t: t.double(),
            lambda t: t[:-1],
            lambda t: torch.cat([t, t]),
        ]
        if r.random() < 0.5:
            order = r.choice(ways)(order)
        else:
            back = r.choice(ways)(back)
    scene.packed = tuple.__new__(PackedSequence, (data, sizes, order, back))


def spoil_hooks(scene: Scene, r: random.Random) -> None:
    ways: list[Callable[[Tensor], Any]] = [Tensor.clone, transposed, every_other, part_of_more, *GONE]
    chosen = r.choice(ways)
    scene.unpack, scene.refused = chosen, scene.refused or chosen in GONE


def spoil_in_place(scene: Scene, r: random.Random) -> None:
    scene.in_place = r.choice(["output", "output", "bias_hh_l0", "weight_hh_l0", "x", "last"])
    scene.unlike_torch = True


def spoil_gradient(scene: Scene, r: random.Random) -> None:
    scene.gradient = r.choice([transposed, repeated, part_of_more, negated, lazy_zeros, misaligned])


SPOILERS = [spoil_input, spoil_state, spoil_weight, spoil_packing, spoil_hooks, spoil_in_place, spoil_gradient]


def run(scene: Scene, layer: Any) -> list[Tensor]:
    """Output, states and gradients."""
    if scene.warm:
        layer(torch.zeros(2, 2, 3, dtype=scene.options["dtype"]))
    names = [name for name, _ in layer.named_parameters()]
    for name, spoil in scene.weights.items():
        setattr(layer, name, parameter(spoil(getattr(layer, name).detach())))
    hx = None if scene.hx is None else as_hidden(scene.hx) if scene.hx else ()
    input = scene.packed if scene.packed is not None else scene.x
    with hooked(scene.unpack):
        output, last = layer(input, hx)
        data = output.data if scene.packed is not None else output
        results = [data, *as_tuple(last)]
        kept = [t.detach().clone() for t in results]
        if scene.in_place:
            change(scene, layer, data, last)
        if not data.requires_grad or data.device.type == "meta":
            return kept
        d = torch.ones_like(data.detach())
        d = d if scene.gradient is None else scene.gradient(d)
        weights = [getattr(layer, name) for name in names]
        wanted = [w for w in weights if w.requires_grad and w.is_leaf]
        return kept + list(torch.autograd.grad(data, wanted, d, allow_unused=True, materialize_grads=True))


def parameter(value: Any) -> Any:
    if isinstance(value, nn.Parameter) or not isinstance(value, Tensor):
        return value
    return nn.Parameter(value, requires_grad=value.is_floating_point())


def change(scene: Scene, layer: Any, data: Tensor, last: Any) -> None:
    with torch.no_grad():
        what = {"output": data, "x": scene.x, "last": as_tuple(last)[0]}.get(scene.in_place)
        what = getattr(layer, scene.in_place, None) if what is None else what
        if isinstance(what, Tensor):
            what.add_(1)


@contextlib.contextmanager
def hooked(unpack: Callable[[Tensor], Any] | None) -> Iterator[None]:
    if unpack is None:
        yield
        return
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach().clone(), unpack):
        yield


def outcome(scene: Scene, layer: Any, errors: tuple[type[Exception], ...]) -> list[Tensor] | Exception:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return run(scene, layer)
    except errors as error:
        return error


def refusal_is_ours(found: Exception, scene: Scene) -> bool:
    """Whether elman may refuse what torch takes: what does not fit the layer, which some of torch's kernels read on
    behind, and an input or weight changed before backward, which they may have copied."""
    if scene.in_place and any(words in str(found) for words in ("modified by an inplace", "ZeroTensors are immutable")):
        return True
    fits = (
        "a weight is",
        "does not match weight dtype",
        "input must be 2-D",
        "equal to input_size",
        "hx",
        "batch_sizes",
    )
    return (isinstance(found, ShapeError) and str(found).startswith(fits)) or any(w in str(found) for w in fits[1:4])


def check(number: int) -> None:
    """One case; its number is its seed."""
    scene = spoiled(number)
    peer, layer = scene.layers()
    if scene.in_place == "x" and isinstance(scene.x, Tensor) and not scene.refused:
        scene.x = scene.x.clone()
    found = outcome(scene, layer, ERRORS)
    if scene.refused:
        # gradients of what was freed may not be asked for
        assert isinstance(found, Exception) or scene.unpack is not None or scene.in_place, f"case {number}: taken"
        return
    if isinstance(found, Exception) and refusal_is_ours(found, scene):
        return
    if scene.in_place == "x":
        scene = spoiled(number)
        peer, _ = scene.layers()
    scene.x, scene.hx = written(scene.x), scene.hx and [written(t) for t in scene.hx]
    if scene.packed is not None:
        scene.packed = tuple.__new__(PackedSequence, (written(scene.packed.data), *scene.packed[1:]))
    scene.unpack = None  # elman's tensors came back with the same values, from which torch's kernels may read others
    expected = outcome(scene, peer, TORCH_ERRORS)
    if isinstance(expected, Exception):
        # TwoTensor itself, not torch, fails where it meets zeros that are not written yet
        taken = scene.unlike_torch or "Attempted to set the storage of a tensor" in str(expected)
        assert isinstance(found, Exception) or taken, f"case {number}: torch refuses it: {expected}"
        return
    assert not isinstance(found, Exception), f"case {number}: torch takes it; {type(found).__name__}: {found}"
    given = [scene.x, *(scene.hx or ()), *(scene.packed or ()), *layer._flat_weights]
    if any(type(t) is TwoTensor for t in given):
        return  # torch's LSTM and its packing read memory that wrappers do not have
    for ours, theirs in zip(found, expected, strict=True):
        assert type(ours) is type(theirs), f"case {number}"
        if ours.device.type != "meta":
            assert_close(ours, theirs, rtol=2e-4, atol=2e-5, msg=lambda text: f"case {number}: {text}")


def written(t: Any) -> Any:
    """Lazy zeros written to memory, which some of torch's kernels take for granted."""
    return t.clone() if isinstance(t, Tensor) and t._is_zerotensor() else t


def spoiled(number: int) -> Scene:
    r = random.Random(number)
    scene = drawn(r)
    spoilers = r.sample(SPOILERS, r.choice([1, 1, 2]))
    for spoil in spoilers:
        with contextlib.suppress(*TORCH_ERRORS):  # what is spoiled twice may not be spoiled again
            spoil(scene, r)
    if scene.unpack and len(spoilers) > 1:
        scene = drawn(r)  # where torch's kernels run, they read what hooks hand back
        spoil_hooks(scene, r)
    return scene


@pytest.mark.parametrize("start", range(0, CASES, CHUNK))
def test_hostile_tensors(start: int) -> None:
    for number in range(start, min(start + CHUNK, CASES)):
        check(number)
