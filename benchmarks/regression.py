"""What regression on sequences is worth: jumps at borders, a curve beyond its end, the cell from scratch without torch.

By default for fewer epochs than the examples of the field take; ``--full`` takes as many.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._table import Table, verdict
from benchmarks.forecasting import noisy_sine
from elman import SequenceRegressor
from elman.learning import Evaluation
from elman.report import draw_all
from elman.tasks.regress.predictor import RegressPredictor

Array = np.ndarray
SEEDS = 10
PICTURES = Path("runs/benchmarks/regression")
LIKE_ADAM: dict[str, Any] = {"weight_decay": 0.0, "loss": "mse", "validation": 0.0}


def main(full: bool = False) -> bool:
    """Print the figures; True if every bar is met."""
    met = [
        borders(SEEDS, 100 if full else 20),
        curve(5000 if full else 300),
        from_scratch(1000 if full else 50),
    ]
    print(f"pictures: {PICTURES}/")
    return all(met)


def segments() -> tuple[list[Array], list[Array]]:
    """60 segments of length π, 10 steps each: a sine, and the cosine that is to follow it."""
    times = [np.linspace(k * np.pi, (k + 1) * np.pi, 10) for k in range(60)]
    return [np.sin(t) for t in times], [np.cos(t) for t in times]


def borders(seeds: int, epochs: int) -> bool:
    """The jump of the prediction at the borders of the last 12 segments: state carried, or begun anew at each.

    An update a segment, for both. The bar: carried, the error changes less across a border than begun anew.
    """
    print(f"\nsine to cosine in segments, {epochs} epochs, {seeds} seeds: mean ± spread over the seeds")
    print("change of the error across a border and from step to step inside, and by how much more across")
    table = Table(
        {"cell": "<5", "state": "<8", "across": ">16", "inside": ">16", "jump": ">17", "mae": ">16", "": "<6"}
    )
    x, y = segments()
    met = True
    for cell in ("rnn", "lstm"):
        jumps: dict[bool, float] = {}
        for carry in (False, True):
            rows = []
            for seed in range(seeds):
                settings = {"cell": cell, "hidden_size": 32, "learning_rate": 0.01, "epochs": epochs, "batch_size": 1}
                regressor = SequenceRegressor(**settings, **LIKE_ADAM, seed=seed, carry=carry)
                evaluation = _evaluated(regressor.fit((x[:48], y[:48]), test=(x[48:], y[48:])))
                jump = evaluation.facts["border_jump"]
                rows.append((jump["across"], jump["inside"], jump["excess"], evaluation.scores["mae"]))
            draw_all([evaluation.figures[0]], PICTURES / f"{cell}-{'carried' if carry else 'anew'}")
            jumps[carry] = statistics.fmean(row[0] for row in rows)
            spreads = [f"{statistics.fmean(c):.4f} ± {_spread(c):.4f}" for c in zip(*rows, strict=True)]
            word = "" if not carry else verdict(jumps[True] < jumps[False])
            table.row(cell, "carried" if carry else "anew", *spreads, word)
        met &= jumps[True] < jumps[False]
    return met


def curve(epochs: int) -> bool:
    """sin 3x + x on [-3, 3] as one sequence of 1,000 steps, and then 100 steps on, which are beyond training.

    The bar: every step beyond is said to be extrapolation, and within the range the model is better than a line.
    """
    print(f"\nsin 3x + x, one sequence of 1,000 steps, 128 units, {epochs} epochs: mean absolute error")
    table = Table({"cell": "<5", "fit": ">7.4f", "line": ">7.4f", "to 3.1": ">7.4f", "to 3.6": ">7.4f", "": "<6"})
    x = np.linspace(-3, 3, 1000)
    beyond = 3 + (x[1] - x[0]) * np.arange(1, 101)
    near = beyond <= 3.1
    met = True
    for cell in ("rnn", "lstm", "gru"):
        settings = {"cell": cell, "hidden_size": 128, "learning_rate": 5e-4, "epochs": epochs}
        # carried: what is beyond follows on the sequence
        regressor = SequenceRegressor(**settings, **LIKE_ADAM, carry=True)
        evaluation = _evaluated(regressor.fit((x, truth(x)), test=(beyond, truth(beyond))))
        tested = regressor.outcome.tested
        assert isinstance(tested, RegressPredictor)
        fit = float(np.abs(tested.outputs(regressor.read(x))[0][:, 0] - truth(x)).mean())
        line = float(np.abs(tested.record.linear_prediction(x[:, None])[:, 0] - truth(x)).mean())
        errors = np.abs(np.array(evaluation.rows["prediction"]) - truth(beyond))
        good = fit < line and evaluation.facts["extrapolated"] == len(beyond) and bool(evaluation.figures[0].shaded)
        table.row(cell, fit, line, float(errors[near].mean()), float(errors.mean()), verdict(good))
        draw_all([evaluation.figures[0]], PICTURES / f"curve-{cell}")
        met &= good
    print(f"  {evaluation.notes[-1]}")
    return met


def truth(x: Array) -> Array:
    """The curve."""
    return np.asarray(np.sin(3 * x) + x)


WITHOUT_TORCH = """
import json, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
import numpy as np
import elman
from elman.report import draw_all
regressor = elman.load(sys.argv[1])
x, y = (np.array(values) for values in json.loads(sys.stdin.read()))
predictions = {}
for backend in ("native", "reference"):
    with elman.use_backend(backend):
        predictions[backend] = regressor.predict(x)["prediction"]
