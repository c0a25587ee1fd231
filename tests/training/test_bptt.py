"""Truncated back-propagation: the state is carried from segment to segment, the gradient is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import elman.nn
from elman.errors import SettingsError, ShapeError
from elman.learning import Examples
from elman.model import LastStep, Linear, PointHead, RecurrentLayers
from elman.nn.network import Network
from elman.nn.twins import PointTwin
from elman.recurrence import Layout
from elman.training.checkpoint import Checkpoint
from elman.training.loop import fit


class Follow(torch.nn.Module):
    """A prediction at every step, and the state; notes the states it is given."""

    def __init__(self, cell="LSTM", dropout=0.0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.recurrent = getattr(elman.nn, cell)(2, 4, num_layers=2, dropout=dropout, batch_first=True)
            self.head = torch.nn.Linear(4, 1)
        self.given, self.left = [], []

    def keeps_time(self, sequences):
        return True

    def forward(self, x, state=None):
        y, final = self.recurrent(x, state)
        return self.head(y), final

    def loss(self, batch, state=None):
        hx = None if state is None else state["h"] if len(state) == 1 else (state["h"], state["c"])
        output, final = self(batch.inputs, hx)
        final = {"h": final} if isinstance(final, torch.Tensor) else dict(zip("hc", final, strict=True))
        self.given.append(state)
        self.left.append(final)
        return *PointTwin("mse").loss(output, batch.targets, batch.weight), final


def sequences(count, steps, seed=0):
    random = np.random.default_rng(seed)
    inputs = random.standard_normal((count, steps, 2)).astype(np.float32)
    targets = np.cumsum(inputs, 1).sum(2, keepdims=True).astype(np.float32) / steps
    return Examples(inputs, targets)


def by_hand(module, examples, epochs, steps):
    """The loop as a textbook has it, all sequences at once."""
    adam = torch.optim.AdamW(module.parameters(), lr=0.01, weight_decay=0)
    x, y = torch.tensor(examples.inputs), torch.tensor(examples.targets)
    losses = []
    for _ in range(epochs):
        state, total = None, 0.0
        for start in range(0, x.shape[1], steps):
            now = slice(start, start + steps)
            prediction, state = module(x[:, now], state)
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
            loss = (prediction - y[:, now]).square().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            total += loss.item() * prediction.shape[1]
        losses.append(total / x.shape[1])
    return losses


@pytest.mark.parametrize("cell", ["RNN", "LSTM"])
@pytest.mark.parametrize(("count", "steps"), [(1, 5), (3, 4)])
def test_equals_the_loop_by_hand(cell, count, steps, settings):
    examples = sequences(count, 13)  # the last segment is shorter
    ours, expected = Follow(cell), Follow(cell)
    losses = by_hand(expected, examples, 4, steps)
    chosen = settings(epochs=4, batch_size=0, schedule="constant", weight_decay=0, clip_norm=0)
    result = fit(ours, examples, chosen, bptt_steps=steps)
    torch.testing.assert_close(
        torch.tensor([entry["loss"] for entry in result.history]), torch.tensor(losses), rtol=1e-4, atol=1e-6
    )
    for a, b in zip(ours.parameters(), expected.parameters(), strict=True):
        # sixteen updates of 0.01 each, whose direction is rounded
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)
    whole = Follow(cell)
    fit(whole, examples, chosen, bptt_steps=13)
    assert (whole.head.weight - ours.head.weight).abs().max() > 1e-3


def test_the_state_is_carried_without_its_gradient_and_begins_anew(settings):
    module = Follow()
    fit(module, sequences(5, 9), settings(epochs=2, batch_size=2), bptt_steps=4)
    assert len(module.given) == 2 * 3 * 3  # epochs, batches, segments
    for k, state in enumerate(module.given):
        if k % 3 == 0:
            assert state is None
            continue
        for name, left in module.left[k - 1].items():
            tensor = state[name]
            assert torch.equal(tensor, left)
            assert left.requires_grad
            assert not tensor.requires_grad


def test_validation_is_over_whole_sequences(settings, monkeypatch):
    held_out = sequences(5, 9, seed=1)
    losses = []
    for at_once in (2**17, 4):  # in one piece, in several
        monkeypatch.setattr("elman.training.batches.STEPS_AT_ONCE", at_once)
        monkeypatch.setattr("elman.training.trainer.STEPS_AT_ONCE", at_once)
        module = Follow()
        result = fit(
            module,
            sequences(4, 9),
            settings(epochs=1, batch_size=2),
            validation=held_out,
            bptt_steps=2,
        )
        losses.append(result.best_loss)
    with torch.no_grad():
        prediction = module(torch.tensor(held_out.inputs))[0]
        expected = (prediction - torch.tensor(held_out.targets)).square().mean().item()
    assert losses == pytest.approx([expected, expected], rel=1e-5)


def test_the_schedule_counts_segments(settings):
    """The first updates of AdamW are of the learning rate's size, so its path shows each rate."""

    class Scale(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = torch.nn.Parameter(torch.zeros(()))

        def keeps_time(self, sequences):
            return True

        def loss(self, batch, state=None):
            return *PointTwin("mae").loss(self.a * batch.inputs, batch.targets, batch.weight), {}

    x = np.ones((1, 4, 1), np.float32)
    module = Scale()
    chosen = settings(epochs=1, batch_size=0, learning_rate=0.01, weight_decay=0)
    fit(module, Examples(x, 100 * x), chosen, bptt_steps=2)
    assert module.a.item() == pytest.approx(0.01 * (1 + (0.02 + 0.98 * 0.5)), rel=1e-3)


def test_state_is_restored_exactly(settings, tmp_path, bits, numbers):
    examples, chosen = sequences(5, 9), settings(epochs=4, batch_size=2)
    whole = Follow(dropout=0.3)
    expected = fit(whole, examples, chosen, validation=sequences(2, 9, 1), bptt_steps=4)
    asked = []
    for stop in (lambda: asked.append(1) or len(asked) > 2, None):
        module = Follow(dropout=0.3)
        result = fit(
            module,
            examples,
            chosen,
            validation=sequences(2, 9, 1),
            bptt_steps=4,
            checkpoint=Checkpoint(tmp_path / "checkpoint.safetensors", every=0),
            stop=stop,
        )
    assert bits(module) == bits(whole)
    assert numbers(result.history) == numbers(expected.history)


def test_targets_that_are_not_at_every_step(settings):
    examples = sequences(4, 9)
    last = Examples(examples.inputs, examples.targets[:, -1])
    with pytest.raises(ShapeError, match="training part: .* needs a target at every step"):
        fit(Follow(), last, settings(), bptt_steps=4)
    with pytest.raises(ShapeError, match="validation part: .* needs a target at every step"):
        fit(Follow(), examples, settings(), validation=last, bptt_steps=4)


def test_a_model_that_cannot_be_cut_is_refused(settings):
    recurrent, head = RecurrentLayers(Layout("gru", 2, 4)), PointHead("mse")
    examples = sequences(4, 9)
    whole = Network((recurrent, LastStep(), Linear(4, 1), head))
    with pytest.raises(SettingsError, match="bptt_steps is 4, but this model has one output for a whole sequence"):
        fit(whole, Examples(examples.inputs, examples.targets[:, -1]), settings(), bptt_steps=4)
    both = Network((RecurrentLayers(Layout("gru", 2, 4, bidirectional=True)), Linear(8, 1), head))
    with pytest.raises(SettingsError, match="bptt_steps is 4, but this model also runs backwards"):
        fit(both, examples, settings(), bptt_steps=4)
    static = Network((Linear(2, 1), head))
    with pytest.raises(SettingsError, match="this model has one output for a whole sequence"):
        fit(static, Examples(examples.inputs[:, 0], examples.targets[:, 0]), settings(), bptt_steps=4)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_a_network_equals_a_module_by_hand(cell, settings):
    """The state of a description's layers, by name, is carried as a tuple would be."""
    examples, chosen = sequences(5, 9), settings(epochs=3, batch_size=2)
    by_hand = Follow(cell.upper())
    network = Network((RecurrentLayers(Layout(cell, 2, 4, num_layers=2)), Linear(4, 1), PointHead("mse")))
    for ours, theirs in zip(network.parameters(), by_hand.parameters(), strict=True):
        ours.data.copy_(theirs.data)
    fit(by_hand, examples, chosen, bptt_steps=4)
    fit(network, examples, chosen, bptt_steps=4)
    for ours, theirs in zip(network.parameters(), by_hand.parameters(), strict=True):
        assert torch.equal(ours, theirs)
