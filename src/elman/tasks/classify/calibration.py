"""Whether probabilities are what they say: the expected calibration error, and a temperature that mends them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from elman.learning.minimum import golden_section

Array = np.ndarray
BINS = 15
SMALLEST = 1e-30
LOW, HIGH = 0.05, 20.0


class Reliability(NamedTuple):
    """For each bin of confidence that holds any: the mean confidence, the accuracy, and the share of all."""

    confidence: Array
    accuracy: Array
    share: Array

    @property
    def error(self) -> float:
        """The expected calibration error (Guo et al. 2017): the mean distance between confidence and accuracy."""
        return float((self.share * np.abs(self.confidence - self.accuracy)).sum())


def reliability(probabilities: Array, targets: Array) -> Reliability:
    """Confidence beside accuracy, in bins of equal width.

    >>> round(reliability(np.array([[0.8, 0.2], [0.8, 0.2]]), np.array([0, 1])).error, 3)
    0.3
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    filled = counts > 0
    sums = [np.bincount(bins, weights=values, minlength=BINS)[filled] for values in (confidence, right)]
    return Reliability(sums[0] / counts[filled], sums[1] / counts[filled], counts[filled] / len(targets))


def at_temperature(probabilities: Array, temperature: float) -> Array:
    """Probabilities (…, C) as if their logits had been divided by ``temperature``: above 1 less sure, below 1 surer.

    >>> at_temperature(np.array([0.9, 0.1]), 2.0).round(2)
    array([0.75, 0.25])
    """
    logits = np.log(np.maximum(np.asarray(probabilities, np.float64), SMALLEST)) / temperature
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: Array = raised / raised.sum(axis=-1, keepdims=True)
    return found


def nats(probabilities: Array, targets: Array) -> float:
    """Mean negative logarithm of the probability that the true class was given."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(targets)), targets], SMALLEST)).mean())


def fit_temperature(probabilities: Array, targets: Array) -> float:
    """The temperature from 1/20 to 20 at which these probabilities suit these targets best (golden-section search).

    >>> fit_temperature(np.array([[0.99, 0.01]] * 4), np.array([0, 0, 0, 1])) > 2
    True
    """

    def loss(place: float) -> float:
        return nats(at_temperature(probabilities, float(np.exp(place))), targets)

    return round(float(np.exp(golden_section(loss, float(np.log(LOW)), float(np.log(HIGH))))), 6)
