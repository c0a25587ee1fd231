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
from elman.tasks.language.predictor import LanguagePredictor
from elman.tasks.language.problem import LanguageProblem, divided
from elman.tasks.language.settings import LanguageColumns, LanguageSettings
from elman.tasks.language.writing import write


class LanguageModel(Estimator):
    """Writes like a text, a character or a byte at a time, with a recurrent network.

    Takes the settings of ``elman train language`` as keywords; :class:`elman.tasks.language.LanguageSettings` says what
    each means. Data are whatever :func:`elman.data.read_text` reads: paths of files and folders, ``"-"`` for standard
    input, or ``{"text": "…"}``.

    Raises:
        SettingsError: an unknown setting, or a value out of range.

    >>> model = LanguageModel(hidden_size=16, num_layers=1, epochs=6, batch_size=4, bptt=16, learning_rate=0.03)
    >>> model = model.fit({"text": "to be or not to be " * 60})
    >>> model.generate("to be", length=14, temperature=0)
    ' or not to be '
    """

    task_name = "language"
    settings_class = LanguageSettings
    columns_class = LanguageColumns

    def generate(self, prompt: str = "\n", **choices: Any) -> str:
        """What the model writes after ``prompt``; ``choices`` are those of :class:`elman.runs.writing.WritingSettings`.

        Raises:
            DataError: a prompt with characters that the model does not know.
            SettingsError: an unknown choice, or one out of range.
        """
        return "".join(self.writes(WritingSettings(prompt=prompt, **choices)))

    def writes(self, settings: WritingSettings) -> Iterator[str]:
        final = self.outcome.final
        assert isinstance(final, LanguagePredictor)
        return write(final, settings)

    def _read(self, source: Any, columns: LanguageColumns) -> Any:
        return read_text(source, columns.tokens)

    def _read_test(self, source: Any, data: Text) -> Text:
        return read_text(source, data.tokens)

    def _join(self, data: Text, test: Text) -> tuple[Text, Text]:
        return data.followed_by(test), test

    def _held_out(self, data: Text, predictor: Predictor) -> Text | None:
        known = divided(data, self.settings).known
        return data.part(known) if known < len(data) else None

    def _to_score(self, data: Text, predictor: Predictor) -> Text:
        """What follows the text that the model was fitted on, where ``data`` begin with it; else all of them."""
        assert isinstance(predictor, LanguagePredictor)
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
        parts = divided(data, self.settings) if self._test_from is None else None
        known = self._test_from if parts is None else parts.known
        tokens = "bytes" if data.tokens == "bytes" else "characters"
        lines = [f"{data.source}: {len(data)} {tokens}", *data.notes]
        predictor = self.outcome.final
        assert isinstance(predictor, LanguagePredictor)
        unknown = int((predictor.vocabulary.indices(data) == predictor.vocabulary.unknown).sum())
        if unknown:
            lines.append(f"{unknown} of them have no class of their own: too rare, or only in the test")
        if parts is not None:
            lines.append(f"fitted on the first {parts.fit}, chosen by the next {parts.known - parts.fit}")
        return [*lines, f"the test: the last {len(data) - known}"] if known is not None and known < len(data) else lines

    def _problem(self, data: Text, held_out: Text | None, start_from: Predictor | None) -> LanguageProblem:
        assert start_from is None or isinstance(start_from, LanguagePredictor)
        self._test_from = None if held_out is None else len(data) - len(held_out)
        if start_from is not None and start_from.vocabulary.tokens != data.tokens:
            raise DataError(
                f"{data.source}: read as {data.tokens}, but the model reads {start_from.vocabulary.tokens}; read it "
                "as that, or train a new model"
            )
        return LanguageProblem(data, self.settings, self._test_from, start_from)

    _test_from: int | None = None

    @staticmethod
    def _predictor(model: Model) -> LanguagePredictor:
        return LanguagePredictor(model)