evaluation = regressor.evaluate((x, y))
draw_all([evaluation.figures[0]], sys.argv[2])
print(json.dumps([predictions, dict(evaluation.scores), "torch" in sys.modules]))
"""


def from_scratch(epochs: int) -> bool:
    """The GRU that resets before the product, on four values of a slow noisy sine: trained, saved, used without torch.

    The bar: the fast cell is the written equation within float32, the other process has the same scores and no torch.
    """
    series = noisy_sine().astype(float)
    windows = np.lib.stride_tricks.sliding_window_view(series, 5)
    x, y = windows[:, :4, None], windows[:, 4]
    settings = {"cell": "gru-before", "hidden_size": 20, "batch_size": 32, "learning_rate": 0.01, "epochs": epochs}
    regressor = SequenceRegressor(at="last", **settings, **LIKE_ADAM)
    evaluation = _evaluated(regressor.fit((x[:596], y[:596]), test=(x[596:], y[596:])))
    with tempfile.TemporaryDirectory() as folder:
        # the one that was tested, alone: the other was fitted on the test as well
        run = SequenceRegressor(at="last", **settings, **LIKE_ADAM, test_size=0).fit((x[:596], y[:596])).save(folder)
        words = [sys.executable, "-c", WITHOUT_TORCH, str(run), str(PICTURES / "from-scratch")]
        given = json.dumps([x[596:].tolist(), y[596:].tolist()])
        done = subprocess.run(words, input=given, capture_output=True, text=True, check=True)
    predictions, scores, torch_there = json.loads(done.stdout.splitlines()[-1])
    fast, written = (np.array(predictions[name]) for name in ("native", "reference"))
    difference = float(np.abs(fast - written).max())
    same = float(np.abs(fast - np.array(evaluation.rows["prediction"])).max())
    good = difference < 1e-5 and same < 1e-5 and not torch_there
    print(f"\nthe cell from scratch, {epochs} epochs: test MSE {scores['mse']:.4f}, ", end="")
    print(f"linear in the last value {evaluation.baselines['linear']['mse']:.4f}, the noise alone 0.04")
    print(f"  in another process without torch: predictions within {same:.1e} of those before it was saved,")
    print(f"  and the fast cell within {difference:.1e} of the written equation: {verdict(good)}")
    return good


def _evaluated(regressor: SequenceRegressor) -> Evaluation:
    evaluation = regressor.outcome.evaluation
    assert evaluation is not None, "a test was given"
    return evaluation


def _spread(values: tuple[float, ...]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0
