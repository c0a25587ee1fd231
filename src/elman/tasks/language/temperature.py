"""How sure a language model may be: a temperature, fitted on the validation part alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from elman.data.texts import Text
from elman.learning.minimum import golden_section
from elman.tasks.language.predictor import LanguagePredictor

LOW, HIGH, PARTS = 0.5, 4.0, 40
NUMBERS = 2**24  # logits looked at, at most


def fit_temperature(predictor: LanguagePredictor, text: Text) -> float:
    """The temperature from 1/2 to 4 at which ``predictor`` suits ``text`` best (golden-section search).

    A model that fits its training text closely is too sure on any other (Guo et al. 2017): there it does better with
    its logits divided by more than 1.
    """
    part = text.part(0, max(2, NUMBERS // predictor.vocabulary.size))
    logits, targets = map(np.concatenate, zip(*predictor.steps(part), strict=True))
    places = np.arange(len(targets))

    def nats(place: float) -> float:
        scaled = logits / math.exp(place)
        scaled -= scaled.max(axis=1, keepdims=True)
        own = scaled[places, targets].copy()
        return float((np.log(np.exp(scaled, out=scaled).sum(axis=1)) - own).mean())

    return round(math.exp(golden_section(nats, math.log(LOW), math.log(HIGH), PARTS)), 4)


def with_temperature(predictor: LanguagePredictor, temperature: float) -> LanguagePredictor:
    """``predictor`` with its logits divided by ``temperature``: the last linear layer's arrays are, in its model."""
    model, by = predictor.model, np.float32(temperature)
    last = f"{len(model.layers) - 2}."
    arrays = {name: array / by if name.startswith(last) else array for name, array in model.arrays.items()}
    return LanguagePredictor(replace(model, arrays=arrays), predictor.record)
