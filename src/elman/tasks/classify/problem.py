"""A classification job: which sequences are for fitting, which for the test, and the choices made on the former."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from elman import jsontext
from elman.data import Sequences
from elman.errors import DataError
from elman.learning import Examples, Problem
from elman.learning.problem import FittedOn
from elman.model import Model
from elman.settings import to_record
from elman.tasks.classify.baselines import Baselines, fit_baselines
from elman.tasks.classify.calibration import fit_temperature
from elman.tasks.classify.encoding import Encoding, fit_encoding
from elman.tasks.classify.layers import layers_for
from elman.tasks.classify.predictor import ClassifyPredictor, Knowledge, with_knowledge
from elman.tasks.classify.settings import ClassifySettings
from elman.tasks.classify.split import groups_of, held_out

Array = np.ndarray
CALIBRATION_ROWS = 10  # fewer say nothing of probabilities


class Division(NamedTuple):
    """(N,) bool each: what may be known before the test, and the test; sequences of a test that the source brings and
    that stand in the training part as well are in neither."""

    known: Array
    test: Array


def divided(data: Sequences, settings: ClassifySettings) -> Division:
    """The test that the source brings, or else a share of each class.

    Raises:
        DataError: no labels, or nothing left on one side.
    """
    labels = data.known_labels()
    if data.is_test is None:
        test = held_out(groups_of(data), labels, settings.test_size, settings.seed)
        return Division(~test, test)
    digests = data.digests()
    test = data.is_test & ~np.isin(digests, digests[~data.is_test])
    if data.is_test.all() or not test.any():
        part = "training" if data.is_test.all() else "the test"
        raise DataError(
            f"{data.source}: no sequence is left for {part} beside those of the other part; give different ones"
        )
    return Division(~data.is_test, test)


class ClassifyProblem(Problem):
    """Telling the classes of ``data`` as ``settings`` say.

    Args:
        start_from: whose layers, encoding and weights are gone on from.

    Raises:
        DataError: too little data, or classes or channels that ``start_from`` does not know.
    """

    def __init__(
        self, data: Sequences, settings: ClassifySettings, start_from: ClassifyPredictor | None = None
    ) -> None:
        self.data, self.settings, self.start_from = data, settings, start_from
        division = divided(data, settings)
        self.known = data.select(division.known)
        self.test = data.select(division.test) if division.test.any() else None
        self.encoding = self._encoding_of(self.known)
        groups = groups_of(self.known)
        held = held_out(groups, self.known.known_labels(), settings.validation, settings.seed + 1)
        self._fit, self._held = self.known.select(~held), self.known.select(held) if held.any() else None
        if self.test is not None:
            self.encoding.targets(self.test)  # a class that is in the test alone: an error now, not after training
        self.layers = layers_for(self.encoding, settings) if start_from is None else start_from.model.layers
        self._baselines: Baselines | None = None
        self._temperature = 1.0 if start_from is None else start_from.known.temperature

    def _encoding_of(self, data: Sequences) -> Encoding:
        if self.start_from is None:
            return fit_encoding(data, self.settings.scale)
        encoding = self.start_from.known.encoding
        encoding.inputs(data.select([0]))
        encoding.targets(data)
        return encoding

    def fingerprint(self) -> bytes:
        choices = [to_record(self.settings), self.encoding.record(), self.data.known_labels()]
        digest = hashlib.sha256(jsontext.dumps(choices, sort_keys=True).encode())
        digest.update(self.data.digests().tobytes())
        digest.update(b"" if self.data.is_test is None else self.data.is_test.tobytes())
        return digest.digest()

    def train(self) -> Examples:
        return self._examples(self._fit, self.encoding)

    def validation(self) -> Examples | None:
        return self._validation

    @cached_property
    def _validation(self) -> Examples | None:
        return None if self._held is None else self._examples(self._held, self.encoding)

    def validation_error(self, arrays: dict[str, Array]) -> float | None:
        examples = self._validation
        if examples is None:
            return None
        told = Model(self.layers, arrays, "classify").predict(examples.inputs, examples.lengths).argmax(axis=1)
        return float((told != examples.targets).mean())

    def all(self) -> Examples | None:
        if not self.settings.refit:
            return None
        return self._examples(self.data, self._whole_encoding())

    def predictor(self, arrays: dict[str, Array], fitted_on: FittedOn) -> ClassifyPredictor:
        part, encoding = (self.known, self.encoding) if fitted_on == "train" else (self.data, self._whole_encoding())
        targets = encoding.targets(part)
        baselines = fit_baselines(encoding.inputs(part), part.lengths, targets, encoding, self._baselines)
        self._baselines = baselines
        seen = part.digests()
        if self.start_from is not None:
            seen = np.union1d(seen, self.start_from.known.seen)
        model = Model(self.layers, arrays, "classify")
        known = Knowledge(encoding, 1.0, baselines, seen)
        if fitted_on == "train" and self._held is not None and len(self._held) >= CALIBRATION_ROWS:
            p = with_knowledge(model, known).probabilities(self._held)
            self._temperature = fit_temperature(p, encoding.targets(self._held))
        return with_knowledge(model, Knowledge(encoding, self._temperature, baselines, seen))

    def _whole_encoding(self) -> Encoding:
        """Scales of all the data; the classes, the inputs and what they mean stay, for the layers are made for them."""
        if self.start_from is not None or not self.encoding.channels:
            return self.encoding
        whole = fit_encoding(self.data, self.settings.scale)
        return replace(self.encoding, center=whole.center, spread=whole.spread)

    def _examples(self, data: Sequences, encoding: Encoding) -> Examples:
        targets, lengths = encoding.targets(data), data.lengths
        weight = None
        if self.settings.class_weight == "balanced":
            counts = np.bincount(encoding.targets(self._fit), minlength=len(encoding.classes))
            weight = (len(self._fit) / (counts.clip(min=1) * (counts > 0).sum()))[targets].astype(np.float32)
        whole = bool((lengths == data.inputs.shape[1]).all())
        return Examples(encoding.inputs(data), targets, None if whole else lengths, weight)
