"""The network of a classifier."""

from __future__ import annotations

from dataclasses import replace

from elman.model import (
    INPUT,
    Convolution,
    Dropout,
    Embedding,
    EnsembleHead,
    Join,
    LastStep,
    Layer,
    Linear,
    Pool,
    SoftmaxHead,
    recurrent_layers,
)
from elman.tasks.classify.encoding import Encoding
from elman.tasks.classify.settings import ClassifySettings


def layers_for(encoding: Encoding, settings: ClassifySettings) -> tuple[Layer, ...]:
    """Convolutions, recurrent layers, what they come to, and from it a logit for each class; of several members, each
    has all of that to itself.

    >>> [layer.kind for layer in layers_for(Encoding(("a", "b"), 1, (0.0,), (1.0,)), ClassifySettings())]
    ['recurrent', 'last', 'linear', 'softmax']
    """
    classes = len(encoding.classes)
    if settings.members == 1:
        return (*_member(encoding, settings), SoftmaxHead(classes))
    layers: list[Layer] = []
    names = tuple(f"member {k}" for k in range(settings.members))
    for name in names:
        first, *middle, last = _member(encoding, settings)
        layers += [replace(first, reads=(INPUT,)), *middle, replace(last, name=name)]
    return (*layers, Join(reads=names), EnsembleHead(classes, settings.members))


def _member(encoding: Encoding, settings: ClassifySettings) -> list[Layer]:
    layers: list[Layer] = []
    size = encoding.input_size
    if not encoding.channels:
        layers.append(Embedding(size, settings.embedding_size))
        size = settings.embedding_size
    if settings.conv_channels:
        for _ in range(settings.conv_layers):
            layers.append(Convolution(size, settings.conv_channels, settings.conv_kernel))
            size = settings.conv_channels
    layers.append(recurrent_layers(settings, size, bidirectional=settings.bidirectional))
    size = settings.hidden_size * (2 if settings.bidirectional else 1)
    layers.append(LastStep(settings.bidirectional) if settings.pooling == "last" else Pool(settings.pooling, size))
    if settings.head_dropout:
        layers.append(Dropout(settings.head_dropout))
    return [*layers, Linear(size, len(encoding.classes))]
