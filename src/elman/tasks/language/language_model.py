"""The estimator that writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from elman.data.texts import Text, read_text
from elman.errors import DataError
from elman.learning import Evaluation, Predictor
from elman.model import Model
from elman.runs.estimator import Estimator
from elman.runs.writing import WritingSettings
from elman.settings import from_record
from elman.tasks.language.overlap import check_apart
from elman.tasks.language.predictor import LanguagePredictor
from elman.tasks.language.problem import LanguageProblem, divided, start_of_test
from elman.tasks.language.settings import LanguageColumns, LanguageSettings
from elman.tasks.language.writing import write


class LanguageModel(Estimator):
    """Writes like a text, a character or a byte at a time, with a recurrent network.

    Takes the settings of ``elman train language`` as keywords; :class:`elman.tasks.language.LanguageSettings` says what
    each means. Data are whatever :func:`elman.data.read_text` reads: paths of files and folders, ``"-"`` for standard
    input, or ``{"text": "…"}``.

    Raises:
        SettingsError: an unknown setting, or a value out of range.

    >>> model = LanguageModel(hidden_size=16, num_layers=1, epochs=9, batch_size=4, bptt=16, learning_rate=0.03)
    >>> model = model.fit({"text": "to be or not to be " * 60})
    >>> model.generate("or", length=10, temperature=0)
    ' not to be'
    """

    task_name = "language"
    settings_class = LanguageSettings
    columns_class = LanguageColumns

    def generate(self, prompt: str | None = None, **choices: Any) -> str:
        """What the model writes after ``prompt``; ``choices`` are those of :class:`elman.runs.writing.WritingSettings`.

        Raises:
            DataError: a prompt with characters that the model does not know.
            SettingsError: an unknown choice, or one out of range.
        """
        return "".join(self.writes(from_record(WritingSettings, {"prompt": prompt, **choices})))

    def writes(self, settings: WritingSettings) -> Iterator[str]:
        final = self.outcome.final
        assert isinstance(final, LanguagePredictor)
        return write(final, settings)

    def _read(self, source: Any, columns: LanguageColumns) -> Any:
        return read_text(source, columns.tokens)

    def _read_test(self, source: Any, data: Text) -> Text:
        return read_text(source, data.tokens)

    def _join(self, data: Text, test: Text) -> tuple[Text, Text]:
        check_apart(data, test)
        return data.with_test(test), test

    def _with_validation(self, data: Text, validation: Text) -> Text:
        known = start_of_test(data, self.settings)
        if data.test_from is not None:
            check_apart(validation, data.part(known))
        return data.with_validation(validation, known)

    def _held_out(self, data: Text, predictor: Predictor) -> Text | None:
        known = divided(data, self.settings).known
        return data.part(known) if known < len(data) else None

    def _to_score(self, data: Text, predictor: Predictor) -> Text:
        """What follows the text that the model was fitted on, where ``data`` begin with it; else all of them."""
        assert isinstance(predictor, LanguagePredictor)
        _check_tokens(data, predictor)
        for fitted in predictor.record.fitted:
            if fitted.length < len(data) and fitted.begins(data):
                return data.part(fitted.length)
        return data

    def _adapted(self, test: Text, predictor: Predictor, evaluation: Evaluation) -> Evaluation:
        from elman.tasks.language.adapting import adapted

        assert isinstance(predictor, LanguagePredictor)
        return adapted(test, predictor, evaluation)

    def _named(self, test: Text) -> str:
        return f"{test.source}: its {len(test)} tokens"

    def _describe(self, data: Text) -> list[str]:
        fit, known, whole = divided(data, self.settings)
        tokens = "bytes" if data.tokens == "bytes" else "characters"
        lines = [f"{data.source}: {data.own_length} {tokens}", *data.notes]
        predictor = self.outcome.final
        assert isinstance(predictor, LanguagePredictor)
        unknown = int((predictor.vocabulary.indices(data) == predictor.vocabulary.unknown).sum())
        if unknown:
            lines.append(f"{unknown} of them have no class of their own: too rare, or only in the test")
        return [
            *lines,
            f"fitted on the first {fit}, chosen by the next {known - fit}, the test: the last {whole - known}",
        ]

    def _problem(self, data: Text, held_out: Text | None, start_from: Predictor | None) -> LanguageProblem:
        assert start_from is None or isinstance(start_from, LanguagePredictor)
        if start_from is not None:
            _check_tokens(data, start_from)
        return LanguageProblem(data, self.settings, start_from)

    @staticmethod
    def _predictor(model: Model) -> LanguagePredictor:
        return LanguagePredictor(model)


def _check_tokens(data: Text, predictor: LanguagePredictor) -> None:
    if predictor.vocabulary.tokens != data.tokens:
        raise DataError(
            f"{data.source}: read as {data.tokens}, but the model reads {predictor.vocabulary.tokens}; read it as "
            "that, or train a new model"
        )
