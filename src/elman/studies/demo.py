"""``elman demo``: a noisy "price", one step ahead and then on its own output, by RNN, LSTM and GRU."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import RunFolderError
from elman.learning import Figure, Line
from elman.report.plots import draw_all
from elman.report.tables import score_table
from elman.tasks.forecast import Forecaster
from elman.tasks.forecast.forecasts import median_of, network_forecasts
from elman.tasks.forecast.predictor import ForecastPredictor

CELLS = ("rnn", "lstm", "gru")
POINTS, END, NOISE = 500, 100.0, 0.1
SETTINGS: dict[str, Any] = {
    "horizon": 1,
    "window": 10,
    "strategy": "recursive",
    "level": "none",
    "hidden_size": 20,
    "num_layers": 2,
    "batch_size": 0,
    "learning_rate": 0.01,
    "loss": "mse",
    "epochs": 100,
    "schedule": "constant",
    "validation": 0.0,
    "highway": False,
    "stride": 1,
}


def noisy_price(points: int = POINTS, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """``sin`` on [0, 100] with normal noise of standard deviation 0.1, float32; and the sine without the noise.

    >>> price, truth = noisy_price()
    >>> price.shape, price.dtype, round(float(np.std(price - truth)), 1)
    ((500,), dtype('float32'), 0.1)
    """
    truth = np.sin(np.linspace(0, END, points))
    noise = np.random.default_rng(seed).normal(0, NOISE, points)
    return (truth + noise).astype(np.float32), truth.astype(np.float32)


def demo(out: Path, on_event: Callable[[Any], None] | None = None) -> str:
    """Train the three cells, draw what they do, and give the table in words.

    Raises:
        RunFolderError: the pictures cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{out}: cannot be made ({error.strerror}); choose another `out`") from error
    price, truth = noisy_price()
    rows: list[tuple[str, Mapping[str, float]]] = []
    notes, figures, ahead = [], [], {}
    for cell in CELLS:
        forecaster = Forecaster(cell=cell, **SETTINGS).fit(price, on_event=on_event)
        outcome = forecaster.outcome
        evaluation, tested = outcome.evaluation, outcome.tested
        assert evaluation is not None and isinstance(tested, ForecastPredictor), "the demo holds a test back"
        baselines, labels = evaluation.baselines, evaluation.labels
        test_size = int(evaluation.facts["test_size"])
        size = tested.model.parameter_count()
        rows.append((f"{cell} ({size} parameters, {outcome.seconds:.1f} s)", evaluation.scores))
        notes.append(f"{cell}: {evaluation.verdict}")
        figures.append(dataclasses.replace(evaluation.figures[0], name=f"one_step_{cell}", title=f"One step: {cell}"))
        ahead[cell] = _closed_loop(tested, price, len(price) - test_size, test_size)
    rows += [(labels[name], scores) for name, scores in baselines.items()]
    figures += _closed_loop_figures(price, truth, ahead, test_size)
    pictures = draw_all(figures, out)
    title = (
        f"A noisy sine of {POINTS} points; one step ahead over the last {test_size} "
        f"(the noise alone has mse {NOISE**2:g})"
    )
    table = score_table(title, ("mae", "mse", "rmse", "mase"), rows)
    loop = score_table(
        f"On its own output, {test_size} steps from the end of the training part, against the sine without noise",
        ("mae", "rmse"),
        [(cell, _errors(forecast, truth[-test_size:])) for cell, forecast in ahead.items()]
        + [("last value", _errors(np.full(test_size, price[-test_size - 1]), truth[-test_size:]))],
    )
    return "\n".join([table, "", loop, "", *notes, "", "Pictures:", *(f"  {path}" for path in pictures)])


def _closed_loop(predictor: ForecastPredictor, price: np.ndarray, start: int, steps: int) -> np.ndarray:
    """``steps`` forecasts from what precedes ``start``, each made from those before it."""
    plan = predictor.plan
    context = price[None, start - plan.memory : start].astype(float)
    found = network_forecasts(predictor.model, plan, context, list(plan.scalers.values()), steps)
    forecast: np.ndarray = median_of(found)[0]
    return forecast


def _errors(forecast: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    error = forecast - truth
    return {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt(np.mean(error * error)))}


def _closed_loop_figures(
    price: np.ndarray, truth: np.ndarray, ahead: dict[str, np.ndarray], steps: int
) -> list[Figure]:
    start = len(price) - steps
    before, after = np.arange(start - steps // 2, start), np.arange(start, len(price))
    lines = [
        Line("observed", before, price[before], "truth"),
        Line("sine without noise", after, truth[after], "baseline"),
        *(Line(cell, after, forecast, "model") for cell, forecast in ahead.items()),
    ]
    lead = np.arange(1, steps + 1)
    errors = [Line(cell, lead, np.abs(forecast - truth[after]), "model") for cell, forecast in ahead.items()]
    return [
        Figure("closed_loop", "On its own output", "step", "price", tuple(lines), marks=((start, "training ends"),)),
        Figure("closed_loop_error", "On its own output", "steps ahead", "absolute error", tuple(errors), y_min=0),
    ]
