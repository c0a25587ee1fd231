"""A tagging job: which sentences are for fitting, which choose, which are the test."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from elman import jsontext
from elman.data.tagged import TEST, VALIDATION, TaggedSentences
from elman.errors import DataError, SettingsError
from elman.learning import Examples, Problem
from elman.learning.problem import FittedOn
from elman.model import Model
from elman.model.wiring import Wiring
from elman.settings import to_record
from elman.tasks.tag.balance import find_shift, shifted
from elman.tasks.tag.baseline import fit_most_frequent
from elman.tasks.tag.encoding import WORDS, fit_encoding
from elman.tasks.tag.layers import layers_for
from elman.tasks.tag.predictor import TagPredictor
from elman.tasks.tag.record import Record
from elman.tasks.tag.schemes import Reading
from elman.tasks.tag.scores import score
from elman.tasks.tag.seen import seen_in
from elman.tasks.tag.settings import TagSettings
from elman.tasks.tag.vectors import Vectors, read_vectors
from elman.tasks.tag.words import normalised

Array = np.ndarray


class Division(NamedTuple):
    """The parts, as indices of sentences."""

    fit: Array
    validation: Array
    test: Array


def divided(data: TaggedSentences, settings: TagSettings) -> Division:
    """The parts that the source brings, and else those at its end, as the settings say.

    Raises:
        DataError: nothing is left for training.
    """
    parts = np.zeros(len(data), np.int8) if data.parts is None else data.parts.copy()
    if not (parts == TEST).any() and settings.test_size:
        own = np.flatnonzero(parts == 0)
        parts[own[len(own) - max(1, round(len(own) * settings.test_size)) :]] = TEST
    if not (parts == VALIDATION).any() and settings.validation:
        own = np.flatnonzero(parts == 0)
        parts[own[len(own) - max(1, round(len(own) * settings.validation)) :]] = VALIDATION
    found = Division(*(np.flatnonzero(parts == part) for part in (0, VALIDATION, TEST)))
    if not len(found.fit):
        raise DataError(
            f"{data.source}: {len(data)} sentences leave none for training; give more, or a smaller `test_size` or "
            "`validation`"
        )
    return found


class TagProblem(Problem):
    """Tagging ``data`` as ``settings`` say.

    Args:
        reading: what the tags mean.
        start_from: whose layers, words and weights are gone on from.

    Raises:
        DataError: too few sentences, or tags that ``start_from`` does not know.
    """

    by_length = True
    error_chooses = True

    def __init__(
        self, data: TaggedSentences, settings: TagSettings, reading: Reading, start_from: TagPredictor | None = None
    ) -> None:
        self.data, self.settings, self.start_from = data, settings, start_from
        self.parts = divided(data, settings)
        fit = data.select(self.parts.fit)
        self._held = data.select(self.parts.validation) if len(self.parts.validation) else None
        vectors = None
        if start_from is None:
            if settings.vectors is not None:
                vectors = self._vectors(settings.vectors)
            self.encoding = fit_encoding(
                fit,
                reading.scheme,
                lower=settings.lower,
                normalise=settings.normalise,
                min_count=settings.min_count,
                more_words=() if vectors is None else vectors.words,
                more_tags=() if self._held is None else self._held.known_tags(),
            )
            self.layers = layers_for(self.encoding, settings)
        else:
            self.encoding, self.layers = start_from.encoding, start_from.model.layers
        self.vectors = vectors
        checked = [(VALIDATION, self._held), (TEST, data.select(self.parts.test) if settings.refit else None)]
        for part, sentences in checked:  # now, not after training
            if sentences is not None and len(sentences):
                self.encoding.check_known(replace(sentences, source=data.source_of(part)))
        self.test = data.select(self.parts.test) if len(self.parts.test) else None
        self._reads = Wiring(self.layers).inputs
        self._shift = 0.0

    def _vectors(self, path: str) -> Vectors:
        settings = self.settings
        wanted = {word.lower() if settings.lower else word for words in self.data.words for word in words}
        if settings.normalise:
            wanted |= {normalised(word) for word in wanted}
        found = read_vectors(path, wanted, lower=settings.lower)
        if found.size != settings.word_size:
            raise SettingsError(f"word_size is {settings.word_size}, but those of {found.source} have {found.size}")
        return found

    def initial(self, arrays: dict[str, Array]) -> dict[str, Array]:
        if self.vectors is None:
            return arrays
        arrays = dict(arrays)
        places = {word: place for place, word in enumerate(self.encoding.words)}
        values = self.vectors.values
        for number, layer in enumerate(self.layers):
            if layer.reads == (WORDS,):
                table = arrays[f"{number}.weight"].copy()
                table *= values.std() / max(float(table.std()), 1e-12)  # words without one are as long as the others
                table[[places[word] for word in self.vectors.words]] = values
                arrays[f"{number}.weight"] = table
        return arrays

    def fingerprint(self) -> bytes:
        choices = [to_record(self.settings), self.encoding.record(), [part.tolist() for part in self.parts]]
        digest = hashlib.sha256(jsontext.dumps(choices, sort_keys=True).encode("utf-8", "surrogatepass"))
        digest.update(self.data.digests().tobytes())
        digest.update(jsontext.dumps(self.data.known_tags()).encode("utf-8", "surrogatepass"))
        if self.vectors is not None:
            digest.update(self.vectors.values.tobytes())
        return digest.digest()

    def train(self) -> Examples:
        return self._examples(self.data.select(self.parts.fit))

    def validation(self) -> Examples | None:
        return None if self._held is None else self._examples(self._held)

    def validation_error(self, arrays: dict[str, Array]) -> float | None:
        if self._held is None:
            return None
        said = TagPredictor(Model(self.layers, arrays, "tag"), self._record).tags(self._held)
        return 1 - score(said, self._held.known_tags(), self.encoding.scheme)["f1"]

    def all(self) -> Examples | None:
        return self._examples(self.data) if self.settings.refit else None

    def predictor(self, arrays: dict[str, Array], fitted_on: FittedOn) -> TagPredictor:
        model = Model(self.layers, arrays, "tag")
        if fitted_on == "all":
            return shifted(model, self._record_of(self.data), self._shift)
        if self.settings.balance and self._held is not None:
            self._shift = find_shift(model, self._record, self._held)
        return shifted(model, self._record, self._shift)

    @cached_property
    def _record(self) -> Record:
        """What is known before the test."""
        return self._record_of(self.data.select(np.sort(np.concatenate([self.parts.fit, self.parts.validation]))))

    def _record_of(self, part: TaggedSentences) -> Record:
        before = () if self.start_from is None else self.start_from.record.seen
        return Record(self.encoding, fit_most_frequent(part), (*before, seen_in(part)))

    def _examples(self, data: TaggedSentences) -> Examples:
        inputs, lengths = self.encoding.inputs(data, self._reads)
        steps = int(lengths.max())
        whole = bool((lengths == steps).all())
        return Examples(inputs, self.encoding.targets(data, steps), None if whole else lengths)
