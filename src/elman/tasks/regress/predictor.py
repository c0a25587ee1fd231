"""A trained regressor: its record parsed once, its predictions for sequences, their scores, and as a stream."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.data import AlignedSequence, SequenceTable
from elman.errors import DataError, ModelFileError
from elman.learning import Columns, Evaluation, Example, Predictor
from elman.model import LastStep, Layer, Linear, Model, PointHead, RecurrentLayers, Stream, recurrent_layers
from elman.tasks.regress.borders import border_jumps
from elman.tasks.regress.examples import batch_of
from elman.tasks.regress.explaining import example_of
from elman.tasks.regress.figures import figures_of
from elman.tasks.regress.fitted import fitted_until
from elman.tasks.regress.record import Record
from elman.tasks.regress.scores import BASELINES, METRICS, Told, labels_of, score, verdict, worst_steps
from elman.tasks.regress.settings import RegressSettings
from elman.tasks.regress.split import Part
from elman.tasks.regress.streaming import stream_of
from elman.tasks.regress.words import border_note, count_of, extrapolation_note

Array = np.ndarray


def layers_for(record: Record, settings: RegressSettings) -> tuple[Layer, ...]:
    """The network: recurrent layers, and a linear one from each state, or from the last one."""
    count = len(record.targets)
    ends = (LastStep(),) if record.last else ()
    linear = Linear(settings.hidden_size, count)
    return (recurrent_layers(settings, len(record.inputs)), *ends, linear, PointHead(settings.loss, count))


class RegressPredictor(Predictor):
    """Tells targets with ``model``, which was trained for the task ``regress``.

    Raises:
        ModelFileError: another task's model, a malformed record, or layers that do not do what it says.
    """

    def __init__(self, model: Model) -> None:
        if model.task != "regress":
            raise ModelFileError(f"it was trained for {model.task!a:.40}, not for regression")
        self.model, self.record = model, Record.from_record(model.encoding)
        match model.layers:
            case (RecurrentLayers(layout=layout), *between, Linear(), PointHead(size=count)):
                good = layout.input_size == len(self.record.inputs) and count == len(self.record.targets)
                good = good and tuple(map(type, between)) == ((LastStep,) if self.record.last else ())
                good = good and not layout.bidirectional
            case _:
                good = False
        if not good:
            raise ModelFileError("its layers do not make its predictions")

    def outputs(self, data: SequenceTable) -> list[Array]:
        """Predictions for each sequence, (T, K) float64, or (1, K) for a whole one.

        Raises:
            DataError: other inputs than in training, or values so far off that the arithmetic overflows.
        """
        record = self.record
        record.check_inputs(data)
        with np.errstate(over="ignore", invalid="ignore"):
            inputs, lengths = batch_of(record, data)
            found = record.decode(self.model.predict(inputs, lengths))
        rows = np.split(found[0], np.cumsum(data.steps)[:-1]) if record.carry else list(found)
        if not record.last and not record.carry:
            rows = [row[:steps] for row, steps in zip(rows, data.steps, strict=True)]
        predictions = [row.reshape(-1, len(record.targets)) for row in rows]
        if not all(np.isfinite(prediction).all() for prediction in predictions):
            raise DataError(
                "a prediction is not a finite number: inputs too far from those in training; check their units"
            )
        return predictions

    def predict(self, data: SequenceTable) -> Columns:
        """Every step of each sequence, or its last one: ``id``, ``step`` (from 0), ``ds``, ``prediction``.

        With several targets, a row for each and a column ``target``.

        Raises:
            DataError: other inputs than in training.
        """
        rows = self._rows(self.told(Part(data, (0,) * len(data))))
        del rows["y"]
        return rows

    def told(self, part: Part) -> list[Told]:
        """The model's and the baselines' predictions for ``part`` and what precedes it, sequence by sequence."""
        numbers = [k for k, size in enumerate(part.sizes) if self.record.carry or size]
        part = part.needed(self.record.carry)
        outputs = self.outputs(part.data)
        return [
            self._told(number, sequence, start, output)
            for number, sequence, start, output in zip(numbers, part.data, part.starts, outputs, strict=True)
        ]

    def _told(self, number: int, sequence: AlignedSequence, start: int, output: Array) -> Told:
        record, last = self.record, self.record.last
        at = slice(-1, None) if last else slice(None)
        outside, truth = record.outside(sequence.inputs), sequence.targets[at]
        if truth.shape[1] != output.shape[1]:  # inputs alone: nobody knows how many targets there would be
            truth = np.full_like(output, np.nan)
        return Told(
            id=sequence.id,
            number=number,
            start=0 if last else start,
            labels=sequence.labels[at],
            inputs=sequence.inputs if last else sequence.inputs[at],
            truth=truth,
            predictions={
                "model": output,
                "mean": np.broadcast_to(np.array(record.mean), output.shape),
                "linear": record.linear_prediction(sequence.inputs[at]),
            },
            outside=np.asarray(outside.any(axis=0, keepdims=True)) if last else outside,
            last=last,
        )

    def evaluate(self, test: Part) -> Evaluation:
        """The predictions of the part, scored beside the baselines'.

        Raises:
            DataError: no targets, or other inputs than in training.
        """
        record = self.record
        record.check_targets(test.data)
        told = self.told(test)
        scored = [one for one in told if one.start < len(one.truth)]
        steps = sum(len(one.truth) - one.start for one in scored)
        facts: dict[str, Any] = {
            "test_size": steps,
            "sequences": len(scored),
            "inputs": list(record.inputs),
            "targets": list(record.targets),
            "extrapolated": sum(int(one.outside[one.start :].any(axis=1).sum()) for one in scored),
        }
        jumps = border_jumps(scored, carry=record.carry)
        if jumps is not None:
            facts["border_jump"] = {**jumps._asdict(), "excess": jumps.excess}
        if len(record.targets) > 1:
            facts["by_target"] = {name: score(scored, "model", k) for k, name in enumerate(record.targets)}
        return Evaluation(
            title=f"Test: {count_of(scored)}; inputs {', '.join(record.inputs)}; target {', '.join(record.targets)}",
            metrics=METRICS,
            scores=score(scored, "model"),
            baselines={name: score(scored, name) for name in BASELINES},
            labels=labels_of(record.last),
            facts=facts,
            verdict=verdict(scored),
            rows=self._rows(scored),
            figures=figures_of(record, told),
            worst=worst_steps(record.targets, scored),
            notes=tuple(filter(None, (border_note(jumps), extrapolation_note(record, scored)))),
        )

    def _rows(self, told: list[Told]) -> Columns:
        several = len(self.record.targets) > 1
        rows: Columns = {name: [] for name in ("id", "step", "ds", *(["target"] if several else []), "y", "prediction")}
        for one in told:
            steps = range(one.start, len(one.truth))
            first = len(one.inputs) - 1 if one.last else 0
            for k, target in enumerate(self.record.targets):
                rows["id"] += [one.id for _ in steps]
                rows["step"] += [first + step for step in steps]
                rows["ds"] += [one.labels[step] for step in steps]
                if several:
                    rows["target"] += [target for _ in steps]
                rows["y"] += one.truth[one.start :, k].tolist()
                rows["prediction"] += one.predictions["model"][one.start :, k].tolist()
        return rows

    def has_seen(self, test: Part) -> bool:
        ends = self.fitted_until(test.data)
        return not any(test.sizes) or any(end > start for end, start in zip(ends, test.starts, strict=True))

    def fitted_until(self, data: SequenceTable) -> tuple[int, ...]:
        """The step of each sequence up to which the model was fitted on it."""
        return fitted_until(self.record.fitted, data, carry=self.record.carry)

    def stream(self) -> Stream:
        """One step's inputs in, the prediction after it out; see :mod:`elman.tasks.regress.streaming`."""
        return stream_of(self.model, self.record)

    def remarks(self, data: SequenceTable) -> list[str]:
        told = self.told(Part(data, (0,) * len(data)))
        return list(filter(None, [extrapolation_note(self.record, told)]))

    def example(self, data: SequenceTable, number: int) -> Example:
        return example_of(self.model, self.record, data, number)

    def describe(self) -> list[str]:
        record = self.record
        where = "the last step of a sequence" if record.last else "every step"
        ranges = [f"{n} {a:g} to {b:g}" for n, a, b in zip(record.inputs, record.lowest, record.highest, strict=True)]
        return [
            f"tells {', '.join(record.targets)} at {where}" + (", the state carried on" if record.carry else ""),
            f"inputs, with their range in training: {', '.join(ranges[:10])}" + (" …" if len(ranges) > 10 else ""),
        ]
