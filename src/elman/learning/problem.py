"""A training job as a task sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from elman.learning.evaluation import Evaluation
from elman.learning.examples import Examples
from elman.learning.figure import Figure
from elman.learning.predictor import Predictor
from elman.model import Layer

FittedOn = Literal["train", "all"]


class Problem(ABC):
    """One training job: its data, and every choice made on them. It does not train.

    Training fits the examples of :meth:`train`, evaluates the predictor on ``test``, and then fits those of :meth:`all`
    for as many epochs as were best.
    """

    layers: tuple[Layer, ...]
    test: Any = None
    """The part of the data that is held back, as :meth:`Predictor.evaluate` takes it; None: nothing is."""
    bptt_steps: int = 0
    """Steps in a segment of truncated back-propagation through time; 0: sequences are not cut."""
    zero_output: bool = False
    """Whether an output of zero is already a good answer, so that training should begin there."""
    keep_initial: bool = False
    """Whether the initial weights are an answer already, kept unless an epoch's validation loss is less."""
    error_chooses: bool = False
    """Whether the epoch with the least :meth:`validation_error` is kept, not that with the least validation loss."""
    by_length: bool = False
    """Whether a batch's sequences should be of about one length, so that little of it is padding."""

    rounds: int = 0
    """How many models are trained, each tested on its own part of the test; 0: one, on all of it."""

    candidates: Sequence[tuple[Mapping[str, Any], Problem]] = ()
    """Jobs with the same examples, to fit and to validate on, each with the settings that it has for itself: the one
    with the least validation loss goes on instead of this one."""

    @abstractmethod
    def fingerprint(self) -> bytes:
        """A digest of data and choices: a checkpoint of another problem is refused."""

    @abstractmethod
    def train(self) -> Examples:
        """Examples to fit. Nothing from the test is in them."""

    @abstractmethod
    def validation(self) -> Examples | None:
        """Examples that decide when to stop, disjoint from those to fit; None: too few to divide."""

    @abstractmethod
    def all(self) -> Examples | None:
        """All examples, the test's included; None: the model is not fitted again."""

    @abstractmethod
    def predictor(self, arrays: dict[str, np.ndarray], fitted_on: FittedOn) -> Predictor:
        """The model with these weights, ready for use; ``fitted_on`` names the examples they were fitted on."""

    def initial(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The weights that training begins with, from random ones."""
        return arrays

    def validation_error(self, arrays: dict[str, np.ndarray]) -> float | None:
        """What is recorded of each epoch's weights besides the validation loss, less being better; None: nothing."""
        return None

    def picture(self, predictor: Predictor) -> Figure | None:
        """What to look at while it trains: ``predictor`` beside the truth, on nothing of the test; None: nothing."""
        return None

    def round(self, number: int) -> Problem:
        """Job ``number`` of the :attr:`rounds`, from 0, on what precedes its part of the test; ``rounds``: on
        everything. None of them holds anything back."""
        raise IndexError(number)

    def measured(self, predictors: Sequence[Predictor]) -> Evaluation:
        """What the models of the first rounds, one each, are worth on their parts of the test."""
        raise IndexError(len(predictors))
