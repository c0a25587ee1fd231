"""Training a run: repeatability, continued training, a separate test file."""

from __future__ import annotations

import json

import numpy as np
import pytest

import elman
from elman.errors import DataError, ElmanError, SettingsError
from elman.tasks.forecast import Forecaster
from tests.runs.helpers import QUICK, numbers, read_csv, sales, train_forecast


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"cell": "lstm", "num_layers": 2, "dropout": 0.3, "recurrent_dropout": 0.2, "zoneout": 0.1, "layer_norm": True},
        {"strategy": "recursive", "level": "none", "scale": "window", "batch_size": 8, "seed": 7},
        {"init": "chrono:20", "loss": "huber", "validation": 0.0, "test_size": 0},
    ],
    ids=["defaults", "all that is random", "recursive", "no test"],
)
def test_the_same_seed_is_the_same_run(settings, here):
    first, second, other = (
        train_forecast("sales.csv", QUICK | settings | {"seed": settings.get("seed", 0) + more}, out=here / name).folder
        for name, more in (("a", 0), ("b", 0), ("c", 1))
    )
    assert numbers(first) == numbers(second)
    assert (first / "model.safetensors").read_bytes() != (other / "model.safetensors").read_bytes()


def test_a_run_does_not_touch_the_callers_random_streams(workplace):
    import torch

    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 (the global state is what is tested)
    expected = float(torch.rand(())), float(np.random.rand())  # noqa: NPY002
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    Forecaster(**QUICK | {"dropout": 0.5, "num_layers": 2}).fit(workplace / "sales.csv")
    assert (float(torch.rand(())), float(np.random.rand())) == expected  # noqa: NPY002


def test_continued_training_from_a_run(here):
    (here / "later.csv").write_text(sales(100))
    run = train_forecast("later.csv", {"epochs": 2, "seed": 3}, out=here / "on", start_from=here / "run")
    metrics = json.loads((run.folder / "metrics.json").read_text())
    # settings that were not given are the old run's
    assert metrics["settings"] == json.loads((here / "run" / "metrics.json").read_text())["settings"] | {
        "epochs": 2,
        "seed": 3,
    }
    old, new = elman.load(here / "run").model, elman.load(run.folder).model
    assert old.layers == new.layers
    assert old.encoding["encoding"] == new.encoding["encoding"]
    moved = [float(np.abs(old.arrays[name] - new.arrays[name]).max()) for name in old.arrays]
    assert 0 < max(moved) < 0.1  # a few small steps from where it was
    fresh = Forecaster(**QUICK | {"epochs": 2, "seed": 3}).fit(here / "later.csv").model
    assert max(float(np.abs(old.arrays[name] - fresh.arrays[name]).max()) for name in old.arrays) > 0.1
    assert [row[1] for row in read_csv(run.folder / "forecast.csv")[1:]] == ["2018-05", "2018-06", "2018-07"]


def test_continued_training_uses_the_columns_of_the_run(here):
    text = (here / "sales.csv").read_text().splitlines()
    wider = [text[0] + ",price"] + [f"{line},{k}" for k, line in enumerate(text[1:])]
    (here / "wider.csv").write_text("\n".join(wider) + "\n")
    named = train_forecast("wider.csv", QUICK, columns={"target": ("sales",)}, out=here / "named").folder
    run = train_forecast("wider.csv", {"epochs": 1}, out=here / "on", start_from=named)
    assert run.estimator.columns.target == ("sales",)
    assert run.estimator.data.ids == ["sales"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cell", "lstm"),
        ("hidden_size", 8),
        ("num_layers", 2),
        ("layer_norm", True),
        ("zoneout", 0.1),
        ("init", "orthogonal"),
        ("strategy", "recursive"),
        ("window", 10),
        ("season", 4),
        ("level", "none"),
        ("scale", "window"),
        ("horizon", 5),
    ],
)
def test_what_a_trained_model_has_cannot_be_changed(name, value, here):
    with pytest.raises(SettingsError, match="model to go on from"):
        train_forecast("sales.csv", {name: value}, out=here / "on", start_from=here / "run")
    assert not (here / "on").exists()


def test_what_it_has_may_be_repeated(here):
    same = {"cell": "gru", "hidden_size": 4, "horizon": 3, "epochs": 1}
    assert train_forecast("sales.csv", same, out=here / "on", start_from=here / "run").estimator is not None


def test_a_test_file_is_the_test(here):
    lines = sales().splitlines()
    (here / "early.csv").write_text("\n".join(lines[:69]) + "\n")
    (here / "late.csv").write_text("\n".join(lines[:1] + lines[69:]) + "\n")
    run = train_forecast("early.csv", QUICK, test="late.csv", out=here / "two")
    assert json.loads((run.folder / "metrics.json").read_text())["test_size"] == 84 - 68
    # 68 months to learn from and 16 for the test: the split that --test-size 16 makes of the whole file
    whole = train_forecast("sales.csv", QUICK | {"test_size": 16}, out=here / "one")
    for name in ("model.safetensors", "tested.safetensors", "predictions.csv", "forecast.csv"):
        assert (run.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_a_test_file_of_one_row(here):
    (here / "late.csv").write_text(sales(85, first=84))
    run = train_forecast("sales.csv", QUICK, test="late.csv", out=here / "new")
    assert [row[1:4] for row in read_csv(run.folder / "predictions.csv")[1:]] == [["2016-12", "2017-01", "1"]]


def test_a_test_file_of_other_series_is_refused(here):
    (here / "late.csv").write_text(sales(90, first=84).replace("sales", "rents"))
    with pytest.raises(ElmanError, match=r"late\.csv|rents"):
        train_forecast("sales.csv", QUICK, test="late.csv", out=here / "new")
    assert not (here / "new").exists()


def test_evaluation_on_data_after_training(here):
    forecaster = elman.load(here / "run")
    (here / "longer.csv").write_text(sales(104))
    facts = forecaster.evaluate(here / "longer.csv").facts
    assert facts["model"] == "final"  # all 20 new months are new to it
    assert facts["test_size"] == 104 // 5
    (here / "longer.csv").write_text(sales(90))
    facts = forecaster.evaluate(here / "longer.csv").facts
    assert facts["model"] == "tested"  # the last 18 of 90 months: the final model was fitted on 12 of them
    with pytest.raises(DataError, match="seen in training"):
        (here / "shorter.csv").write_text(sales(80))
        forecaster.evaluate(here / "shorter.csv")


def test_scikit_learn_conventions():
    forecaster = Forecaster(**QUICK)
    assert forecaster.get_params() == Forecaster(**forecaster.get_params()).get_params()
    assert forecaster.set_params(epochs=1) is forecaster and forecaster.settings.epochs == 1
    with pytest.raises(SettingsError, match="'epoch' is not a setting of this task; there are: epochs"):
        forecaster.set_params(epoch=1)
    for act in (forecaster.predict, forecaster.stream, lambda: forecaster.model, lambda: forecaster.metrics):
        with pytest.raises(ElmanError):
            act()
