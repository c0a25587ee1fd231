"""The training of :mod:`benchmarks.neuralforecast` alone on our side, everything imported beforehand.

``python -m benchmarks._neuralforecast_own DATA.csv SETTINGS.json`` fits, and prints a line of JSON.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import elman.nn.network
import elman.training.loop
from benchmarks._process import cost_of
from elman import Forecaster
from elman.tasks.forecast.problem import ForecastProblem
from elman.training.memory import keep_freed_memory


def main(data: str, settings: str) -> None:
    """Read, fit."""
    keep_freed_memory()  # as the command does
    forecaster = Forecaster(**json.loads(Path(settings).read_text(encoding="utf-8")))
    series = forecaster.read(data)
    cost = cost_of(lambda: forecaster.fit(series))
    own = forecaster.settings
    examples = len(ForecastProblem(series, own).train().targets)
    report = {
        "cost": cost,
        "updates": own.epochs * -(-examples // own.batch_size),
        "parameters": forecaster.outcome.final.model.parameter_count(),
        "versions": {"elman": elman.__version__, "torch": version("torch")},
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
