"""A trained classifier: its record parsed once, its probabilities, its test, and as a stream."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from elman.data import Sequences, digests
from elman.errors import DataError, ElmanError, ModelFileError, SettingsError
from elman.learning import Columns, Evaluation, Example, Metric, Predictor
from elman.model import EnsembleHead, Model, SoftmaxHead, Stream, stepper_of
from elman.model.file import model_digest
from elman.tasks.classify.baselines import LABELS, Baselines, baselines_from_record
from elman.tasks.classify.calibration import HIGH, LOW, at_temperature, nats, reliability
from elman.tasks.classify.encoding import Encoding, encoding_from_record
from elman.tasks.classify.explaining import example_of
from elman.tasks.classify.figures import figures_of, worst_mistakes
from elman.tasks.classify.scores import METRICS, confusion, score, verdict, wilson

Array = np.ndarray
BATCH = 1024
TOP = 3
KEYS = {"encoding", "temperature", "baselines", "seen"}


@dataclass(frozen=True)
class Knowledge:
    """What a classifier knows besides its weights.

    Args:
        temperature: what its logits are divided by, fitted on the validation part alone.
        seen: digests of the sequences that it was fitted on, or chosen by.
    """

    encoding: Encoding
    temperature: float
    baselines: Baselines
    seen: Array = field(repr=False)

    def record(self) -> dict[str, Any]:
        """JSON values, for the model file."""
        return {
            "encoding": self.encoding.record(),
            "temperature": self.temperature,
            "baselines": self.baselines.record(),
            "seen": digests.packed(np.unique(self.seen)),
        }


def knowledge_from_record(record: Any) -> Knowledge:
    """What :meth:`Knowledge.record` wrote.

    Raises:
        ModelFileError: it is not that.
    """
    if not isinstance(record, dict) or record.keys() != KEYS:
        raise ModelFileError(f"its record must have {', '.join(sorted(KEYS))}")
    encoding, temperature = encoding_from_record(record["encoding"]), record["temperature"]
    if type(temperature) not in (int, float) or not LOW <= temperature <= HIGH:
        raise ModelFileError(f"its temperature is {temperature!r:.40}")
    baselines = baselines_from_record(record["baselines"], encoding)
    return Knowledge(encoding, float(temperature), baselines, digests.unpacked(record["seen"]))


class ClassifyPredictor(Predictor):
    """Tells classes with ``model``, which was trained for the task ``classify``.

    Raises:
        ModelFileError: another task's model, a malformed record, or layers that do not do what it says: found when a
            file is read, not when it is used.
    """

    def __init__(self, model: Model) -> None:
        if model.task != "classify":
            raise ModelFileError(f"it was trained for {model.task!a:.40}, not to classify")
        self.model, self.known = model, knowledge_from_record(model.encoding)
        encoding = self.known.encoding
        first = np.zeros((1, 1, encoding.input_size), "f4")
        try:
            found = model.predict(first if encoding.channels else np.array([[encoding.input_size - 1]]))
        except (ElmanError, ValueError, IndexError) as error:
            raise ModelFileError(f"its layers do not read its sequences ({str(error)!a:.80})") from error
        if not isinstance(model.head, SoftmaxHead | EnsembleHead) or found.shape != (1, len(encoding.classes)):
            raise ModelFileError("its layers do not tell its classes")

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the probabilities."""
        return self.known.encoding.classes

    def probabilities(self, data: Sequences) -> Array:
        """Of each class for each sequence, (N, C) float64.

        Raises:
            DataError: data of another kind than those in training, or so far from them that the arithmetic overflows.
        """
        parts = [self._some(data.select(np.arange(k, min(k + BATCH, len(data))))) for k in range(0, len(data), BATCH)]
        return at_temperature(np.concatenate(parts), self.known.temperature)

    def _some(self, data: Sequences) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            found = self.model.predict(self.known.encoding.inputs(data), data.lengths)
        return self._finite(found, data.source)

    def _finite(self, found: Array, what: str) -> Array:
        if not np.isfinite(found).all():
            raise DataError(f"{what}: values too far from those in training; check their units")
        return found

    def predict(self, data: Sequences) -> Columns:
        """``id``, ``prediction``, and ``p_CLASS`` for each class."""
        return self._table(data, self.probabilities(data))

    def _table(self, data: Sequences, p: Array) -> Columns:
        table: Columns = {"id": list(data.ids), "prediction": [self.classes[k] for k in p.argmax(axis=1)]}
        return table | {f"p_{name}": column.tolist() for name, column in zip(self.classes, p.T, strict=True)}

    def evaluate(self, test: Sequences) -> Evaluation:
        """Scores on ``test``, which has labels.

        Raises:
            DataError: it has none, or one that the model does not know.
        """
        encoding, count = self.known.encoding, len(test)
        targets = encoding.targets(test)
        p = self.probabilities(test)
        own = p.argmax(axis=1)
        baselines = self.known.baselines.predictions(encoding.inputs(test), test.lengths, encoding)
        low, high = wilson(int((own == targets).sum()), count)
        top = np.argsort(-p, axis=1)[:, :TOP]
        table = self._table(test, p)
        facts = {
            "test_size": count,
            "classes": list(self.classes),
            "accuracy_from": low,
            "accuracy_to": high,
            f"top_{TOP}": float((top == targets[:, None]).any(axis=1).mean()),
            "nats": nats(p, targets),
            "calibration_error": reliability(p, targets).error,
            "temperature": self.known.temperature,
            "confusion": confusion(own, targets, len(self.classes)).tolist(),
        }
        return Evaluation(
            title=(
                f"Test: {count} sequences of {len(self.classes)} classes; accuracy between {low:.4f} and {high:.4f} "
                f"with 95 % confidence, calibration error {facts['calibration_error']:.4f}"
                + (f"; {test.note}" if test.note else "")
            ),
            metrics=tuple(Metric(name, "higher") for name in METRICS),
            scores=score(own, targets),
            baselines={name: score(found, targets) for name, found in baselines.items()},
            labels=LABELS,
            facts=facts,
            verdict=verdict(own, baselines, targets),
            rows={"id": table.pop("id"), "y": list(test.known_labels()), **table},
            figures=figures_of(test, self.classes, p, targets),
            worst=worst_mistakes(test, self.classes, p, targets),
        )

    def unseen(self, data: Sequences) -> Array:
        """(N,) bool: which the model was neither fitted on nor chosen by."""
        return ~np.isin(data.digests(), self.known.seen)

    def has_seen(self, test: Sequences) -> bool:
        return not self.unseen(test).all()

    def stream(self) -> Stream:
        """One step in, the probabilities so far out, (C,) float64.

        A step is a number, (I,) of them with NaN where one is missing, or a symbol.

        Raises:
            SettingsError: the model also reads backwards or ahead.
        """
        if not self.model.wiring.causal:
            raise SettingsError(
                "this model has no single step: it reads backwards from a sequence's end, or ahead in a convolution; "
                "train one with neither"
            )

        run = stepper_of(self.model)

        def step(x: Any, state: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
            with np.errstate(over="ignore", invalid="ignore"):
                output, new = run(self._one_step(x), state)
                found = self._finite(self.model.decode(output[None]), "the stream")
            return at_temperature(found[0], self.known.temperature), new

        initial = self.model.initial_state(1)
        return Stream(step, initial, identity=model_digest(self.model), finite=initial)

    def _one_step(self, x: Any) -> Array:
        encoding = self.known.encoding
        if not encoding.channels:
            if not isinstance(x, str) or len(x) != 1:
                raise DataError(f"a stream takes one symbol a step, not {x!r:.60}")
            known = encoding.alphabet
            return np.array(known.index(x) if x in known else len(known))
        try:
            values = np.asarray(x, np.float32).reshape(1, 1, encoding.channels)
        except (TypeError, ValueError):
            raise DataError(f"a stream takes {encoding.channels} numbers a step, not {x!r:.60}") from None
        if np.isinf(values).any():
            raise DataError("a stream takes finite numbers, or nan for a missing one; it got an infinite one")
        one: Array = encoding.numbers(values, np.ones(1, np.int64))[0, 0]
        return one

    def example(self, data: Sequences, number: int) -> Example:
        return example_of(self.model, self.known.encoding, self.known.temperature, data, number)

    def describe(self) -> list[str]:
        encoding = self.known.encoding
        what = f"{encoding.channels} channels" if encoding.channels else f"symbols {''.join(encoding.alphabet)[:40]}"
        return [
            f"{len(self.classes)} classes: {', '.join(self.classes[:12])}" + (" …" if len(self.classes) > 12 else ""),
            f"reads {what}; temperature {self.known.temperature:g}",
            f"fitted on {len(self.known.seen)} different sequences",
        ]


def with_knowledge(model: Model, known: Knowledge) -> ClassifyPredictor:
    """A predictor of ``model`` that knows ``known``."""
    return ClassifyPredictor(replace(model, encoding=known.record()))
