"""Cells of forecasters are compared by their networks, not by what is combined with them."""

from __future__ import annotations

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
