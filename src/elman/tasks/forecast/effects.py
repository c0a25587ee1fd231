"""What columns beside the values add to a linear forecast: the linear regression of selection, with them in it.

A column that is known beforehand has one effect ``β``, the same at every step: where ``y_t = β·u_t + e_t`` and ``e`` is
forecast from its own window, what is read and put out of ``y`` (linear in it, whatever the level) less ``β`` times the
same of ``u`` is that of ``e``. A column of the past has a coefficient for each of its steps, as the values have.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from elman.tasks.forecast.examples import Pairs

Array = np.ndarray
ROUNDS = 3  # of fitting the effects beside the regression on what they leave, and the other way round
PENALTY = 1e-2  # of that regression, a share of its inputs' mean square
LEAST = 1e-4  # of the effects themselves
MOST_FITTED = 4000  # examples
MOST_INPUTS, FEW_LAGS = 400, 24  # of the regression, which reads so many of the last steps of past columns at least


@dataclass(frozen=True)
class Effects:
    """The effects of F columns that are known beforehand, the last ones of C, of all that have a level.

    Args:
        beta: (F,).
        columns: C.
        lags: last steps of the window at which the others are read.
    """

    beta: Array
    columns: int
    lags: int

    def removed(self, found: Pairs) -> Pairs:
        """Examples without the effects, in which the past columns stand behind the values: (N, T + lags · (C - F))."""
        if found.columns is None or found.ahead is None:
            return found
        known = len(self.beta)
        past = self.columns - known
        own = found.columns[:, :, past : self.columns].astype(float)
        effect = found.ahead[:, :, :known].astype(float) @ self.beta
        others = found.columns[:, found.columns.shape[1] - self.lags :, :past]
        return dataclasses.replace(
            found,
            inputs=np.concatenate([found.inputs - own @ self.beta, others.reshape(len(found), -1)], axis=1),
            targets=found.targets - effect,
            reference=found.reference + found.spread * effect,
            columns=None,
            ahead=None,
        )

    def whole(self, coefficients: Array, found: Pairs) -> Array:
        """Coefficients of the network's own inputs, from those of :meth:`removed` ones.

        Args:
            coefficients: (T + lags · (C - F) + 1, H), the constant's last.

        Returns:
            (T + T · columns + H · ahead + 1, H), of the window, the columns and what is ahead, step by step, and the
            constant.
        """
        if found.columns is None or found.ahead is None:
            return coefficients
        steps, horizon = found.inputs.shape[1], coefficients.shape[1]
        known = len(self.beta)
        past = self.columns - known
        own = coefficients[:steps]
        columns = np.zeros((steps, found.columns.shape[2], horizon))
        columns[steps - self.lags :, :past] = coefficients[steps:-1].reshape(self.lags, past, horizon)
        columns[:, past : self.columns] = -own[:, None] * self.beta[:, None]
        ahead = np.zeros((horizon, found.ahead.shape[2], horizon))
        ahead[np.arange(horizon), :known, np.arange(horizon)] = self.beta
        parts = (own, columns.reshape(-1, horizon), ahead.reshape(-1, horizon), coefficients[-1:])
        return np.concatenate(parts)


def fit_effects(found: Pairs) -> Effects:
    """The effects that fit some examples, found together with the regression on the windows."""
    if found.columns is None or found.ahead is None:
        return Effects(np.zeros(0), 0, 0)
    known, columns, steps = found.level[1], found.level[0], found.inputs.shape[1]
    past = columns - known
    lags = min(steps, max(FEW_LAGS, (MOST_INPUTS - steps) // past)) if past else 0
    effects = Effects(np.zeros(known), columns, lags)
    if not known:
        return effects
    found = found.every(-(-len(found) // MOST_FITTED))
    assert found.columns is not None and found.ahead is not None, "they were there before"
    weights = found.weights.astype(float)
    own = np.moveaxis(found.columns[:, :, past:columns], 1, 2).astype(float).reshape(-1, steps)
    for _ in range(ROUNDS):
        rest = effects.removed(found)
        x = np.column_stack([rest.inputs, np.ones(len(rest))])
        gram = x.T @ x / len(x)
        gram[np.diag_indices(len(gram))] += PENALTY * float(np.mean(np.square(rest.inputs))) + 1e-12
        a = np.linalg.solve(gram, x.T @ (rest.targets * weights) / len(x))
        # what the columns add at each step, beside what their window already says
        said = np.moveaxis((own @ a[:steps]).reshape(len(found), known, -1), 1, 2)
        more = found.ahead[:, :, :known] - said
        left = found.targets - found.inputs @ a[:steps] - x[:, steps:] @ a[steps:]
        square = np.einsum("nhf,nh,nhg->fg", more, weights, more)
        square[np.diag_indices(known)] += LEAST * max(float(np.trace(square)) / known, 1e-12)
        beta = np.linalg.solve(square, np.einsum("nhf,nh,nh->f", more, weights, left))
        effects = Effects(beta, columns, lags)
    return effects
