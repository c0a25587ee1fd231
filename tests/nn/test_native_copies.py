"""Copies, saved layers and changed weights, after kernels have run."""

from __future__ import annotations

import copy
import io
from typing import Any

import torch

from tests.nn.cases import each_kind, equal, make, native_alone, results


@each_kind
def test_copies_after_use(kind: Any) -> None:
    """A layer that has run keeps nothing that cannot be copied or saved, or that copies would share."""
    layer, x = make(kind, 3, 20, num_layers=2), torch.randn(5, 3, 3)
    with native_alone():
        expected = results(layer, x)
        twin = copy.deepcopy(layer)
        assert equal(results(twin, x), expected)
        whole, weights = io.BytesIO(), io.BytesIO()
        torch.save(layer, whole)
        torch.save(layer.state_dict(), weights)
        whole.seek(0)
        weights.seek(0)
        fresh = kind(3, 20, num_layers=2)
        fresh.load_state_dict(torch.load(weights))
        for other in (fresh, torch.load(whole, weights_only=False)):
            assert equal(results(other, x), expected)
        with torch.no_grad():
            twin.weight_hh_l0.zero_()
        assert equal(results(layer, x), expected)
        assert not torch.equal(twin(x)[0], expected[0])


def test_weights_are_read_at_every_call() -> None:
    """An optimiser's step, a loaded state and a move to another type are seen by the next call."""
    layer, x = make(), torch.randn(5, 3, 3)
    with native_alone():
        results(layer, x)
        with torch.no_grad():
            layer.weight_hh_l0.mul_(0.5)
        twin = make()
        twin.weight_hh_l0.data.mul_(0.5)
        assert equal(results(layer, x), results(twin, x))
        torch.testing.assert_close(layer.double()(x.double())[0].float(), twin(x)[0])
