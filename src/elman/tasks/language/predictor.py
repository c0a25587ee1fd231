"""A trained language model: what each token costs, what comes next, its test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from elman.data.texts import Text
from elman.errors import DataError, ElmanError, ModelFileError
from elman.learning import Columns, Evaluation, Example, Predictor
from elman.model import Model, SoftmaxHead, Stream, stream_of
from elman.tasks.language.explaining import example_of
from elman.tasks.language.ngrams import Ngrams, ngrams_from_record
from elman.tasks.language.overlap import Fitted, fitted_from_record, has_seen
from elman.tasks.language.scores import evaluation_of
from elman.tasks.language.vocabulary import Vocabulary, vocabulary_from_record

Array = np.ndarray
STEPS = 2048  # run at once
MOST_FITTED = 100  # texts that a model was fitted on, one after the other
MOST_ROWS = 1_000_000  # of predictions.csv
KEYS = {"vocabulary", "ngrams", "fitted"}


@dataclass(frozen=True)
class Record:
    """What a language model knows besides its weights: its tokens, the baselines, and what it was fitted on."""

    vocabulary: Vocabulary
    ngrams: Ngrams = field(repr=False)
    fitted: tuple[Fitted, ...]

    def to_record(self) -> dict[str, Any]:
        """JSON values, for the model file."""
        return {
            "vocabulary": self.vocabulary.record(),
            "ngrams": self.ngrams.record(),
            "fitted": [one.record() for one in self.fitted],
        }


def record_from(values: Any) -> Record:
    """What :meth:`Record.to_record` wrote.

    Raises:
        ModelFileError: it is not that.
    """
    if not isinstance(values, dict) or values.keys() != KEYS or not isinstance(values["fitted"], list):
        raise ModelFileError(f"its record must have {', '.join(sorted(KEYS))}")
    if not 0 < len(values["fitted"]) <= MOST_FITTED:
        raise ModelFileError(f"it names {len(values['fitted'])} texts that it was fitted on")
    vocabulary = vocabulary_from_record(values["vocabulary"])
    ngrams = ngrams_from_record(values["ngrams"], vocabulary.size)
    return Record(vocabulary, ngrams, tuple(map(fitted_from_record, values["fitted"])))


class LanguagePredictor(Predictor):
    """Writes with ``model``, which was trained for the task ``language``.

    Raises:
        ModelFileError: another task's model, a malformed record, or layers that do not do what it says: found when a
            file is read, not when it is used.
    """

    def __init__(self, model: Model, record: Record | None = None) -> None:
        if model.task != "language":
            raise ModelFileError(f"it was trained for {model.task!a:.40}, not to write")
        self.model, self.record = model, record_from(model.encoding) if record is None else record
        size = self.vocabulary.size
        try:
            output, _ = model(np.array([[size - 1]]))
        except (ElmanError, ValueError, IndexError) as error:
            raise ModelFileError(f"its layers do not read its tokens ({str(error)!a:.80})") from error
        if not isinstance(model.head, SoftmaxHead) or output.shape != (1, 1, size) or not model.wiring.causal:
            raise ModelFileError("its layers do not tell the token that follows")

    @property
    def vocabulary(self) -> Vocabulary:
        """Its tokens."""
        return self.record.vocabulary

    def nats(self, text: Text) -> Array:
        """What each token of ``text`` but the first costs: minus the logarithm of the probability that it was given.

        The text is read in order, once, the state carried from its first token to its last. A character that has no
        class costs its class, and the logarithm of how many others have none.

        Returns:
            (N - 1,) float64.

        Raises:
            DataError: fewer than two tokens, or of another kind.
        """
        found = []
        for logits, targets in self.steps(text):
            top = logits.max(axis=-1)
            total = np.log(np.exp(logits - top[:, None]).sum(axis=-1)) + top
            found.append(total - logits[np.arange(len(targets)), targets] + self.extra(targets))
        return np.concatenate(found)

    def steps(self, text: Text) -> Iterator[tuple[Array, Array]]:
        """The logits after each token but the last, (n, V) float64, and the classes that follow, (n,) int64, a piece of
        the text at a time, the state carried.

        Raises:
            DataError: fewer than two tokens, or of another kind; logits that are not finite.
        """
        indices = self.vocabulary.indices(text)
        if len(indices) < 2:
            raise DataError(f"{text.source}: a single token, after which nothing comes; give a longer text")
        state = None
        for start in range(0, len(indices) - 1, STEPS):
            inputs = np.asarray(indices[start : start + STEPS][: len(indices) - 1 - start])
            targets = np.asarray(indices[start + 1 : start + 1 + len(inputs)], np.int64)
            with np.errstate(over="ignore", invalid="ignore"):
                output, state = self.model(inputs[None], state=state)
            if not np.isfinite(output).all():
                raise DataError(f"{text.source}: the model's logits are not finite; train it again")
            yield output[0].astype(np.float64), targets

    def extra(self, targets: Array) -> Array:
        """What tokens cost beyond their classes: those that have none of their own."""
        return np.where(targets == self.vocabulary.unknown, self.vocabulary.nats_of_unknown, 0.0)

    def predict(self, data: Text) -> Columns:
        """``position`` from 0, ``token``, ``nats``; the first token follows nothing, and is left out."""
        return self._table(self.vocabulary.indices(data), self.nats(data))

    def _table(self, indices: Array, nats: Array) -> Columns:
        names = [self.vocabulary.shown(k) for k in range(self.vocabulary.size)]
        tokens = [names[k] for k in np.asarray(indices[1:]).tolist()]
        return {"position": list(range(1, len(tokens) + 1)), "token": tokens, "nats": nats.tolist()}

    def evaluate(self, test: Text) -> Evaluation:
        """Scores on ``test``, read as :meth:`nats` does: nothing is learned from it.

        Raises:
            DataError: it is too short.
        """
        indices, nats = self.vocabulary.indices(test), self.nats(test)
        targets = np.asarray(indices[1:], np.int64)
        extra = self.extra(targets)
        baselines = {name: own + extra for name, own in self.record.ngrams.nats(indices).items()}
        rows = self._table(indices[: MOST_ROWS + 1], nats[:MOST_ROWS])
        return evaluation_of(test, self.vocabulary, targets, nats, baselines, rows)

    def has_seen(self, test: Text) -> bool:
        return has_seen(self.record.fitted, test)

    def stream(self) -> Stream:
        """One token in, the probabilities of those that may follow out, (V,) float32: see :meth:`vocabulary`.

        A token is a character, or of a model of bytes a number from 0 to 255.
        """
        places = {chr(point): k for k, point in enumerate(self.vocabulary.points)}
        unknown = self.vocabulary.unknown

        def index(token: Any) -> int:
            if self.vocabulary.tokens == "bytes":
                if isinstance(token, int | np.integer) and 0 <= token < self.vocabulary.size:
                    return int(token)
                raise DataError(f"a stream takes a byte a step, a whole number from 0 to 255, not {token!r:.60}")
            if isinstance(token, str) and len(token) == 1:
                return places.get(token, unknown)
            raise DataError(f"a stream takes one character a step, not {token!r:.60}")

        return stream_of(self.model, index)

    def example(self, data: Text, number: int) -> Example:
        return example_of(self.model, self.vocabulary, data, number)

    def describe(self) -> list[str]:
        vocabulary = self.vocabulary
        if vocabulary.tokens == "bytes":
            what = "reads bytes"
        else:
            shown = "".join(chr(point) for point in vocabulary.points[:80]).translate({10: "⏎", 13: None})
            more = " …" if len(vocabulary.points) > 80 else ""
            what = f"knows {len(vocabulary.points)} characters: {shown}{more}"
        return [what, f"fitted on {', then '.join(str(one.length) for one in self.record.fitted)} tokens"]
