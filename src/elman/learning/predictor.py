"""What a trained model does for its task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from elman.errors import SettingsError
from elman.learning.evaluation import Columns, Evaluation
from elman.learning.example import Example
from elman.model import Model, Stream


class Predictor(ABC):
    """A model and its record, parsed and checked once: what a task makes of a model file.

    Data are what the task's estimator reads; a test is the part of them that :class:`~elman.learning.Problem` holds
    back.
    """

    model: Model

    @abstractmethod
    def predict(self, data: Any) -> Columns:
        """The answers for ``data``: numbers, not text.

        Raises:
            DataError: data that the model cannot answer for.
        """

    @abstractmethod
    def evaluate(self, test: Any) -> Evaluation:
        """Scores on ``test``, beside the baselines'; only baselines are fitted.

        Raises:
            DataError: too little data.
        """

    @abstractmethod
    def has_seen(self, test: Any) -> bool:
        """Whether the model was fitted on any of ``test``, so that a score on it would mean nothing."""

    @abstractmethod
    def stream(self) -> Stream:
        """The model run step by step."""

    def example(self, data: Any, number: int) -> Example:
        """Sequence ``number`` of ``data``, from 0, as the model reads it: for a look at what the model does with it.

        Raises:
            SettingsError: the task does not say what a sequence is.
            DataError: there is no such sequence, or the model cannot read it.
        """
        raise SettingsError(f"a run of the task {self.model.task} cannot be explained; give one of another task")

    def remarks(self, data: Any) -> list[str]:
        """What whoever reads the answers for ``data`` ought to know, a sentence each."""
        return []

    @abstractmethod
    def describe(self) -> list[str]:
        """Lines for ``elman info``."""
