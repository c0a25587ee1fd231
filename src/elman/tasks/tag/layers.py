"""The network of a tagger."""

from __future__ import annotations

from elman.model import (
    CharacterEncoder,
    CRFHead,
    Dropout,
    Embedding,
    Join,
    Layer,
    Linear,
    SoftmaxHead,
    recurrent_layers,
)
from elman.recurrence import Layout
from elman.tasks.tag.encoding import CHARACTERS, SHAPES, WORDS, Encoding
from elman.tasks.tag.settings import TagSettings
from elman.tasks.tag.shapes import COUNT


def layers_for(encoding: Encoding, settings: TagSettings) -> tuple[Layer, ...]:
    """A vector for each word, from the word, its characters and its shape; recurrent layers; a score for each tag.

    >>> encoding = Encoding(("a",), "ab", ("O", "B-x", "I-x"), "bio", True)
    >>> [layer.kind for layer in layers_for(encoding, TagSettings())]
    ['embedding', 'characters', 'embedding', 'join', 'dropout', 'recurrent', 'dropout', 'linear', 'crf']
    """
    tags, size = len(encoding.tags), settings.word_size
    layers: list[Layer] = [Embedding(len(encoding.words) + 1, size, name="word", reads=(WORDS,))]
    if settings.char_hidden_size:
        layout = Layout(settings.cell, settings.char_size, settings.char_hidden_size, bidirectional=True)
        layers.append(CharacterEncoder(len(encoding.characters) + 2, layout, name="spelling", reads=(CHARACTERS,)))
        size += 2 * settings.char_hidden_size
    if settings.shape_size:
        layers.append(Embedding(COUNT, settings.shape_size, name="shape", reads=(SHAPES,)))
        size += settings.shape_size
    if len(layers) > 1:
        layers.append(Join(reads=tuple(layer.name for layer in layers)))
    if settings.input_dropout:
        layers.append(Dropout(settings.input_dropout))
    layers.append(recurrent_layers(settings, size, bidirectional=settings.bidirectional))
    if settings.head_dropout:
        layers.append(Dropout(settings.head_dropout))
    layers.append(Linear(settings.hidden_size * (2 if settings.bidirectional else 1), tags))
    return (*layers, CRFHead(tags) if settings.head == "crf" else SoftmaxHead(tags))
