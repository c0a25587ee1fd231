"""The toy task, whole: settings, problem, predictor, estimator."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.data import read_table
from elman.errors import DataError, ModelFileError
from elman.learning import Columns, Evaluation, Examples, Metric, Predictor, Problem
from elman.model import Linear, Model, ModelSettings, PointHead, RecurrentLayers, Stream, recurrent_layers
from elman.model.stepping import stream_of
from elman.runs.estimator import Estimator
from elman.settings import Settings, setting, to_record
from elman.training.settings import TrainingSettings

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class ToySettings(ModelSettings, TrainingSettings):
    """All settings of an averager."""

    bptt_steps: int = setting(0, "steps of a segment of truncated back-propagation; 0 for whole sequences", minimum=0)


@dataclass(frozen=True, kw_only=True)
class ToyColumns(Settings):
    """Which columns hold what."""

    name: str | None = setting(None, "names of the sequences", metavar="COLUMN")


@dataclass(frozen=True)
class Rows:
    """Sequences of one length, (N, T)."""

    source: str
    names: list[str]
    values: Array


class ToyProblem(Problem):
    """The last two rows are the test, the two before them decide when to stop."""

    def __init__(self, rows: Rows, settings: ToySettings, test: Rows | None, layers: tuple[Any, ...] | None) -> None:
        if len(rows.values) < 6:
            raise DataError(f"{rows.source}: {len(rows.values)} sequences; give at least 6")
        self.rows, self.settings = rows, settings
        self.test = test or Rows(rows.source, rows.names[-2:], rows.values[-2:])
        self.known = rows.values if test is not None else rows.values[:-2]
        self.bptt_steps = settings.bptt_steps
        width = settings.hidden_size
        self.layers = layers or (recurrent_layers(settings, 1), Linear(width, 1), PointHead("mse"))

    def fingerprint(self) -> bytes:
        return hashlib.sha256(repr(to_record(self.settings)).encode() + self.rows.values.tobytes()).digest()

    def train(self) -> Examples:
        return examples(self.known[:-2])

    def validation(self) -> Examples:
        return examples(self.known[-2:])

    def all(self) -> Examples:
        return examples(self.rows.values)

    def predictor(self, arrays: dict[str, Array], fitted_on: str) -> ToyPredictor:
        seen = self.known if fitted_on == "train" else self.rows.values
        return ToyPredictor(Model(self.layers, arrays, "toy", {"seen": [digest(row) for row in seen]}))


def examples(values: Array) -> Examples:
    return Examples(values[:, :, None].astype("f4"), running_mean(values)[:, :, None].astype("f4"))


def running_mean(values: Array) -> Array:
    return np.cumsum(values, axis=1) / np.arange(1, values.shape[1] + 1)


def digest(row: Array) -> str:
    return hashlib.sha256(row.tobytes()).hexdigest()[:16]


class ToyPredictor(Predictor):
    """Averages with a model."""

    def __init__(self, model: Model) -> None:
        match model.layers:
            case (RecurrentLayers(), Linear(), PointHead()) if isinstance(model.encoding.get("seen"), list):
                self.model = model
            case _:
                raise ModelFileError("its layers do not average")

    def outputs(self, values: Array) -> Array:
        return self.model.predict(values[:, :, None])[:, :, 0].astype(float)

    def predict(self, data: Rows) -> Columns:
        steps = range(data.values.shape[1])
        return {
            "name": [name for name in data.names for _ in steps],
            "step": [step for _ in data.names for step in steps],
            "mean": self.outputs(data.values).ravel().tolist(),
        }

    def evaluate(self, test: Rows) -> Evaluation:
        truth = running_mean(test.values)
        errors = {"model": self.outputs(test.values), "last": test.values}
        maes = {name: {"mae": float(np.abs(found - truth).mean())} for name, found in errors.items()}
        better = maes["model"]["mae"] < maes["last"]["mae"]
        return Evaluation(
            title=f"Test: {len(test.names)} sequences",
            metrics=(Metric("mae"),),
            scores=maes["model"],
            baselines={"last": maes["last"]},
            labels={"last": "last value"},
            facts={"test_size": len(test.names)},
            verdict="better than the last value" if better else "no better than the last value",
            rows={**self.predict(test), "y": truth.ravel().tolist()},
        )

    def has_seen(self, test: Rows) -> bool:
        return any(digest(row) in self.model.encoding["seen"] for row in test.values)

    def stream(self) -> Stream:
        return stream_of(self.model)

    def describe(self) -> list[str]:
        return [f"fitted on {len(self.model.encoding['seen'])} sequences"]


class Averager(Estimator):
    """Averages sequences."""

    task_name = "toy"
    settings_class = ToySettings
    columns_class = ToyColumns

    def _read(self, source: Any, columns: ToyColumns) -> Rows:
        if isinstance(source, Rows):
            return source
        table = read_table(source)
        values = np.stack([table.numbers(name) for name in table.columns if name != columns.name], axis=1)
        if not np.isfinite(values).all():
            raise DataError(f"{table.name}: a value is missing; fill it in")
        names = [str(k) for k in range(len(table))] if columns.name is None else table.texts(columns.name)
        return Rows(table.name, names, values)

    def _read_test(self, source: Any, data: Rows) -> Rows:
        return self.read(source)

    def _join(self, data: Rows, test: Rows) -> tuple[Rows, Rows]:
        return data, test

    def _held_out(self, data: Rows, predictor: Predictor) -> Rows:
        return Rows(data.source, data.names[-2:], data.values[-2:])

    def _to_score(self, data: Rows, predictor: Predictor) -> Rows:
        return self._held_out(data, predictor)

    def _named(self, test: Rows) -> str:
        return f"{test.source}: its last {len(test.names)} sequences"

    def _describe(self, data: Rows) -> list[str]:
        return [f"{data.source}: {len(data.names)} sequences"]

    def _problem(self, data: Rows, held_out: Rows | None, start_from: Predictor | None) -> ToyProblem:
        return ToyProblem(data, self.settings, held_out, None if start_from is None else start_from.model.layers)

    @staticmethod
    def _predictor(model: Model) -> ToyPredictor:
        return ToyPredictor(model)
