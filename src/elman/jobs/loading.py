"""A trained model back from its folder."""

from __future__ import annotations

from pathlib import Path

from elman.jobs.forecaster import Forecaster


def load(folder: Path | str) -> Forecaster:
    """The model in a run folder, ready to predict, evaluate and stream; torch is not needed.

    Raises:
        ModelFileError: there is no run in ``folder``, or it is damaged.
    """
    return Forecaster.load(folder)
