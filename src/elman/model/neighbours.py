"""A second task for the recurrent layers of a tagger: to tell each word's neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from elman.errors import SettingsError, ShapeError
from elman.model.layer import Array, Arrays, Layer, State, StepFunction, pass_on


@dataclass(frozen=True)
class NeighbourWords(Layer):
    """Passes on the states of recurrent layers, (N, T, D·R). In training those of the forward direction also have to
    tell the next word, and those of the reverse direction the one before (Rei 2017): the mean cross-entropy of each,
    times ``weight``, is added to the loss. So they learn from every word, where most tags are ``O``.

    It reads the states, and the words (N, T), integers: those below ``count`` are told apart, all others are one more.

    Args:
        size: of the states.
        weight: of its loss, above 0.
    """

    count: int
    size: int
    bidirectional: bool
    weight: float
    kind: ClassVar[str] = "neighbour-words"
    takes_integers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.count < 1 or self.size < 1:
            raise SettingsError(f"neighbours among {self.count} words by {self.size} values; both are at least 1")
        if self.bidirectional and self.size % 2:
            raise SettingsError(f"states of two directions have an even size, not {self.size}")
        if not self.weight > 0:
            raise SettingsError(f"a loss of weight {self.weight}; it must be above 0")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        sides = ("next", "previous") if self.bidirectional else ("next",)
        own = self.size // len(sides)
        found: dict[str, tuple[int, ...]] = {}
        for side in sides:
            found |= {f"{side}_weight": (self.count + 1, own), f"{side}_bias": (self.count + 1,)}
        return found

    def features(self, sizes: Sequence[int | None]) -> int | None:
        if len(sizes) != 2 or sizes[0] not in (None, self.size) or sizes[1] is not None:
            raise ShapeError(f"a {self.kind} layer reads states of {self.size} features, and an input of words")
        return self.size

    def run(self, x: Sequence[Array], arrays: Arrays, lengths: Array | None, state: State) -> tuple[Array, State]:
        return x[0], {}

    def stepper(self, arrays: Arrays) -> StepFunction:
        return pass_on
