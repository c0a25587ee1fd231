"""Generated puzzles: what is drawn is what is said, and the same draw again is the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import elman
from elman.cli import main
from elman.data.generated import BLANK, COUNT, DELIMITER, PUZZLES, SYMBOLS, puzzle_of
from elman.errors import SettingsError

names = pytest.mark.parametrize("name", PUZZLES)


@names
@given(lag=st.integers(2, 40), seed=st.integers(0, 2**62), number=st.integers(0, 2**62))
def test_a_draw_is_a_function_of_its_numbers(name, lag, seed, number):
    puzzle = PUZZLES[name]
    first, again = puzzle.draw(lag, 3, seed, number), puzzle.draw(lag, 3, seed, number)
    assert_array_equal(first.inputs, again.inputs)
    assert_array_equal(first.targets, again.targets)
    assert first.inputs.shape == (3, lag + puzzle.steps, puzzle.features) and first.inputs.dtype == np.float32
    other = puzzle.draw(lag, 3, seed, number ^ 1)
    assert first.inputs.tobytes() != other.inputs.tobytes() or lag < 8


@given(st.integers(2, 60))
def test_adding_is_the_sum_of_the_two_that_are_marked(lag):
    inputs, targets = PUZZLES["adding"].draw(lag, 20, seed=1)
    values, marks = inputs[..., 0], inputs[..., 1]
    assert ((values >= 0) & (values < 1)).all()
    assert_array_equal(marks[:, : lag // 2].sum(axis=1), 1)
    assert_array_equal(marks[:, lag // 2 :].sum(axis=1), 1)
    assert_allclose(targets[:, 0], (values * marks).sum(axis=1), rtol=1e-6)


@given(st.integers(1, 60))
def test_recall_asks_for_the_first_symbol(lag):
    inputs, targets = PUZZLES["recall"].draw(lag, 20, seed=1)
    symbols = inputs.argmax(axis=2)
    assert_array_equal(symbols[:, 0], targets)
    assert (symbols[:, 1:] >= SYMBOLS).all() and (inputs.sum(axis=2) == 1).all()


@pytest.mark.parametrize("name", ["copy", "selective-copy"])
@given(lag=st.integers(1, 60))
def test_copies_ask_for_the_symbols_in_their_order(name, lag):
    inputs, targets = PUZZLES[name].draw(lag, 20, seed=1)
    read = inputs.argmax(axis=2)
    for row, wanted in zip(read, targets, strict=True):
        assert_array_equal(row[row < SYMBOLS], wanted[-COUNT:])
        assert (wanted[:-COUNT] == BLANK).all() and (row[-COUNT:] == BLANK).all()
        assert np.flatnonzero(row == DELIMITER).tolist() == [lag + COUNT - 1]
    if name == "copy":
        assert (read[:, :COUNT] < SYMBOLS).all()


@names
def test_who_remembers_nothing_has_the_error_of_chance(name):
    puzzle = PUZZLES[name]
    _, targets = puzzle.draw(8, 20_000, seed=0)
    if puzzle.classes:
        answers = np.zeros((*targets.shape, puzzle.classes), "f4")
        answers[..., 3] = 1
    else:
        answers = np.ones_like(targets)  # the mean of two uniform values
    assert_allclose(puzzle.error(answers, targets), puzzle.chance, rtol=0.02)


def test_the_losses_of_who_remembers_nothing():
    assert_allclose(PUZZLES["copy"].chance_loss(30), 10 * np.log(8) / 50, rtol=1e-12)
    assert_allclose(PUZZLES["recall"].chance_loss(5), np.log(8), rtol=1e-12)
    assert_allclose(PUZZLES["adding"].chance_loss(5), 1 / 6, rtol=1e-12)


def test_what_is_no_puzzle_is_said():
    with pytest.raises(SettingsError, match="unknown puzzle 'multiplying'; choose one of: recall, adding"):
        puzzle_of("multiplying")
    with pytest.raises(SettingsError, match="adding takes one from 2"):
        PUZZLES["adding"].draw(1, 1, 0)


def test_puzzles_are_data_for_training(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    regressor = elman.SequenceRegressor(at="last", hidden_size=4, epochs=1).fit("adding:T=6,N=30,seed=2")
    drawn = PUZZLES["adding"].draw(6, 30, seed=2)
    assert_allclose([s.targets[-1, 0] for s in regressor.data], drawn.targets[:, 0])
    assert_allclose([s.inputs for s in regressor.data], drawn.inputs)
    classifier = elman.SequenceClassifier(hidden_size=4, epochs=1).fit("recall:T=5,N=60")
    assert classifier.classes == tuple("ABCDEFGH")
    first = [classifier.data.alphabet[row[0]] for row in classifier.data.inputs]
    assert first == list(classifier.data.known_labels())
    tagger = elman.Tagger(hidden_size=4, epochs=1, head="softmax", char_hidden_size=0).fit("selective-copy:T=4,N=20")
    for words, tags in zip(tagger.data.words, tagger.data.known_tags(), strict=True):
        assert [word for word in words if word in "ABCDEFGH"] == list(tags[-COUNT:])
    (tmp_path / "recall:T=5").write_text("label,t0,t1\nup,1,2\ndown,2,1\n")  # a file of that name is a file
    assert len(classifier.read("recall:T=5")) == 2


ASKED = {
    "adding:T=x": "'T=x' is none of its numbers; give T=LAG",
    "adding:N=5": "give the lag, as in adding:T=50",
    "adding:T=1": "a lag of 1; adding takes one from 2",
    "copy:T=5": "it gives a class at every step, not a number for each sequence; for that there is adding",
}


@pytest.mark.parametrize("source", ASKED)
def test_what_cannot_be_drawn_is_said(source, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "regress", source]) == 2
    assert ASKED[source] in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
