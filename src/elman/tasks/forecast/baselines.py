"""The baselines: the last value, the last season, and a least-squares autoregression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.data import windows
from elman.tasks.forecast.plan import History

Array = np.ndarray
BASELINES = ("naive", "seasonal_naive", "linear")
LABELS = {"naive": "last value", "seasonal_naive": "seasonal naive", "linear": "linear autoregression"}


def naive(values: Array, cutoff: int, horizon: int) -> Array:
    """The last value, for each of ``horizon`` steps after ``cutoff``: (H,)."""
    return np.full(horizon, values[cutoff])


def seasonal_naive(values: Array, cutoff: int, horizon: int, season: int) -> Array:
    """The same step of the last season known at ``cutoff``: (H,); the last value where no season is known yet."""
    if cutoff + 1 < season:
        return naive(values, cutoff, horizon)
    return values[cutoff + 1 - season + np.arange(horizon) % season]


class Autoregression:
    """Least squares from a window's values (and a constant) to each of the next steps; one for all series.

    Each series is centred and divided by its standard deviation over the part fitted, which changes nothing for one
    series alone. Filled-in targets are left out. Where there are fewer examples than coefficients, the solution of
    least norm is taken.
    """

    def __init__(self, histories: Sequence[History], window: int, horizon: int) -> None:
        self.window, self.horizon = window, horizon
        self.scales = {h.id: self._scale(h.values) for h in histories}
        inputs, targets, observed = [], [], []
        for history in histories:
            center, spread = self.scales[history.id]
            found = windows((history.values - center) / spread, window, horizon, observed=history.observed)
            inputs.append(np.column_stack([found.inputs, np.ones(len(found.inputs))]))
            targets.append(found.targets)
            observed.append(found.observed)
        x, y, known = np.concatenate(inputs), np.concatenate(targets), np.concatenate(observed)
        if known.all():
            self.coefficients = self._solve(x, y)
        else:
            columns = [self._solve(x[known[:, k]], y[known[:, k], k]) for k in range(horizon)]
            self.coefficients = np.stack(columns, axis=1)

    @staticmethod
    def _solve(x: Array, y: Array) -> Array:
        if len(x) == 0:
            return np.zeros((x.shape[1], *y.shape[1:]))
        coefficients: Array = np.linalg.lstsq(x, y, rcond=None)[0]
        return coefficients

    @staticmethod
    def _scale(values: Array) -> tuple[float, float]:
        spread = float(values.std())
        return float(values.mean()), spread if spread > 0 else 1.0

    def forecast(self, history_id: str, values: Array, cutoff: int) -> Array:
        """The ``horizon`` steps after ``cutoff``: (H,)."""
        center, spread = self.scales.get(history_id) or self._scale(values[: cutoff + 1])
        known = values[max(cutoff + 1 - self.window, 0) : cutoff + 1]
        before = np.repeat(known[:1], self.window - len(known))  # of a short history: its first value
        window = (np.concatenate([before, known]) - center) / spread
        return np.asarray(np.append(window, 1.0) @ self.coefficients * spread + center)
