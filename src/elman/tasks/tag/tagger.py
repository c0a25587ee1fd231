"""The estimator that tags words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from elman.data.generated_data import generated_sentences
from elman.data.tagged import TEST, VALIDATION, TaggedSentences, read_tagged
from elman.errors import SettingsError
from elman.learning import Predictor
from elman.model import Model
from elman.runs.estimator import Estimator
from elman.tasks.tag.balance import shifted
from elman.tasks.tag.predictor import TagPredictor
from elman.tasks.tag.problem import TagProblem, divided
from elman.tasks.tag.schemes import Reading, in_scheme, reading_of
from elman.tasks.tag.seen import check_apart
from elman.tasks.tag.settings import TagColumns, TagSettings


class Tagger(Estimator):
    """Tags the words of sentences by their context, with a recurrent network.

    Takes the settings of ``elman train tag`` as keywords; :class:`elman.tasks.tag.TagSettings` says what each means.
    Data are whatever :func:`elman.data.read_tagged` reads: files in columns, or ``{"words": …, "tags": …}``.

    Raises:
        SettingsError: an unknown setting, or a value out of range.

    >>> words = [["I", "eat", "an", "apple"], ["Apple", "hires", "me"]] * 30
    >>> tags = [["O", "O", "O", "B-fruit"], ["B-org", "O", "O"]] * 30
    >>> tagger = Tagger(hidden_size=16, epochs=10, learning_rate=0.02).fit({"words": words, "tags": tags})
    >>> tagger.predict({"words": [["Apple", "hires", "me"]]})["prediction"]
    ['B-org', 'O', 'O']
    """

    task_name = "tag"
    settings_class = TagSettings
    columns_class = TagColumns

    def _read(self, source: Any, columns: TagColumns) -> TaggedSentences:
        if self._outcome is not None and columns != self.columns:  # of data to be told, not trained on
            assert isinstance(self.outcome.final, TagPredictor)
            _check_scheme(columns.scheme, self.outcome.final)
        if (generated := generated_sentences(source)) is not None:
            return generated
        return read_tagged(source, columns.word_column, columns.tag_column)

    def _read_test(self, source: Any, data: TaggedSentences) -> TaggedSentences:
        return self._read(source, self.columns)

    def _join(self, data: TaggedSentences, test: TaggedSentences) -> tuple[TaggedSentences, TaggedSentences]:
        test = self._like(test, data)
        check_apart(data, test)
        return data.followed_by(test, TEST), test

    def _with_validation(self, data: TaggedSentences, validation: TaggedSentences) -> TaggedSentences:
        if data.parts is not None and (data.parts == TEST).any():
            check_apart(validation, replace(data.select(data.parts == TEST), source=data.source_of(TEST)))
        return data.followed_by(self._like(validation, data), VALIDATION)

    def _like(self, other: TaggedSentences, data: TaggedSentences) -> TaggedSentences:
        """``other`` with its tags in the scheme of ``data``."""
        scheme = reading_of(data.known_tags(), self.columns.scheme, data.source).scheme
        tags = in_scheme(other.known_tags(), scheme, other.source)
        return replace(other, tags=tuple(map(tuple, tags)))

    def _held_out(self, data: TaggedSentences, predictor: Predictor) -> TaggedSentences | None:
        test = divided(data, self.settings).test
        return data.select(test) if len(test) else None

    def _to_score(self, data: TaggedSentences, predictor: Predictor) -> TaggedSentences:
        """What follows the sentences that the model was fitted on, where ``data`` begin with them; else all."""
        assert isinstance(predictor, TagPredictor)
        for seen in predictor.record.seen:
            if seen.count < len(data) and seen.begins(data):
                return data.select(range(seen.count, len(data)))
        return data

    def _named(self, test: TaggedSentences) -> str:
        return f"{test.source}: its {len(test)} sentences"

    def _describe(self, data: TaggedSentences) -> list[str]:
        parts = divided(data, self.settings)
        predictor = self.outcome.final
        assert isinstance(predictor, TagPredictor)
        encoding = predictor.encoding
        lines = data.describe()
        reading = reading_of(data.known_tags(), encoding.scheme, data.source)
        lines.append(f"{len(encoding.tags)} tags, scheme {encoding.scheme}")
        if reading.illegal:
            lines.append(f"{reading.illegal} tags break the rules of {encoding.scheme}: read as conlleval does")
        lines += predictor.shift_told()
        lines.append(f"fitted on {len(parts.fit)}, chosen by {len(parts.validation)}, the test: {len(parts.test)}")
        return lines

    def _problem(self, data: TaggedSentences, held_out: Any | None, start_from: Predictor | None) -> TagProblem:
        assert start_from is None or isinstance(start_from, TagPredictor)
        if start_from is not None:
            _check_scheme(self.columns.scheme, start_from)
        scheme = self.columns.scheme if start_from is None else start_from.encoding.scheme
        reading: Reading = reading_of(data.known_tags(), scheme, data.source)
        return TagProblem(data, self.settings, reading, start_from)

    def _to_go_on_from(self, old: Estimator, data: Any, held_out: Any | None) -> TagPredictor:
        found = super()._to_go_on_from(old, data, held_out)
        assert isinstance(found, TagPredictor)
        return shifted(found.model, found.record, 0.0)

    @staticmethod
    def _predictor(model: Model) -> TagPredictor:
        return TagPredictor(model)


def _check_scheme(named: str, predictor: TagPredictor) -> None:
    own = predictor.encoding.scheme
    if named not in ("auto", own):
        raise SettingsError(f"`scheme` is {named!r}, but the model's tags are of {own!r}: leave it out")
