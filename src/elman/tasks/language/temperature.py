"""How sure a language model may be: a temperature, fitted on the validation part alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from elman.data.texts import Text
from elman.model import Layer
from elman.tasks.language.predictor import LanguagePredictor

Array = np.ndarray
LOW, HIGH, PARTS = 0.5, 4.0, 40
NUMBERS = 2**24  # logits looked at, at most


def fit_temperature(predictor: LanguagePredictor, text: Text) -> float:
    """The temperature from 1/2 to 4 at which ``predictor`` suits ``text`` best (golden-section search).

    A model that fits its training text closely is too sure on any other (Guo et al. 2017): there it does better with
    its logits divided by more than 1.
    """
    logits, targets = predictor.logits(text.part(0, max(2, NUMBERS // predictor.vocabulary.size)))
    places = np.arange(len(targets))

    def nats(place: float) -> float:
        scaled = logits / math.exp(place)
        scaled -= scaled.max(axis=1, keepdims=True)
        own = scaled[places, targets].copy()
        return float((np.log(np.exp(scaled, out=scaled).sum(axis=1)) - own).mean())

    ratio, low, high = (5**0.5 - 1) / 2, math.log(LOW), math.log(HIGH)
    for _ in range(PARTS):
        inner = high - ratio * (high - low), low + ratio * (high - low)
        if nats(inner[0]) <= nats(inner[1]):
            high = inner[1]
        else:
            low = inner[0]
    return round(math.exp((low + high) / 2), 4)


def cooled(layers: Sequence[Layer], arrays: Mapping[str, Array], temperature: float) -> dict[str, Array]:
    """The arrays of a model whose logits are divided by ``temperature``: its last linear layer's, divided by it."""
    last = f"{len(layers) - 2}."
    by = np.float32(temperature)
    return {name: array / by if name.startswith(last) else array for name, array in arrays.items()}


def with_temperature(predictor: LanguagePredictor, temperature: float) -> LanguagePredictor:
    """``predictor`` with its logits divided by ``temperature``."""
    model = predictor.model
    return LanguagePredictor(replace(model, arrays=cooled(model.layers, model.arrays, temperature)), predictor.record)
