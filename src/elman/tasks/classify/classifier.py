"""The classifier of sequences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np

from elman.data import SequenceColumns, Sequences, read_sequences
from elman.data.generated_data import generated_sequences
from elman.errors import SettingsError
from elman.learning import Columns, Predictor
from elman.model import Model
from elman.runs.estimator import Estimator
from elman.tasks.classify.predictor import ClassifyPredictor
from elman.tasks.classify.problem import ClassifyProblem, divided
from elman.tasks.classify.settings import ClassifyColumns, ClassifySettings


class SequenceClassifier(Estimator):
    """Tells the class of a sequence with a recurrent network.

    Takes the settings of ``elman train classify`` as keywords; :class:`elman.tasks.classify.ClassifySettings` says what
    each means. Data are whatever :func:`elman.data.read_sequences` reads: files and folders of several formats, frames,
    arrays with their labels.

    Raises:
        SettingsError: an unknown setting, or a value out of range.

    >>> rising = np.linspace(0, 1, 8) + np.random.default_rng(0).normal(0, 0.1, (40, 8))
    >>> x, y = np.concatenate([rising, rising[:, ::-1]]), ["up"] * 40 + ["down"] * 40
    >>> classifier = SequenceClassifier(hidden_size=8, epochs=20, learning_rate=0.02).fit(x, y)
    >>> classifier.predict(np.linspace(0, 1, 8)[None])["prediction"]
    ['up']
    """

    task_name = "classify"
    settings_class = ClassifySettings
    columns_class = ClassifyColumns

    def fit(self, data: Any, labels: Any = None, **given: Any) -> Self:
        """Train; as :meth:`elman.runs.estimator.Estimator.fit`, and the labels may stand beside the values."""
        return super().fit(data if labels is None else (data, labels), **given)

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the columns of :meth:`predict_proba`."""
        return self._final().classes

    def predict_proba(self, data: Any = None, **columns: Any) -> np.ndarray:
        """The probability of each class for each sequence, (N, C) float64.

        Raises:
            DataError: data that the model cannot answer for.
        """
        final = self._final()
        return final.probabilities(self.data if data is None else self.read(data, **columns))

    def top(self, data: Any = None, k: int = 3, **columns: Any) -> Columns:
        """The ``k`` likeliest classes of each sequence, a row each: ``id``, ``rank`` (from 1), ``class``, ``p``.

        Raises:
            SettingsError: ``k`` is not from 1 to the number of classes.
            DataError: data that the model cannot answer for.
        """
        final = self._final()
        if not 1 <= k <= len(final.classes):
            raise SettingsError(f"k is {k}; it must be from 1 to {len(final.classes)}, the number of classes")
        dataset = self.data if data is None else self.read(data, **columns)
        p = final.probabilities(dataset)
        order = np.argsort(-p, axis=1, kind="stable")[:, :k]
        return {
            "id": [name for name in dataset.ids for _ in range(k)],
            "rank": [rank for _ in dataset.ids for rank in range(1, k + 1)],
            "class": [final.classes[place] for place in order.ravel()],
            "p": np.take_along_axis(p, order, axis=1).ravel().tolist(),
        }

    def _final(self) -> ClassifyPredictor:
        predictor = self.outcome.final
        assert isinstance(predictor, ClassifyPredictor)
        return predictor

    def _read(self, source: Any, columns: ClassifyColumns) -> Sequences:
        if (generated := generated_sequences(source)) is not None:
            return generated
        named = SequenceColumns(columns.label, columns.id, columns.value, columns.symbols, columns.layout)
        found: Sequences = read_sequences(source, named, view=columns.as_, permute=columns.permute, options=columns)
        return found

    def _read_test(self, source: Any, data: Sequences) -> Sequences:
        return self._read(source, self.columns)

    def _join(self, data: Sequences, test: Sequences) -> tuple[Sequences, Sequences]:
        data.known_labels()
        test.known_labels()
        whole = data.followed_by(test)
        return whole, whole.select(divided(whole, self.settings).test)

    def _held_out(self, data: Sequences, predictor: Predictor) -> Sequences | None:
        test = divided(data, self.settings).test
        return data.select(test) if test.any() else None

    def _to_score(self, data: Sequences, predictor: Predictor) -> Sequences:
        """Of a test that the data bring, or else of all of them, what the model has not seen; all, if it saw all."""
        assert isinstance(predictor, ClassifyPredictor)
        data.known_labels()
        test = data if data.is_test is None else data.select(data.is_test)
        unseen = predictor.unseen(test)
        if unseen.all() or not unseen.any():
            return test
        note = f"{int((~unseen).sum())} more were seen in training and are not scored"
        return replace(test.select(unseen), note=note)

    def _named(self, test: Sequences) -> str:
        return f"{test.source}: its {len(test)} sequences"

    def _describe(self, data: Sequences) -> list[str]:
        lines = data.describe()
        if data.is_test is not None:
            left_out = int(data.is_test.sum() - divided(data, self.settings).test.sum())
            if left_out:
                lines.append(f"{left_out} of the test stand in the training part as well: they are not scored")
        return lines

    def _problem(self, data: Sequences, held_out: Any | None, start_from: Predictor | None) -> ClassifyProblem:
        assert start_from is None or isinstance(start_from, ClassifyPredictor)
        return ClassifyProblem(data, self.settings, start_from)

    @staticmethod
    def _predictor(model: Model) -> ClassifyPredictor:
        return ClassifyPredictor(model)
