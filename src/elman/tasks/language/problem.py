"""A writing job: which part of a text is for fitting, which chooses, which is the test."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from elman import jsontext
from elman.data.texts import Text
from elman.errors import DataError
from elman.learning import Examples, Problem
from elman.learning.problem import FittedOn
from elman.model import Model
from elman.settings import to_record
from elman.tasks.language.layers import layers_for
from elman.tasks.language.ngrams import Ngrams, fit_ngrams
from elman.tasks.language.overlap import digest_of, fitted_on
from elman.tasks.language.predictor import LanguagePredictor, Record
from elman.tasks.language.settings import LanguageSettings
from elman.tasks.language.temperature import fit_temperature, with_temperature
from elman.tasks.language.vocabulary import fit_vocabulary

Array = np.ndarray
FEWEST = 20  # tokens of a part: fewer say nothing
VALIDATION_STEPS = 1024  # of a row of the validation part, whose rows run side by side


class Division(NamedTuple):
    """Where the parts of a text end: fitting, validation, test."""

    fit: int
    known: int
    whole: int


def divided(text: Text, settings: LanguageSettings) -> Division:
    """The parts that were given apart, and else as the settings say: the test at the end, before it what chooses.

    Raises:
        DataError: the text is too short.
    """
    whole = len(text)
    known = start_of_test(text, settings)
    fit = known - round(known * settings.validation) if text.validation_from is None else text.validation_from
    parts = Division(fit, known, whole)
    wanted = {
        "training": (fit, True),
        "validation": (known - fit, settings.validation or text.validation_from is not None),
        "the test": (whole - known, settings.test_size or text.test_from is not None),
    }
    for name, (count, is_wanted) in wanted.items():
        if is_wanted and count < FEWEST:
            raise DataError(
                f"{text.source}: {len(text)} tokens leave {count} for {name}, {FEWEST} are needed; give a longer text, "
                "or another `test_size` or `validation`"
            )
    return parts


def start_of_test(text: Text, settings: LanguageSettings) -> int:
    """The first token of the test."""
    return len(text) - round(len(text) * settings.test_size) if text.test_from is None else text.test_from


class LanguageProblem(Problem):
    """Writing like ``text`` as ``settings`` say.

    Args:
        start_from: whose layers, tokens and weights are gone on from.

    Raises:
        DataError: too short a text.
    """

    def __init__(
        self,
        text: Text,
        settings: LanguageSettings,
        start_from: LanguagePredictor | None = None,
    ) -> None:
        self.text, self.settings, self.start_from = text, settings, start_from
        self.parts = divided(text, settings)
        self.bptt_steps = settings.bptt
        known = text.part(0, self.parts.known)
        self.test = text.part(self.parts.known) if self.parts.known < len(text) else None
        self.vocabulary = (
            fit_vocabulary(known, settings.min_count) if start_from is None else start_from.record.vocabulary
        )
        self.layers = layers_for(self.vocabulary.size, settings) if start_from is None else start_from.model.layers
        self._indices = self.vocabulary.indices(text)
        self._ngrams: dict[FittedOn, Ngrams] = {}
        self._temperature = 1.0

    def fingerprint(self) -> bytes:
        choices = [to_record(self.settings), self.vocabulary.record(), list(self.parts), digest_of(self.text)]
        return hashlib.sha256(jsontext.dumps(choices, sort_keys=True).encode()).digest()

    def train(self) -> Examples:
        return self._rows(0, self.parts.fit, self._count(self.parts.fit))

    def validation(self) -> Examples | None:
        fit, known, _ = self.parts
        return None if fit == known else self._rows(fit, known, max(1, (known - fit) // VALIDATION_STEPS))

    def all(self) -> Examples | None:
        whole = self.parts.whole
        return self._rows(0, whole, self._count(whole)) if self.settings.refit else None

    def _count(self, length: int) -> int:
        """Rows that a part is cut into: none is shorter than a segment, but one."""
        return max(1, min(self.settings.batch_size or 1, length // (self.settings.bptt + 1)))

    def _rows(self, start: int, stop: int, count: int) -> Examples:
        """Rows one after the other in the text; the targets are the tokens one later."""
        steps = (stop - start - 1) // count
        inputs, targets = (self._indices[at : at + count * steps].reshape(count, steps) for at in (start, start + 1))
        return Examples(inputs, targets)

    def predictor(self, arrays: dict[str, Array], fitted_on_: FittedOn) -> LanguagePredictor:
        end = self.parts.known if fitted_on_ == "train" else self.parts.whole
        if fitted_on_ not in self._ngrams:
            self._ngrams[fitted_on_] = fit_ngrams(self._indices[:end], self.vocabulary.size)
        before = () if self.start_from is None else self.start_from.record.fitted
        fitted = (*before, fitted_on(self.text.part(0, end)))
        record = Record(self.vocabulary, self._ngrams[fitted_on_], fitted)
        model = Model(self.layers, arrays, "language")
        found = LanguagePredictor(replace(model, encoding=record.to_record()), record)
        if fitted_on_ == "train" and self.parts.fit < self.parts.known:
            self._temperature = fit_temperature(found, self.text.part(self.parts.fit, self.parts.known))
        return with_temperature(found, self._temperature)
