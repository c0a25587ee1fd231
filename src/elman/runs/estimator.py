"""The estimator, with scikit-learn's conventions: ``fit``, ``predict``, ``evaluate``, ``save``; and ``stream``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from elman import atomic
from elman.errors import DataError, ElmanError, SettingsError
from elman.learning import Columns, Drawing, Evaluation, Predictor, Problem
from elman.model import Model, Stream
from elman.report.page import page_text
from elman.report.watch import Watch
from elman.runs import files
from elman.runs.figures import error_curve, learning_curve
from elman.runs.fitting import Outcome, train
from elman.runs.page import run_page
from elman.runs.writing import WritingSettings
from elman.settings import Settings, field_types, from_record, merged, rule_of, signature_of, to_record, value_text


@dataclass(frozen=True)
class Extras:
    """A task's own part of the run folder: tables by file name, and figures."""

    tables: Mapping[str, Columns] = field(default_factory=dict)
    figures: Sequence[Drawing] = ()


class Estimator(ABC):
    """Base of the tasks' estimators. A task defines the hooks below :meth:`load`; all else is written here once.

    Takes the settings of ``elman train TASK`` as keywords.

    Raises:
        SettingsError: an unknown setting, or a value out of range.
    """

    task_name: ClassVar[str]
    settings_class: ClassVar[type[Settings]]
    columns_class: ClassVar[type[Settings]]

    def __init_subclass__(cls) -> None:
        cls.__signature__ = signature_of(cls.settings_class)  # type: ignore[attr-defined]

    def __init__(self, **settings: Any) -> None:
        self._given = dict(settings)
        self.settings: Any = from_record(self.settings_class, settings)
        self.columns: Any = self.columns_class()
        self._outcome: Outcome | None = None
        self._fitted: Any = None  # the settings at the last fit
        self._data: Any = None
        self._extras: Extras | None = None
        self._folder: Path | None = None  # that it was loaded from

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings by name, as scikit-learn's tools ask for them."""
        return {name: getattr(self.settings, name) for name in to_record(self.settings)}

    def set_params(self, **settings: Any) -> Self:
        """Change settings; the next ``fit`` uses them."""
        self.settings = from_record(self.settings_class, {**self.get_params(), **settings})
        self._given |= settings
        return self

    def fit(
        self,
        data: Any,
        *,
        test: Any = None,
        validation: Any = None,
        start_from: Estimator | None = None,
        on_event: Callable[[Any], None] | None = None,
        checkpoint: Path | str | None = None,
        resume: bool = True,
        watch: Path | str | None = None,
        refit: bool = True,
        **columns: Any,
    ) -> Self:
        """Train: fit on what is not the test, evaluate on the test, then fit again on everything.

        Args:
            data: a file's path, a frame, a dict of columns, arrays: what the task reads.
            test: separate data to evaluate on, instead of a part of ``data``.
            validation: separate data that choose the epoch, where the task takes them.
            start_from: a trained estimator whose training continues: its final model, or if that was fitted on the
                test, its tested one. Settings that are not given are taken from it.
            on_event: called with the events of :mod:`elman.training.events`.
            checkpoint: a file for the state of training, so that a killed run can be resumed.
            resume: continue from a checkpoint that is there; otherwise it is replaced.
            watch: a PNG file that is redrawn while it trains, where the task has a picture of that; and a window that
                shows it, where there is a display.
            refit: fit again on everything after the test; otherwise the tested model is the final one too.
            columns: the names of the data's columns, by the task's names for them.

        Raises:
            DataError: data that cannot be used, or a test that both models of ``start_from`` were fitted on; the
                message names the place and the remedy.
            SettingsError: a setting that shapes the model, with another value than in ``start_from``.
        """
        if start_from is not None:
            self._continue(start_from)
        dataset, held_out = self._divided(data, test, validation, columns, start_from)
        predictor = None if start_from is None else self._to_go_on_from(start_from, dataset, held_out)
        problem = self._problem(dataset, held_out, predictor)
        with nullcontext() if watch is None else Watch(Path(watch)) as on_picture:
            self._outcome = train(
                problem,
                self.settings,
                arrays=None if predictor is None else predictor.model.arrays,
                on_event=on_event,
                checkpoint_path=None if checkpoint is None else Path(checkpoint),
                resume=resume,
                on_picture=on_picture,
                refit=refit,
            )
        self._fitted = from_record(self.settings_class, {**to_record(self.settings), **self._outcome.chosen})
        self._data, self._extras, self._folder = dataset, None, None
        return self

    def problem(self, data: Any, *, test: Any = None, validation: Any = None, **columns: Any) -> Problem:
        """The training job that :meth:`fit` would do; arguments and errors as there."""
        dataset, held_out = self._divided(data, test, validation, columns)
        return self._problem(dataset, held_out, None)

    def read(self, source: Any, **columns: Any) -> Any:
        """``source`` as the task's data; data that were read already are returned unchanged.

        Raises:
            DataError: data that cannot be used.
        """
        return self._read(source, self._changed(columns))

    @property
    def outcome(self) -> Outcome:
        """The result of training: models, evaluation, history.

        Raises:
            ElmanError: the estimator is not trained.
        """
        if self._outcome is None:
            raise ElmanError(f"this {type(self).__name__} is not trained yet: call fit first")
        return self._outcome

    @property
    def data(self) -> Any:
        """The data trained on.

        Raises:
            DataError: the estimator was loaded from a folder, which holds no data.
        """
        if self._data is None:
            raise DataError(f"a {type(self).__name__} read from a folder holds no data: give the data to predict from")
        return self._data

    @property
    def model(self) -> Model:
        """The model that predicts."""
        return self.outcome.final.model

    @property
    def metrics(self) -> dict[str, Any]:
        """What ``metrics.json`` holds: scores of the test beside the baselines', sizes, settings."""
        outcome = self.outcome
        if self._folder is not None:
            return files.read_json(self._folder / files.METRICS)
        return files.metrics_record(outcome, self._fitted)

    def predict(self, data: Any = None, **columns: Any) -> Columns:
        """The model's answers for ``data`` (without it, for the data trained on).

        Returns:
            columns by name; ``pandas.DataFrame(...)`` or ``polars.DataFrame(...)`` makes a frame of them.

        Raises:
            DataError: data that the model cannot answer for.
        """
        self.outcome  # noqa: B018 (raises before the data are read, if there is no model)
        dataset = self.data if data is None else self.read(data, **columns)
        return self.outcome.final.predict(dataset)

    def evaluate(self, data: Any, *, adapt: bool = False, **columns: Any) -> Evaluation:
        """Scores on ``data`` beside the baselines'; the model is not fitted again.

        The final model is evaluated, or if that was fitted on what is scored, the tested one; ``facts["model"]`` tells
        which.

        Args:
            adapt: show beside the scores those of a model that learns from each step once it has been scored.

        Raises:
            SettingsError: ``adapt``, where the task's models cannot.
            DataError: both models were fitted on what is to be scored, or there is too little of it.
        """
        outcome, dataset = self.outcome, self.read(data, **columns)
        for which, predictor in (("final", outcome.final), ("tested", outcome.tested)):
            if predictor is not None:
                test = self._to_score(dataset, predictor)
                if not predictor.has_seen(test):
                    found = predictor.evaluate(test)
                    found = self._adapted(test, predictor, found) if adapt else found
                    return replace(found, facts={**found.facts, "model": which})
        raise DataError(
            f"{self._named(test)} were seen in training, so a score on them would say nothing; evaluate on later data"
        )

    def writes(self, settings: WritingSettings) -> Iterator[str]:
        """What the model writes, a piece at a time.

        Raises:
            SettingsError: the task does not write.
        """
        raise SettingsError(f"a run of the task {self.task_name} does not write; give one that does")

    def stream(self) -> Stream:
        """The model run step by step, without torch."""
        return self.outcome.final.stream()

    def save(self, folder: Path | str) -> Path:
        """Write models, settings, metrics, history and tables to ``folder``; :func:`elman.load` reads it.

        An estimator that was loaded is saved as a copy of its run folder.

        Raises:
            RunFolderError: it cannot be written.
        """
        if self._folder is not None:
            return files.copy(self._folder, Path(folder))
        return files.write(Path(folder), self.outcome, self._fitted, self.columns, self.extras().tables)

    def figures(self) -> list[Drawing]:
        """What there is to draw of a model that was trained just now; :func:`elman.report.draw` draws it."""
        own = () if self.outcome.evaluation is None else self.outcome.evaluation.figures
        curves = (learning_curve(self.outcome), error_curve(self.outcome))
        return [*own, *self.extras().figures, *(curve for curve in curves if curve is not None)]

    def report(self, path: Path | str, command: str = "") -> Path:
        """Write a page about a model that was trained just now: scores, pictures, worst mistakes, settings; one HTML
        file that needs no other.

        Args:
            command: what makes the same run again, to be shown.

        Raises:
            DataError: the estimator was loaded from a folder, which holds no data.
            MissingDependencyError: matplotlib is not installed.
            RunFolderError: the file cannot be written.
        """
        page = run_page(self.outcome, self._fitted, self.describe_data(), self.figures(), command)
        atomic.write_text(path, page_text(page))
        return Path(path)

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """An estimator from a run folder; needs no torch.

        Raises:
            ModelFileError: no run, a damaged one, or one of another task.
        """
        record = files.read(Path(folder), cls.task_name, cls.settings_class, cls.columns_class, cls._predictor)
        estimator = cls(**record.settings)
        estimator.columns, estimator._outcome = record.columns, record.outcome
        estimator._folder = Path(folder).resolve()
        return estimator

    def describe_data(self) -> list[str]:
        """Facts about the data, one a line."""
        return self._describe(self.data)

    def extras(self) -> Extras:
        """What the task adds to the run folder; computed once."""
        if self._extras is None:
            self._extras = self._make_extras(self.outcome.final, self.data)
        return self._extras

    # What a task defines.

    @abstractmethod
    def _read(self, source: Any, columns: Any) -> Any:
        """``source`` as the task's data; data that were read already unchanged."""

    @abstractmethod
    def _read_test(self, source: Any, data: Any) -> Any:
        """``source`` as a separate test for ``data``."""

    @abstractmethod
    def _join(self, data: Any, test: Any) -> tuple[Any, Any]:
        """All data, and the test among them as :meth:`Predictor.evaluate` takes it."""

    def _with_validation(self, data: Any, validation: Any) -> Any:
        """All data, of which ``validation`` are to choose the epoch."""
        raise SettingsError(f"`validation`: the task {self.task_name} divides its own data; leave it out")

    @abstractmethod
    def _held_out(self, data: Any, predictor: Predictor) -> Any | None:
        """The part of ``data`` that is the test when training continues from ``predictor``; None for none."""

    @abstractmethod
    def _to_score(self, data: Any, predictor: Predictor) -> Any:
        """The part of ``data`` that :meth:`evaluate` scores."""

    @abstractmethod
    def _named(self, test: Any) -> str:
        """What is to be scored, for messages: the subject of "were seen in training"."""

    @abstractmethod
    def _problem(self, data: Any, held_out: Any | None, start_from: Predictor | None) -> Problem:
        """The training job; without ``held_out`` the settings decide what is held back."""

    @staticmethod
    @abstractmethod
    def _predictor(model: Model) -> Predictor:
        """A model from a file, parsed and checked.

        Raises:
            ModelFileError: another task's model, or a malformed record.
        """

    @abstractmethod
    def _describe(self, data: Any) -> list[str]:
        """Facts about ``data``, one a line."""

    def _settled(self, columns: Any, data: Any) -> Any:
        """The columns as they were found in ``data``, for later data of the same kind; recorded with the run."""
        return columns

    def _usable(self, data: Any, start_from: Estimator | None) -> Any:
        """The part of ``data`` that can be trained on, which tells what was left out and why."""
        return data

    def _adapted(self, test: Any, predictor: Predictor, evaluation: Evaluation) -> Evaluation:
        """``evaluation`` with the scores of the adapting model beside it."""
        raise SettingsError(f"`adapt`: a model of the task {self.task_name} cannot learn while it is scored")

    def _make_extras(self, predictor: Predictor, data: Any) -> Extras:
        return Extras()

    # What is common to all.

    def _divided(
        self, data: Any, test: Any, validation: Any, columns: Mapping[str, Any], start_from: Estimator | None = None
    ) -> tuple[Any, Any | None]:
        """All data, and the test among them where it was given apart."""
        self.columns = self._changed(columns)
        dataset, held_out = self.read(data), None
        self.columns = self._settled(self.columns, dataset)
        dataset = self._usable(dataset, start_from)
        if test is not None:
            dataset, held_out = self._join(dataset, self._read_test(test, dataset))
        if validation is not None:
            dataset = self._with_validation(dataset, self._read_test(validation, dataset))
        return dataset, held_out

    def _changed(self, given: Mapping[str, Any]) -> Any:
        """The columns, those given now taking precedence."""
        named = {name: value for name, value in given.items() if value is not None}
        known = field_types(self.columns_class)
        for name in named:
            if name not in known:
                raise SettingsError(f"{name!r} is no column of this task; there are: {', '.join(known)}")
        return from_record(self.columns_class, {**to_record(self.columns), **named})

    def _continue(self, old: Estimator) -> None:
        """Take over the settings and columns of ``old``, except those given.

        Raises:
            SettingsError: one that shapes the model is given with another value.
        """
        if type(old) is not type(self):
            raise SettingsError(f"start_from is a {type(old).__name__}; it must be a trained {type(self).__name__}")
        known = to_record(old.settings)
        given = to_record(from_record(self.settings_class, merged(self.settings_class, known, self._given)))
        for name, value in given.items():
            if rule_of(self.settings_class, name).fixed and value != known[name]:
                raise SettingsError(
                    f"{name} is {value_text(value)}, but the model to go on from has {value_text(known[name])}: leave "
                    "it out, or train a new model"
                )
        self.settings = from_record(self.settings_class, given)
        if self.columns == self.columns_class():
            self.columns = old.columns

    def _to_go_on_from(self, old: Estimator, data: Any, held_out: Any | None) -> Predictor:
        """The model of ``old`` that was not fitted on the test."""
        for predictor in (old.outcome.final, old.outcome.tested):
            if predictor is not None:
                test = self._held_out(data, predictor) if held_out is None else held_out
                if test is None or not predictor.has_seen(test):
                    return predictor
        raise DataError(
            f"{self._named(test)} were seen in training by the model to go on from, so a score on them would say "
            "nothing; give later data, a smaller test, or none"
        )
