"""Cells of forecasters are compared by their networks, not by what is combined with them."""

from __future__ import annotations

import numpy as np

import elman
from elman.runs.files import read_json
from tests.runs.helpers import QUICK, sales


def test_a_comparison_of_forecasters_is_one_of_networks_unless_told_otherwise(tmp_path):
    data = tmp_path / "sales.csv"
    data.write_text(sales())
    given = {"cells": "gru,rnn", "seeds": 1, "pictures": False, **QUICK}
    for name, settings, members in (("alone", {}, {"network"}), ("combined", {"combine": "validation"}, None)):
        elman.compare("forecast", data, out=tmp_path / name, **given, **settings)
        for cell in ("gru", "rnn"):
            metrics = read_json(tmp_path / name / "runs" / f"{cell}-0" / "metrics.json")
            assert metrics["settings"]["highway"] is False
            found = set(metrics["members"])
            assert found == members if members else len(found) > 1


def test_where_no_epoch_improved_the_validation_loss_is_the_initial_weights(tmp_path):
    data = tmp_path / "walk.csv"
    steps = np.random.default_rng(0).standard_normal(200).cumsum()
    data.write_text("y\n" + "".join(f"{value:.4f}\n" for value in steps))
    given = {"cells": "gru,rnn", "seeds": 1, "pictures": False, **QUICK, "learning_rate": 3.0}
    elman.compare("forecast", data, out=tmp_path / "out", **given)
    for cell in ("gru", "rnn"):
        run = read_json(tmp_path / "out" / "runs" / f"{cell}-0" / "measured.json")
        assert run["best_epoch"] == 0
        assert run["validation"] == run["losses"]["validation"] < min(run["curve"])
