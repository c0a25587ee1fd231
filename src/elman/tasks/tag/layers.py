"""The network of a tagger."""

from __future__ import annotations

from dataclasses import replace

from elman.model import (
    CharacterEncoder,
    CRFEnsembleHead,
    CRFHead,
    Dropout,
    Embedding,
    EnsembleHead,
    Join,
    Layer,
    Linear,
    Model,
    NeighbourWords,
    SoftmaxHead,
    recurrent_layers,
)
from elman.recurrence import Layout
from elman.tasks.tag.encoding import CHARACTERS, SHAPES, WORDS, Encoding
from elman.tasks.tag.settings import TagSettings
from elman.tasks.tag.shapes import COUNT

NEIGHBOURS = 1000  # words, the most frequent, that are told apart as neighbours


def layers_for(encoding: Encoding, settings: TagSettings) -> tuple[Layer, ...]:
    """A vector for each word, from the word, its characters and its shape; recurrent layers; a score for each tag; of
    several members, each has all of that to itself.

    >>> encoding = Encoding(("a",), "ab", ("O", "B-x", "I-x"), "bio", True)
    >>> [layer.kind for layer in layers_for(encoding, TagSettings())][3:]
    ['join', 'dropout', 'recurrent', 'dropout', 'neighbour-words', 'linear', 'crf']
    """
    tags, members = len(encoding.tags), settings.ensemble
    if members == 1:
        return (*_member(encoding, settings), CRFHead(tags) if settings.head == "crf" else SoftmaxHead(tags))
    layers: list[Layer] = []
    names = tuple(f"scores{k}" for k in range(members))
    for k, name in enumerate(names):
        *own, last = _member(encoding, settings, str(k))
        layers += [*own, replace(last, name=name)]
    head = CRFEnsembleHead(tags, members) if settings.head == "crf" else EnsembleHead(tags, members)
    return (*layers, Join(reads=names), head)


def _member(encoding: Encoding, settings: TagSettings, number: str = "") -> list[Layer]:
    size = settings.word_size
    layers: list[Layer] = [Embedding(len(encoding.words) + 1, size, name=f"word{number}", reads=(WORDS,))]
    if settings.char_hidden_size:
        layout = Layout(settings.cell, settings.char_size, settings.char_hidden_size, bidirectional=True)
        count = len(encoding.characters) + 2
        layers.append(CharacterEncoder(count, layout, name=f"spelling{number}", reads=(CHARACTERS,)))
        size += 2 * settings.char_hidden_size
    if settings.shape_size:
        layers.append(Embedding(COUNT, settings.shape_size, name=f"shape{number}", reads=(SHAPES,)))
        size += settings.shape_size
    if len(layers) > 1:
        layers.append(Join(reads=tuple(layer.name for layer in layers)))
    if settings.input_dropout:
        layers.append(Dropout(settings.input_dropout))
    own = settings.hidden_size * (2 if settings.bidirectional else 1)
    # a second layer of both directions has read the whole sentence in each of them: it need not foretell a word
    first = replace(settings, num_layers=1) if settings.neighbours and settings.bidirectional else settings
    layers.append(recurrent_layers(first, size, bidirectional=settings.bidirectional))
    dropout = settings.head_dropout if first.num_layers == settings.num_layers else settings.dropout
    if dropout:
        layers.append(Dropout(dropout))
    if settings.neighbours:
        states, count = f"states{number}", max(1, min(NEIGHBOURS, len(encoding.words)))
        layers[-1] = replace(layers[-1], name=states)
        reads = (states, WORDS)
        layers.append(NeighbourWords(count, own, settings.bidirectional, settings.neighbours, reads=reads))
    if first.num_layers < settings.num_layers:
        above = replace(settings, num_layers=settings.num_layers - 1)
        layers.append(recurrent_layers(above, own, bidirectional=True))
        if settings.head_dropout:
            layers.append(Dropout(settings.head_dropout))
    return [*layers, Linear(own, len(encoding.tags))]


def score_layers(model: Model) -> list[int]:
    """Numbers of the linear layers that give the tags' scores, one of each member; none where others give them."""
    sources = model.wiring.sources
    found = sources[-1]
    if isinstance(found[0], int) and isinstance(model.layers[found[0]], Join):
        found = sources[found[0]]
    numbers = [k for k in found if isinstance(k, int) and isinstance(model.layers[k], Linear)]
    return numbers if len(numbers) == len(found) else []
