"""Linear forecasts under other encodings than the network's, for few and short series: which encoding is best is then
chance, and their mean is better than any one of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from elman.tasks.forecast.encoding import Encoding, Scaler

Array = np.ndarray
MOST_NUMBERS, MOST_MEMBERS = 6000, 8
PREFIX = "linear: "


@dataclass(frozen=True)
class LinearMember:
    """A forecast that is linear in the window: ``reference + spread · (inputs, 1) · coefficients``.

    Args:
        coefficients: (T + 1, H), the constant's last.
        scalers: of each series that was fitted.
    """

    encoding: Encoding
    coefficients: Array = field(repr=False)
    scalers: Mapping[str, Scaler] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called among the members.

        >>> LinearMember(Encoding(24, 12, 12, "seasonal", "series", "log"), np.zeros((13, 12))).name
        'linear: seasonal log 24'
        """
        encoding = self.encoding
        return f"{PREFIX}{encoding.level} {encoding.transform} {encoding.window}"

    def forecast(self, contexts: Array, scalers: Sequence[Scaler]) -> Array:
        """(N, H) from the steps up to each cutoff; NaN where there are fewer than a window."""
        encoding = self.encoding
        window = contexts[:, -encoding.window :]
        whole = ~np.isnan(window).any(axis=1)
        if encoding.transform == "log":
            whole &= np.nanmin(np.where(np.isnan(window), np.inf, window), axis=1) > 0
        found = np.full((len(window), encoding.horizon), np.nan)
        if not whole.any():
            return found
        chosen = [scalers[k] for k in np.flatnonzero(whole).tolist()]
        encoded = encoding.encode(encoding.forward(window[whole]), chosen)
        output = encoded.inputs @ self.coefficients[:-1] + self.coefficients[-1]
        with np.errstate(over="ignore"):
            found[whole] = encoding.back(encoded.reference + encoded.spread * output)
        return found

    def scaler(self, id: str, values: Array) -> Scaler:
        """The series' own scaler, or for an unknown one that of its history ``values`` (T,)."""
        known = self.scalers.get(id)
        if known is None:
            usable = values[values > 0] if self.encoding.transform == "log" else values
            known = self.encoding.fit_scaler(self.encoding.forward(usable)) if len(usable) else Scaler(0.0, 1.0)
        return known

    def record(self) -> dict[str, object]:
        """JSON values."""
        return {
            "encoding": dataclasses.asdict(self.encoding),
            "coefficients": np.round(self.coefficients, 9).tolist(),
            "scalers": {name: list(scaler) for name, scaler in self.scalers.items()},
        }
