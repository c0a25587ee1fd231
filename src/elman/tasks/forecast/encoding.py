"""From a window to the network's input, and from its output to a forecast: level and scale removed and restored.

Let ``d_t = y_t - y_{t-s}`` be the change over a season of ``s`` steps, and ``T`` the window's last step.

=================  ===============  =========================================================
level              network reads    and corrects
=================  ===============  =========================================================
``none``           ``y_t - mean``   the mean of the series while training
``last``           ``y_t - y_T``    the last value
``seasonal``       ``d_t``          the same step a season ago
``seasonal-last``  ``d_t - d_T``    the same step a season ago, plus ``d_T`` each season ahead
=================  ===============  =========================================================

In each case its inputs are divided by a spread, and its output is multiplied by it. With the transform ``log`` all of
this is done to the logarithms, and a forecast is what they come to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from elman.data import windows

Array = np.ndarray
PRECISION = 64 * float(np.finfo(float).eps)  # changes smaller than this share of a series' values are rounding
LEAST_SPREAD = 0.25  # of the series' own, so that a flat window does not blow up


class Scaler(NamedTuple):
    """Centre and spread of a series, over what was known when it was fitted, after the transform."""

    center: float
    spread: float


class Encoded(NamedTuple):
    """``inputs`` (N, T) for the network; a forecast is ``reference + spread * output``: (N, H) and (N, 1)."""

    inputs: Array
    reference: Array
    spread: Array


@dataclass(frozen=True)
class Encoding:
    """What is taken out of windows of ``window`` steps when ``season`` and ``level`` are as given.

    ``horizon`` is the number of steps that the network puts out: 1 where it runs on its own output.
    """

    window: int
    horizon: int
    season: int
    level: str
    scale: str
    transform: str = "none"

    def forward(self, values: Array) -> Array:
        """Values as the level and scale are taken from: their logarithms, or as they are."""
        return np.log(values) if self.transform == "log" else values

    def back(self, values: Array) -> Array:
        """The inverse of :meth:`forward`."""
        return np.exp(values) if self.transform == "log" else values

    @property
    def steps(self) -> int:
        """Steps that the network reads."""
        return self.window - self.season if self.seasonal else self.window

    @property
    def seasonal(self) -> bool:
        """Whether the network reads changes over a season."""
        return self.level in ("seasonal", "seasonal-last")

    def fit_scaler(self, values: Array) -> Scaler:
        """Centre and spread of a series (T,), from all of ``values``: give only what may be known, transformed.

        The spread is the root mean square of what the network would read, so that its inputs are of order one.
        """
        center = float(values.mean())
        views = windows(values, min(self.window, len(values)), 0).inputs
        if self.seasonal and views.shape[1] <= self.season:
            raw = values - values[-1:]
        else:
            raw = self._raw(views, np.full((len(views), 1), center))
        spread = float(np.sqrt(np.mean(np.square(raw))))
        # a series that never changes is read as it is; one that swings by a millionth of its level is not that
        return Scaler(center, spread if spread > PRECISION * float(np.abs(values).max()) else 1.0)

    def encode(self, x: Array, scalers: Sequence[Scaler] | Scaler) -> Encoded:
        """Encode transformed windows ``x`` (N, W), each with the scaler of its series (or one for all)."""
        pairs = np.array([scalers] if isinstance(scalers, Scaler) else scalers, float).reshape(-1, 2)
        pairs = np.broadcast_to(pairs, (len(x), 2))
        center, spread = pairs[:, :1], pairs[:, 1:]
        raw = self._raw(x, center)
        if self.scale == "window":
            own = np.sqrt(np.mean(np.square(raw), axis=1, keepdims=True))
            spread = np.maximum(own, LEAST_SPREAD * spread)
        lead = np.arange(self.horizon)
        if self.level == "none":
            reference = np.repeat(center, self.horizon, axis=1)
        elif self.level == "last":
            reference = np.repeat(x[:, -1:], self.horizon, axis=1)
        else:
            reference = x[:, self.window - self.season + lead % self.season]
            if self.level == "seasonal-last":
                change = x[:, -1:] - x[:, [-1 - self.season]]
                reference = reference + change * (1 + lead // self.season)
        return Encoded(raw / spread, reference, spread)

    def _raw(self, x: Array, center: Array) -> Array:
        if self.seasonal:
            x = x[:, self.season :] - x[:, : -self.season]
        if self.level == "seasonal":
            return x
        raw: Array = x - (center if self.level == "none" else x[:, -1:])
        return raw
