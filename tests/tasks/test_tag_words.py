"""What a tagger reads of words: those it knows, however they are written; characters; shapes."""

from __future__ import annotations

import json

import pytest

import elman
from elman.data import read_tagged
from elman.errors import SettingsError
from elman.model import NeighbourWords, RecurrentLayers
from elman.tasks.tag.encoding import CHARACTERS, SHAPES, WORDS, encoding_from_record, fit_encoding
from elman.tasks.tag.schemes import BIO, PLAIN
from elman.tasks.tag.shapes import MIXED, SMALL, TITLE
from tests.tasks.test_tag import QUICK, fruit


def test_words_and_characters_that_were_not_in_training():
    data = read_tagged({"words": [["One", "one", "two"], ["three"]], "tags": [["X", "X", "Y"], ["Y"]]})
    encoding = fit_encoding(data, PLAIN, lower=True, normalise=False, min_count=2)
    assert encoding.words == ("one",) and encoding.tags == ("X", "Y")
    new = read_tagged({"words": [["ONE", "zwölf"]]})
    inputs, lengths = encoding.inputs(new, {CHARACTERS})
    assert inputs[WORDS].tolist() == [[0, 1]] and lengths.tolist() == [2]
    spelled = inputs[CHARACTERS][0, 1]
    assert (spelled == 1).sum() == 4 and (spelled > 1).sum() == 1  # of "zwölf" only w is known
    long = read_tagged({"words": [["one" * 1000]]})
    assert encoding.inputs(long, {CHARACTERS})[0][CHARACTERS].shape == (1, 1, 32)


def test_words_are_normalised_where_they_are_not_known_as_they_are():
    words = ["#Paris", "PARIS", "2016", "@anna", "http://a.b", "soooo", "1066", "@bob", "www.c.d", "sooo"]
    data = read_tagged({"words": [words], "tags": [["X", "Y"] * 5]})
    chosen = {"lower": True, "min_count": 2}
    encoding = fit_encoding(data, PLAIN, normalise=True, **chosen)
    assert encoding.words == ("00", "@user", "paris", "soo", "www.")  # of one count: by the alphabet
    assert encoding_from_record(json.loads(json.dumps(encoding.record()))) == encoding
    new = read_tagged({"words": [["Paris", "1999", "7", "@x", "https://z", "so"]]})
    assert encoding.inputs(new, ())[0][WORDS].tolist() == [[2, 0, 5, 1, 4, 5]]
    own = fit_encoding(data, PLAIN, normalise=True, more_words=["1999"], **chosen)  # it has a vector
    assert [own.looked_up(word) for word in ("1999", "2000")] == ["1999", "00"]
    plain = fit_encoding(data, PLAIN, normalise=False, **chosen)
    assert plain.words == () and "normalise" not in plain.record()
    assert plain.looked_up("#Paris") == "#paris"


def test_the_shape_of_a_word_is_read_where_a_model_asks_for_it():
    data = fruit(60)
    with_shapes, without = (elman.Tagger(**QUICK, shape_size=size).fit(data) for size in (3, 0))
    shapes = with_shapes.outcome.final.encoding.inputs(read_tagged(data).select([0, 1]), {SHAPES})[0][SHAPES]
    assert shapes.tolist() == [[TITLE, SMALL, MIXED, 0], [MIXED, SMALL, SMALL, SMALL]]
    assert with_shapes.model.wiring.inputs == (WORDS, CHARACTERS, SHAPES)
    assert without.model.wiring.inputs == (WORDS, CHARACTERS)
    alone = elman.Tagger(**QUICK, shape_size=3, char_hidden_size=0).fit(data)
    assert alone.model.wiring.inputs == (WORDS, SHAPES)
    assert elman.Tagger(**QUICK, shape_size=0, char_hidden_size=0).fit(data).model.wiring.inputs == (WORDS,)
    further = elman.Tagger(**QUICK, shape_size=0, test_size=0).fit(fruit(60, seed=9), start_from=without)
    assert further.model.layers == without.model.layers
    with pytest.raises(SettingsError, match="shape_size"):
        elman.Tagger(**QUICK, shape_size=3).fit(data, start_from=without)


def test_neighbours_are_told_in_training_where_they_are_asked_for():
    data = fruit(60)
    found, without = (elman.Tagger(**QUICK, neighbours=weight).fit(data) for weight in (0.1, 0.0))
    layers = [layer for layer in found.model.layers if isinstance(layer, NeighbourWords)]
    known = len(found.outcome.final.encoding.words)
    assert [(layer.count, layer.size, layer.weight) for layer in layers] == [(known, 16, 0.1)]
    assert not any(isinstance(layer, NeighbourWords) for layer in without.model.layers)
    assert found.outcome.history[0]["loss"] > found.outcome.history[0]["validation_loss"]
    rare = elman.Tagger(**QUICK, min_count=1000, ensemble=2).fit(data)  # no word is known
    assert [layer.count for layer in rare.model.layers if isinstance(layer, NeighbourWords)] == [1, 1]
    encoding = fit_encoding(read_tagged(data), BIO, lower=True, normalise=False, min_count=1)
    assert encoding.words[:3] == ("apple", "an", "eats")  # the most frequent first


def test_of_several_layers_the_lowest_tells_neighbours_for_above_it_a_direction_knows_them():
    data = fruit(60)

    def kinds(**settings):
        layers = elman.Tagger(**QUICK, **settings).fit(data).model.layers
        start = next(k for k, layer in enumerate(layers) if isinstance(layer, RecurrentLayers))
        return [(layer.kind, getattr(getattr(layer, "layout", None), "num_layers", None)) for layer in layers[start:-2]]

    two = {"num_layers": 3, "dropout": 0.1, "input_dropout": 0, "head_dropout": 0.2}
    below, above = ("recurrent", 1), ("recurrent", 2)
    assert kinds(**two) == [below, ("dropout", None), ("neighbour-words", None), above, ("dropout", None)]
    assert kinds(**two | {"dropout": 0}) == [below, ("neighbour-words", None), above, ("dropout", None)]
    whole = ("recurrent", 3)
    assert kinds(**two, bidirectional=False) == [whole, ("dropout", None), ("neighbour-words", None)]
    assert kinds(**two, neighbours=0) == [whole, ("dropout", None)]
