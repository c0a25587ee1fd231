"""Neighbouring words as a second task: its loss against one written out, and that it acts in training alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from elman.errors import SettingsError, ShapeError
from elman.model import (
    Embedding,
    Linear,
    Model,
    NeighbourWords,
    RecurrentLayers,
    SoftmaxHead,
    load_model,
    save_model,
    stepper_of,
)
from elman.nn.network import Batch, Network, arrays_of
from elman.recurrence import Layout

COUNT, UNITS, TAGS = 4, 3, 2
LENGTHS = [4, 1, 3]
WORDS = np.random.default_rng(0).integers(0, 7, (3, 4))
TARGETS = torch.from_numpy(WORDS % TAGS)


def layers(bidirectional: bool = True, weight: float = 0.3) -> tuple:
    size = UNITS * (1 + bidirectional)
    return (
        Embedding(7, 2, reads=("words",)),
        RecurrentLayers(Layout("gru", 2, UNITS, bidirectional=bidirectional), name="states"),
        NeighbourWords(COUNT, size, bidirectional, weight, reads=("states", "words")),
        Linear(size, TAGS),
        SoftmaxHead(TAGS),
    )


def batch(words: np.ndarray, lengths: list[int] | None) -> Batch:
    weight = None
    if lengths is not None:
        weight = (torch.arange(words.shape[1]) < torch.tensor(lengths)[:, None]).float()
    targets = TARGETS[: len(words), : words.shape[1]]
    given = None if lengths is None else torch.tensor(lengths)
    return Batch({"words": torch.from_numpy(words)}, targets, given, weight)


def added(network: Network, given: Batch) -> float:
    """What the layer adds to the loss."""
    return network.train().loss(given)[0].item() - network.eval().loss(given)[0].item()


def written_out(network: Network, words: np.ndarray, lengths: list[int], bidirectional: bool) -> float:
    arrays = arrays_of(network)
    model = Model(layers(bidirectional)[:2], {name: a for name, a in arrays.items() if name[0] in "01"})
    states, _ = model({"words": words}, lengths)
    sides = {"next": [], "previous": []}
    for row, length in enumerate(lengths):
        for t in range(length - 1):
            for name, at, other in (("next", t, t + 1), ("previous", t + 1, t)):
                if name == "previous" and not bidirectional:
                    continue
                own = states[row, at, :UNITS] if name == "next" else states[row, at, UNITS:]
                logits = arrays[f"2.{name}_weight"] @ own + arrays[f"2.{name}_bias"]
                sides[name].append(np.logaddexp.reduce(logits) - logits[min(words[row, other], COUNT)])
    return 0.3 * sum(float(np.mean(losses)) for losses in sides.values() if losses)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_loss_is_that_of_all_pairs_of_neighbours(bidirectional):
    torch.manual_seed(1)
    network = Network(layers(bidirectional))
    expected = written_out(network, WORDS, LENGTHS, bidirectional)
    assert added(network, batch(WORDS, LENGTHS)) == pytest.approx(expected, rel=1e-4)
    other = WORDS.copy()
    other[1, 1:], other[2, 3:] = 6, 6  # behind their ends
    assert added(network, batch(other, LENGTHS)) == pytest.approx(expected, rel=1e-4)
    whole = written_out(network, WORDS, [4, 4, 4], bidirectional)
    assert added(network, batch(WORDS, None)) == pytest.approx(whole, rel=1e-4)
    assert added(network, batch(WORDS[:, :1], None)) == pytest.approx(0, abs=1e-6)  # no word has a neighbour


def test_it_teaches_the_states_and_changes_no_answer(tmp_path):
    torch.manual_seed(1)
    network = Network(layers())
    network.train().loss(batch(WORDS, LENGTHS))[0].backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    model = Model(layers(), arrays_of(network))
    without = (*layers()[:2], *layers()[3:])
    names = {"0": "0", "1": "1", "3": "2"}
    kept = {names[name[0]] + name[1:]: array for name, array in model.arrays.items() if name[0] in names}
    assert_array_equal(model({"words": WORDS}, LENGTHS)[0], Model(without, kept)({"words": WORDS}, LENGTHS)[0])
    output, _ = network.eval()({"words": torch.from_numpy(WORDS)})
    assert_allclose(output.detach(), model({"words": WORDS})[0], rtol=1e-4, atol=1e-5)
    save_model(tmp_path / "a.elman", model)
    assert_array_equal(load_model(tmp_path / "a.elman")({"words": WORDS})[0], model({"words": WORDS})[0])


def test_it_passes_a_stream_on():
    torch.manual_seed(1)
    model = Model(layers(bidirectional=False), arrays_of(Network(layers(bidirectional=False))))
    step, state = stepper_of(model), model.initial_state(1)
    for t, word in enumerate(WORDS[0]):
        output, state = step({"words": word}, state)
        assert_allclose(output, model({"words": WORDS[:1]})[0][0, t], rtol=1e-5, atol=1e-6)


def test_sizes_that_do_not_fit():
    for arguments, said in (
        ((0, 4, True, 0.1), "both are at least 1"),
        ((3, 5, True, 0.1), "an even size, not 5"),
        ((3, 4, True, 0.0), "it must be above 0"),
    ):
        with pytest.raises(SettingsError, match=said):
            NeighbourWords(*arguments)
    with pytest.raises(ShapeError, match="reads states of 4 features, and an input of words"):
        NeighbourWords(3, 4, True, 0.1).features([5, None])
    with pytest.raises(ShapeError, match="and an input of words"):
        NeighbourWords(3, 4, True, 0.1).features([4])
