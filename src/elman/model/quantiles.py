"""The head of several quantiles of each value. Its loss is in :mod:`elman.nn.quantiles`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from elman.errors import SettingsError
from elman.model.layer import Array, Arrays, Head

MOST_QUANTILES = 1000


@dataclass(frozen=True)
class QuantileHead(Head):
    """The ``quantiles`` of ``size`` values, trained by the mean pinball loss (Koenker and Bassett 1978); by ``members``
    models side by side each learns as if it were alone, and the answer is the mean of their quantiles (Vincent 1912).

    Quantiles never cross: of each value the middle one (of an even number the upper of the two) is put out as it is,
    and of every other one its distance from the neighbour on the side of the middle, as ``log(1 + exp(x))`` of what is
    put out. The loss is that of the quantiles so decoded, so that what is trained is what is used.

    It reads (…, members · quantiles · size): of each member the ``size`` middle ones, then the ``size`` distances of
    each other quantile, in ascending order of these.

    Args:
        quantiles: shares between 0 and 1, ascending.

    >>> head = QuantileHead((0.1, 0.5, 0.9), 2)
    >>> head.decode(np.array([[1.0, 5.0, 0.0, 0.0, 0.0, -40.0]]), {}, None).round(3).tolist()
    [[[0.307, 1.0, 1.693], [4.307, 5.0, 5.0]]]
    """

    quantiles: tuple[float, ...]
    size: int = 1
    members: int = 1
    kind: ClassVar[str] = "quantile"

    def __post_init__(self) -> None:
        shares = self.quantiles
        if not 1 <= len(shares) <= MOST_QUANTILES or any(not 0 < share < 1 for share in shares):
            raise SettingsError(f"quantiles {shares!s:.80}; there are 1 to {MOST_QUANTILES}, each between 0 and 1")
        if any(a >= b for a, b in pairwise(shares)):
            raise SettingsError(f"quantiles {shares!s:.80}; they must ascend")
        if self.size < 1 or self.members < 1:
            raise SettingsError(f"quantiles of {self.size} values by {self.members} members; there is at least 1 each")

    @property
    def middle(self) -> int:
        """Which of the quantiles the others' distances are counted from."""
        return len(self.quantiles) // 2

    @property
    def output_size(self) -> int:
        return self.members * self.size * len(self.quantiles)

    def decode(self, output: Array, arrays: Arrays, lengths: Array | None) -> Array:
        """(…, size, quantiles), which ascend along the last axis."""
        parts = output.reshape(*output.shape[:-1], self.members, len(self.quantiles), self.size)
        middle = parts[..., :1, :]
        apart = np.logaddexp(np.zeros_like(middle), parts[..., 1:, :])
        below, above = apart[..., : self.middle, :], apart[..., self.middle :, :]
        ascending = np.concatenate(
            [
                middle - np.cumsum(below[..., ::-1, :], axis=-2)[..., ::-1, :],
                middle,
                middle + np.cumsum(above, axis=-2),
            ],
            axis=-2,
        )
        found: Array = np.moveaxis(ascending.mean(axis=-3), -2, -1)
        return found
