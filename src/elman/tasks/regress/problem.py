"""A regression job: which steps are for fitting, which for the test, and the scales fitted on the former."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cached_property

from elman import jsontext
from elman.data import SequenceTable
from elman.errors import SettingsError
from elman.learning import Examples, Figure, Predictor, Problem
from elman.learning.problem import FittedOn
from elman.model import Array, Model
from elman.settings import to_record
from elman.tasks.regress.examples import examples_of
from elman.tasks.regress.figures import follow_figure
from elman.tasks.regress.fitted import marks_of
from elman.tasks.regress.predictor import RegressPredictor, layers_for
from elman.tasks.regress.record import Record, fit_record
from elman.tasks.regress.settings import LAST, RegressSettings
from elman.tasks.regress.split import Part, by_sequences, test_part, validation_part


class RegressProblem(Problem):
    """Telling the targets of ``data`` from their inputs, as ``settings`` say.

    Args:
        start_from: whose layers, scales and weights are gone on from.
        test: the part to measure on, instead of what ``settings.test_size`` says.

    Raises:
        DataError: no targets, or too little data; the message names the file and the remedy.
        SettingsError: settings that do not go together.
    """

    def __init__(
        self,
        data: SequenceTable,
        settings: RegressSettings,
        *,
        start_from: RegressPredictor | None = None,
        test: Part | None = None,
    ) -> None:
        data.need_targets()
        if start_from is not None:
            start_from.record.check_inputs(data)
            start_from.record.check_targets(data)
        self.data, self.settings = data, settings
        self.bptt_steps = _segment(data, settings)
        self.test = test_part(data, settings) if test is None else test
        starts = data.steps if self.test is None else self.test.starts
        self.known = data.until(starts)
        self.held_out = validation_part(self.known, settings, whole=by_sequences(data, settings))
        self._old = None if start_from is None else start_from.record
        self.record = fit_record(self.known, settings, self._old)
        self.layers = layers_for(self.record, settings) if start_from is None else start_from.model.layers
        self._starts = starts

    def fingerprint(self) -> bytes:
        choices = [to_record(self.settings), self.record.to_record(), self._starts, self.data.steps]
        digest = hashlib.sha256(jsontext.dumps(choices, sort_keys=True).encode())
        for sequence in self.data:
            digest.update(sequence.id.encode() + sequence.inputs.tobytes() + sequence.targets.tobytes())
        return digest.digest()

    def train(self) -> Examples:
        fit = self.known if self.held_out is None else self.known.until(self.held_out.starts)
        return examples_of(self.record, Part(fit, (0,) * len(fit)))

    def validation(self) -> Examples | None:
        return None if self.held_out is None else examples_of(self.record, self.held_out)

    def all(self) -> Examples:
        return examples_of(self._whole, Part(self.data, (0,) * len(self.data)))

    def predictor(self, arrays: dict[str, Array], fitted_on: FittedOn) -> RegressPredictor:
        record, data = (self.record, self.known) if fitted_on == "train" else (self._whole, self.data)
        before = () if self._old is None else self._old.fitted
        marks = (*before, *marks_of(data, carry=record.carry))
        record = replace(record, fitted=tuple(dict.fromkeys(marks)))
        return RegressPredictor(Model(self.layers, arrays, "regress", record.to_record()))

    def picture(self, predictor: Predictor) -> Figure | None:
        assert isinstance(predictor, RegressPredictor)
        part = self.held_out or Part(self.known, (0,) * len(self.known))
        told = predictor.told(part)
        border = "validation begins" if self.held_out else ""
        return follow_figure(predictor.record, told, "watch", "While training: what precedes the test", border)

    @cached_property
    def _whole(self) -> Record:
        return fit_record(self.data, self.settings, self._old)


def _segment(data: SequenceTable, settings: RegressSettings) -> int:
    """Steps of a segment of truncated back-propagation; 0 for whole sequences."""
    if settings.at == LAST and (settings.carry or settings.bptt):
        raise SettingsError(
            f"`{'carry' if settings.carry else 'bptt'}` cuts a sequence with a target at every step, but `at` is "
            "'last'; leave one of them out"
        )
    if settings.bptt is not None:
        return settings.bptt
    return max(data.steps) if settings.carry else 0
