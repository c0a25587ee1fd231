"""The network of a language model."""

from __future__ import annotations

from elman.model import Dropout, Embedding, Layer, Linear, SoftmaxHead, recurrent_layers
from elman.tasks.language.settings import LanguageSettings


def layers_for(size: int, settings: LanguageSettings) -> tuple[Layer, ...]:
    """An embedding of ``size`` tokens, recurrent layers, and a logit for each token that may follow.

    >>> [layer.kind for layer in layers_for(65, LanguageSettings(embedding_dropout=0.0))]
    ['embedding', 'recurrent', 'dropout', 'linear', 'softmax']
    """
    layers: list[Layer] = [Embedding(size, settings.embedding_size)]
    if settings.embedding_dropout:
        layers.append(Dropout(settings.embedding_dropout))
    layers.append(recurrent_layers(settings, settings.embedding_size))
    if settings.head_dropout:
        layers.append(Dropout(settings.head_dropout))
    return (*layers, Linear(settings.hidden_size, size), SoftmaxHead(size))
