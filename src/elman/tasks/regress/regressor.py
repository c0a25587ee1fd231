"""The sequence regressor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from elman.data import AlignedSequence, SequenceTable, holds_arrays, read_sequence_arrays, read_sequence_table
from elman.data.generated_data import generated_table
from elman.learning import Predictor
from elman.model import Model
from elman.runs.estimator import Estimator
from elman.tasks.regress.predictor import RegressPredictor
from elman.tasks.regress.problem import RegressProblem
from elman.tasks.regress.settings import LAST, RegressColumns, RegressSettings
from elman.tasks.regress.split import Part, test_part


class SequenceRegressor(Estimator):
    """Tells values from sequences of inputs with a recurrent network: at every step, or one for a whole sequence.

    Takes the settings of ``elman train regress`` as keywords; :class:`elman.tasks.regress.RegressSettings` says what
    each means. Data are arrays ``(inputs, targets)``, as for :func:`elman.data.read_sequence_arrays`; or a CSV or
    Parquet file's path, a frame or a dict of columns, with the columns ``input``, ``target``, ``time`` and ``id`` as
    for :func:`elman.data.read_sequence_table`. Inputs alone will do to predict.

    Raises:
        SettingsError: an unknown setting, or a value out of range.

    The smallest program: 100 sequences of 5 steps and 10 features, a value each.

    >>> import numpy as np
    >>> import elman
    >>> random = np.random.default_rng(0)
    >>> x, y = random.normal(size=(100, 5, 10)), random.normal(size=100)
    >>> regressor = elman.SequenceRegressor(at="last", cell="lstm", hidden_size=20, num_layers=2, epochs=2)
    >>> found = regressor.fit((x, y)).predict(x)
    >>> len(found["prediction"]), regressor.metrics["test_size"]
    (100, 20)
    >>> sorted(regressor.metrics["baselines"])
    ['linear', 'mean']
    """

    task_name = "regress"
    settings_class = RegressSettings
    columns_class = RegressColumns

    def _read(self, source: Any, columns: RegressColumns) -> SequenceTable:
        if isinstance(source, SequenceTable):
            return source
        if (generated := generated_table(source)) is not None:
            return generated
        last = self.settings.at == LAST
        if holds_arrays(source):
            return read_sequence_arrays(source, last=last)
        data = read_sequence_table(
            source, input=columns.input, target=columns.target, time=columns.time, id=columns.id, options=columns
        )
        return replace(data, sequences=tuple(map(_last_target, data))) if last else data

    def _read_test(self, source: Any, data: SequenceTable) -> SequenceTable:
        return self._read(source, self.columns)

    def _settled(self, columns: RegressColumns, data: SequenceTable) -> RegressColumns:
        return replace(columns, input=data.inputs, target=data.targets)

    def _join(self, data: SequenceTable, test: SequenceTable) -> tuple[SequenceTable, Part]:
        joined = data.followed_by(test)
        return joined, Part(joined, (*data.steps, *(0 for _ in test)))

    def _held_out(self, data: SequenceTable, predictor: Predictor) -> Part | None:
        return test_part(data, self.settings)

    def _to_score(self, data: SequenceTable, predictor: Predictor) -> Part:
        assert isinstance(predictor, RegressPredictor)
        predictor.record.check_inputs(data)
        predictor.record.check_targets(data)
        return Part(data, predictor.fitted_until(data))

    def _named(self, test: Part) -> str:
        return f"{test.data.source}: all of its {len(test.data)} sequences that are to be scored"

    def _problem(self, data: SequenceTable, held_out: Part | None, start_from: Predictor | None) -> RegressProblem:
        assert start_from is None or isinstance(start_from, RegressPredictor)
        return RegressProblem(data, self.settings, start_from=start_from, test=held_out)

    @staticmethod
    def _predictor(model: Model) -> RegressPredictor:
        return RegressPredictor(model)

    def _describe(self, data: SequenceTable) -> list[str]:
        steps = sorted(data.steps)
        length = f"{steps[0]}" if steps[0] == steps[-1] else f"{steps[0]} to {steps[-1]}"
        many = "1 sequence" if len(data) == 1 else f"{len(data)} sequences"
        names = f"inputs {', '.join(data.inputs)}; target {', '.join(data.targets)}"
        lines = [f"{data.source}: {many} of {length} steps; {names}"]
        wanted = [sequence.targets[-1:] if self.settings.at == LAST else sequence.targets for sequence in data]
        if unknown := sum(int(np.isnan(targets).sum()) for targets in wanted):
            lines.append(f"{unknown} targets are missing: they are not learned from, and not scored")
        return lines + [f"read: {note}" for note in data.notes]


def _last_target(sequence: AlignedSequence) -> AlignedSequence:
    """The sequence with the target of its last row alone."""
    targets = np.full_like(sequence.targets, np.nan)
    targets[-1] = sequence.targets[-1]
    return replace(sequence, targets=targets)
