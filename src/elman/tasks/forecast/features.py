"""The columns that go with a series, as the network reads them: around each cutoff, at the level that the values have.

Of each column there is, at every step of the window, what the encoding's level leaves of it, as of the values
(:mod:`elman.tasks.forecast.encoding`): an effect on the values is the same effect on what the network reads of them.
Beside it stands the column itself, unless both are the same. Dimension names: ``C`` columns, of which the last ``F``
are known beforehand; ``W`` steps of the window; ``H`` steps of the horizon.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elman.tasks.forecast.encoding import Encoding

Array = np.ndarray
COLUMNS, AHEAD = "columns", "ahead"  # the network's inputs


class Features(NamedTuple):
    """The columns of one series of n steps, standardised, nothing missing.

    Args:
        past: (n, C - F).
        future: (n + A, F), for A steps after the series' end too.
        static: (S,).
    """

    past: Array
    future: Array
    static: Array

    def until(self, end: int) -> Features:
        """As it was known when the series had ``end`` steps."""
        return self._replace(past=self.past[:end])


class Around(NamedTuple):
    """The columns around N cutoffs.

    Args:
        window: (N, W, C).
        ahead: (N, H, F).
        static: (N, S).
    """

    window: Array
    ahead: Array
    static: Array

    def moved(self, steps: int, horizon: int) -> Around:
        """The same around the cutoffs so many steps later, with ``horizon`` steps ahead; there must be no past columns,
        which nobody knows by then."""
        size = self.window.shape[1]
        if not steps:
            return self._replace(ahead=self.ahead[:, :horizon])
        whole = np.concatenate([self.window, self.ahead], axis=1)
        return Around(whole[:, steps : steps + size], self.ahead[:, steps : steps + horizon], self.static)


class Encoded(NamedTuple):
    """``columns`` (N, T, ·) and ``ahead`` (N, H, ·) for the network; the first C and F of them at the values' level."""

    columns: Array
    ahead: Array


def around(features: Features, cutoffs: Sequence[int] | Array, window: int, horizon: int) -> Around:
    """The columns around each cutoff, the index of the last step of a window.

    What precedes the series is its first step; steps of which nothing is known count as usual (0).
    """
    steps = np.asarray(cutoffs, int)[:, None] + np.arange(1 - window, horizon + 1)
    future = features.future[np.clip(steps, 0, max(len(features.future) - 1, 0))]
    future = np.where((steps < len(features.future))[:, :, None], future, 0.0)
    past = features.past[np.maximum(steps[:, :window], 0)]
    static = np.broadcast_to(features.static, (len(steps), len(features.static)))
    return Around(np.concatenate([past, future[:, :window]], axis=2), future[:, window:], static)


def together(found: Sequence[Around]) -> Around:
    """Those of several series, one after another."""
    return Around(*map(np.concatenate, zip(*found, strict=True)))


def encode(encoding: Encoding, found: Around, share: Array) -> Encoded:
    """The network's inputs.

    Args:
        share: (N, 1) of the series' spread in what each window is divided by.
    """
    x, known = found.window, found.ahead.shape[2]
    own = x[:, :, x.shape[2] - known :]  # of the columns in `ahead`
    steps, season, lead = encoding.steps, encoding.season, np.arange(found.ahead.shape[1])
    if encoding.level == "none":
        level, ahead = x, found.ahead
    elif encoding.level == "last":
        level, ahead = x - x[:, -1:], found.ahead - own[:, -1:]
    else:
        level = x[:, season:] - x[:, :-season]
        ahead = found.ahead - own[:, encoding.window - season + lead % season]
        if encoding.level == "seasonal-last":
            change = own[:, -1:] - own[:, [-1 - season]]
            level, ahead = level - level[:, -1:], ahead - change * (1 + lead // season)[:, None]
    static = np.repeat(found.static[:, None], steps, axis=1)
    part = share[:, :, None]
    if encoding.level == "none":
        return Encoded(_joined(level * part, static), _joined(ahead * part))
    return Encoded(_joined(level * part, x[:, -steps:], static), _joined(ahead * part, found.ahead))


def _joined(*parts: Array) -> Array:
    return np.concatenate([part.astype(np.float32) for part in parts], axis=2)
