"""neuralforecast's side of :mod:`benchmarks.neuralforecast`, run by its own environment's Python.

``python -m benchmarks._neuralforecast_peer DATA.csv SETTINGS.json OUT``: from a file to a model and its forecasts in
the folder OUT, and a line of JSON. Progress bars, logs, checkpoints and validation are off.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from neuralforecast import NeuralForecast
from neuralforecast.models import GRU

from benchmarks._process import cost_of

QUIET = {
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
    "logger": False,
    "limit_val_batches": 0,
    "num_sanity_val_steps": 0,
}


def main(data: str, settings: str, out: str) -> None:
    """Read, fit, forecast, write."""
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    given, folder = json.loads(Path(settings).read_text(encoding="utf-8")), Path(out)
    frame = pd.read_csv(data)
    if frame["ds"].dtype.kind not in "iu":
        frame["ds"] = pd.to_datetime(frame["ds"])
    model = GRU(
        h=given["horizon"],
        input_size=given["window"],
        max_steps=given["updates"],
        windows_batch_size=given["batch_size"],
        learning_rate=given["learning_rate"],
        encoder_n_layers=1,
        encoder_hidden_size=given["hidden_size"],
        decoder_layers=1,  # a linear layer
        scaler_type="identity",  # the series are scaled beforehand
        random_seed=0,
        **QUIET,
    )
    forecasts = NeuralForecast([model], freq=given["frequency"], local_scaler_type="standard")
    cost = cost_of(lambda: forecasts.fit(frame, val_size=0))
    forecasts.predict().to_csv(folder / "forecast.csv", index=False)
    forecasts.save(str(folder / "model"), overwrite=True, save_dataset=False)
    (fitted,) = forecasts.models  # a copy of what it was given
    report = {
        "cost": cost,
        "updates": len(fitted.train_trajectories),
        "parameters": sum(p.numel() for p in fitted.parameters() if p.requires_grad),
        "versions": {name: version(name) for name in ("neuralforecast", "pytorch-lightning", "torch")},
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
