"""Copies of a module in training, and batches cut from examples."""

from __future__ import annotations

import pytest
import torch

from elman.nn.network import Batch
from elman.training.batches import Tensors
from elman.training.optimiser import Optimiser
from elman.training.settings import TrainingSettings
from elman.training.tensors import Copies, tensors_of


class Mixed(torch.nn.Module):
    """Trained and frozen parameters, a tie, a buffer that forward replaces, a parameter of one number."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.frozen = torch.nn.Parameter(torch.randn(2), requires_grad=False)
        self.scale = torch.nn.Parameter(torch.tensor(2.0))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        self.calls = self.calls + 1
        with torch.no_grad():
            self.frozen.add_(1)
        return self.scale * self.second(torch.tanh(self.first(x)))


def snapshot(module):
    return {name: tensor.detach().clone() for name, tensor in tensors_of(module).items()}


@pytest.mark.parametrize("flat", [True, False])
def test_a_copy_is_all_that_training_changes_and_outlives_the_next_one(flat):
    module = Mixed()
    if not flat:
        module.scale.data = module.scale.data.double()
    optimiser = Optimiser(module, TrainingSettings())
    assert (optimiser.flat is not None) == flat
    copies = Copies(module, optimiser.flat)
    taken, expected = [copies.taken()], [snapshot(module)]
    for k in range(4):
        optimiser.zero_grad()
        module(torch.ones(2, 3)).sum().backward()
        optimiser.step(0.1)
        taken.append(copies.taken())
        expected.append(snapshot(module))
        assert any(not torch.equal(expected[k][name], expected[k + 1][name]) for name in ("scale", "first.weight"))
        for copy, original in zip(taken[-2:], expected[-2:], strict=True):
            assert copy.keys() == original.keys()
            assert all(torch.equal(copy[name], original[name]) for name in original)
            assert not any(tensor.requires_grad for tensor in copy.values())


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("at_once", [1, 50, 2**20])  # a batch, a few, all gathered in one operation
def test_shuffled_batches_do_not_depend_on_how_many_are_gathered_at_once(at_once, weighted, monkeypatch):
    monkeypatch.setattr("elman.training.batches.NUMBERS_AT_ONCE", at_once)
    inputs = torch.arange(11 * 2 * 3.0).reshape(11, 2, 3)
    weights = inputs[:, 0, :1] if weighted else None
    examples = Tensors(Batch(inputs, inputs[:, :, 0], None, weights))
    order = torch.randperm(11, generator=torch.Generator().manual_seed(3))
    batches = list(examples.shuffled(4, torch.Generator().manual_seed(3)))
    assert [len(batch[0]) for batch in batches] == [4, 4, 3]
    for rows, (x, y, _, w) in zip(order.split(4), batches, strict=True):
        assert torch.equal(x, inputs[rows])
        assert torch.equal(y, inputs[rows][:, :, 0])
        assert w is None if weights is None else torch.equal(w, weights[rows])
