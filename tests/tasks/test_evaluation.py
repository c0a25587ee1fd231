"""Forecasters from data to scores: several series, test files, which model is evaluated on what; repeatability."""

from __future__ import annotations

import copy
import inspect
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import elman
from elman import Forecaster
from elman.data import read_series
from elman.errors import DataError, ElmanError, SettingsError
from elman.learning import Evaluation
from elman.tasks.forecast import ForecastSettings
from elman.tasks.forecast.scores import METRICS, QUANTILE_LOSS
from tests.tasks.conftest import TINY
from tests.tasks.helpers import drawn, rolled, wavy, with_gaps


def bits_of(forecaster: Forecaster) -> dict[str, bytes]:
    outcome = forecaster.outcome
    found = {"final": outcome.final} | ({} if outcome.tested is None else {"tested": outcome.tested})
    return {f"{which} {name}": a.tobytes() for which, p in found.items() for name, a in p.model.arrays.items()}


def without_times(forecaster: Forecaster) -> dict:
    return {name: value for name, value in forecaster.metrics.items() if name != "seconds"}


def months(steps: int, first: int = 2000) -> list[str]:
    return [f"{first + k // 12}-{1 + k % 12:02d}" for k in range(steps)]


def measured(evaluation: Evaluation) -> tuple:
    return evaluation.scores, evaluation.baselines, evaluation.rows, evaluation.verdict


# ── repeatability ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_seed_gives_the_same_bits(tiny, tiny_data):
    again = Forecaster(**tiny.get_params()).fit(tiny_data.copy())
    assert bits_of(again) == bits_of(tiny)
    assert without_times(again) == without_times(tiny)
    assert again.predict() == tiny.predict()
    assert again.outcome.evaluation.rows == tiny.outcome.evaluation.rows


def test_another_seed_gives_others(tiny, tiny_data):
    other = Forecaster(**TINY, seed=1).fit(tiny_data)
    assert bits_of(other).keys() == bits_of(tiny).keys()
    assert all(bits != bits_of(tiny)[name] for name, bits in bits_of(other).items() if "weight" in name)
    assert other.predict()["forecast"] != tiny.predict()["forecast"]


def test_with_dropout_and_several_layers_too():
    options = {"num_layers": 2, "dropout": 0.3, "recurrent_dropout": 0.2, "zoneout": 0.1, "layer_norm": True}
    one, two = (Forecaster(**TINY, **options).fit(wavy(60)) for _ in range(2))
    assert bits_of(one) == bits_of(two) and without_times(one) == without_times(two)


# ── several series and several columns ───────────────────────────────────────────────────────────────────────────


def long_format() -> dict[str, list]:
    """Two series of different length, the rows of one among those of the other."""
    a, b = wavy(60, seed=1), 100 * wavy(48, seed=2)
    rows = [("north", ds, y) for ds, y in zip(months(60), a, strict=True)]
    rows += [("south", ds, y) for ds, y in zip(months(48, 2001), b, strict=True)]
    order = np.random.default_rng(0).permutation(len(rows))
    columns = zip(*(rows[k] for k in order), strict=True)
    return {name: list(column) for name, column in zip(("unique_id", "ds", "y"), columns, strict=True)}


def test_long_format_is_scored_series_by_series_and_then_averaged():
    data = read_series(long_format())
    problem, model = drawn(data, horizon=6)
    evaluation, rollings = rolled(problem, model)
    assert {r.id: len(r.cutoffs) for r in rollings} == {"north": 2, "south": 2}
    assert evaluation.facts["series"] == 2 and evaluation.facts["windows"] == 4 and evaluation.facts["season"] == 12
    for name, found in {"model": evaluation.scores, **evaluation.baselines}.items():
        maes = [np.nanmean(np.abs(r.actual - r.forecasts[name])) for r in rollings]
        assert found["mae"] == pytest.approx(np.mean(maes))
        assert found["mase"] == pytest.approx(np.mean([m / r.naive_error for m, r in zip(maes, rollings, strict=True)]))
    # scaled each by itself, the large series does not outweigh the small one
    assert problem.plan.scalers["south"].spread > 50 * problem.plan.scalers["north"].spread
    ids = evaluation.rows["unique_id"]
    assert {name: ids.count(name) for name in ids} == {"north": 12, "south": 9}


def test_one_model_for_all_series_forecasts_each_as_it_would_alone(tmp_path):
    forecaster = Forecaster(hidden_size=4, epochs=1, horizon=6).fit(long_format())
    columns = forecaster.predict()
    assert columns["unique_id"] == [data_id for data_id in forecaster.data.ids for _ in range(6)]
    assert set(columns["unique_id"]) == {"north", "south"}
    by_id = {name: [f for i, f in zip(columns["unique_id"], columns["forecast"], strict=True) if i == name]
             for name in ("north", "south")}  # fmt: skip
    long = long_format()
    for name in by_id:
        rows = [k for k, i in enumerate(long["unique_id"]) if i == name]
        alone = forecaster.predict({column: [values[k] for k in rows] for column, values in long.items()})
        np.testing.assert_allclose(alone["forecast"], by_id[name], rtol=1e-5)
        assert alone["ds"][0] == "2005-01" and alone["step"] == [1, 2, 3, 4, 5, 6]


def test_several_targets_are_a_series_each():
    frame = {"ds": months(60), "a": wavy(60, seed=1), "b, c": wavy(60, seed=2), "other": ["x"] * 60}
    forecaster = Forecaster(hidden_size=4, epochs=1, horizon=3).fit(frame, target=["a", "b, c"])
    assert forecaster.data.ids == ["a", "b, c"]
    assert list(dict.fromkeys(forecaster.predict()["unique_id"])) == ["a", "b, c"]
    assert forecaster.metrics["series"] == 2
    assert forecaster.outcome.final.model.encoding["scalers"].keys() == {"a", "b, c"}


def test_gaps_are_neither_learned_nor_scored():
    """A value filled in has no weight: whether a gap's value was ever observed matters to nothing but the inputs."""
    values = with_gaps(wavy(80), [20, 21, 40, 70, 75])
    forecaster = Forecaster(**TINY).fit(values)
    rows = forecaster.outcome.evaluation.rows
    assert [int(ds) for ds, y in zip(rows["ds"], rows["y"], strict=True) if np.isnan(y)] == [70, 75]
    assert np.isfinite(list(forecaster.metrics["test"].values())).all()


# ── what the record says ─────────────────────────────────────────────────────────────────────────────────────────


def test_metrics_have_what_was_promised(tiny):
    metrics = tiny.metrics
    assert (metrics["elman"], metrics["task"], metrics["cell"]) == (elman.__version__, "forecast", "gru")
    promised = (*METRICS, QUANTILE_LOSS)
    assert tuple(metrics["test"]) == promised and all(tuple(m) == promised for m in metrics["baselines"].values())
    assert list(metrics["baselines"]) == ["naive", "seasonal_naive", "linear"]
    assert (metrics["test_size"], metrics["windows"], metrics["season"]) == (16, 6, 6)
    hidden = 4
    recurrent = 3 * hidden * (1 + hidden + 2)
    assert (metrics["recurrent_parameters"], metrics["parameters"]) == (recurrent, recurrent + 3 * (hidden + 1))
    assert metrics["settings"]["hidden_size"] == 4 and metrics["seconds"] > 0
    assert metrics["verdict"] == tiny.outcome.evaluation.verdict


def test_a_constant_series_trains_and_its_mase_is_none():
    forecaster = Forecaster(hidden_size=4, epochs=1, horizon=3).fit(np.full(60, 7.0))
    assert forecaster.metrics["test"]["mase"] is None
    assert forecaster.predict()["forecast"] == pytest.approx([7.0] * 3, abs=1e-3)


def test_without_a_test_nothing_is_scored(tiny_data):
    forecaster = Forecaster(**TINY, test_size=0).fit(tiny_data)
    assert forecaster.outcome.evaluation is None and forecaster.outcome.tested is None
    assert forecaster.metrics["test"] == {} and forecaster.metrics["verdict"] == ""
    with pytest.raises(DataError, match="its last 16 steps were seen in training"):
        forecaster.evaluate(tiny_data)


# ── a file for the test ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_test_file_is_the_same_as_the_end_of_one_file(tiny, tiny_data):
    apart = Forecaster(**TINY).fit(tiny_data[:-16], test=tiny_data[-16:])
    assert bits_of(apart) == bits_of(tiny)
    assert measured(apart.outcome.evaluation) == measured(tiny.outcome.evaluation)
    assert apart.predict() == tiny.predict()


def test_also_with_times_and_several_series():
    whole = long_format()
    late = [ds >= "2004-07" for ds in whole["ds"]]
    first, rest = (
        {
            name: [v for v, is_late in zip(column, late, strict=True) if is_late == wanted]
            for name, column in whole.items()
        }
        for wanted in (False, True)
    )
    options = {"hidden_size": 4, "epochs": 2, "horizon": 3}
    apart = Forecaster(**options).fit(first, test=rest)
    together = Forecaster(**options, test_size=6).fit(whole)
    order = {name: together.data.ids.index(name) for name in apart.data.ids}
    assert sorted(order) == ["north", "south"]
    assert apart.metrics["test_size"] == together.metrics["test_size"] == 6
    if list(order.values()) == [0, 1]:
        assert bits_of(apart) == bits_of(together)
    names = ("unique_id", "cutoff", "ds", "step", "y")
    places = [sorted(zip(*(f.outcome.evaluation.rows[name] for name in names), strict=True)) for f in (apart, together)]
    assert places[0] == places[1]


def test_a_test_file_that_does_not_follow_on_is_refused():
    first = {"ds": months(60), "y": wavy(60)}
    with pytest.raises(DataError, match="give only rows that come after"):
        Forecaster(**TINY).fit(first, test={"ds": months(12, 2004), "y": wavy(12)})


# ── which model may be measured on what ──────────────────────────────────────────────────────────────────────────


def test_on_the_data_of_training_the_tested_model_is_measured_and_gives_the_same_scores(tiny, tiny_data):
    evaluation = tiny.evaluate(tiny_data)
    assert evaluation.facts["model"] == "tested"
    assert measured(evaluation) == measured(tiny.outcome.evaluation)


def test_on_later_data_the_final_model_is_measured(tiny):
    longer = np.append(wavy(80), wavy(40, seed=1))
    facts = tiny.evaluate(longer).facts  # the last 24 of 120
    assert (facts["model"], facts["test_size"], facts["windows"]) == ("final", 24, 8)


def test_the_tested_model_is_evaluated_on_what_only_the_final_one_was_fitted_on(tiny, tiny_data):
    longer = np.append(tiny_data, wavy(10, seed=5))  # the last 18 of 90: 10 new ones, 8 of the test
    assert tiny.evaluate(longer).facts["model"] == "tested"
    with pytest.raises(DataError, match="its last 14 steps were seen in training"):
        tiny.evaluate(tiny_data[:70])  # a part of the training data is no new series
    with pytest.raises(DataError, match="seen in training"):
        tiny.evaluate(tiny_data[:40])


def test_another_series_of_the_same_name_is_new(tiny):
    assert tiny.evaluate(wavy(80, seed=7)).facts["model"] == "final"
    assert tiny.evaluate(wavy(80)[5:]).facts["model"] == "final"


def test_with_times_it_is_the_time_that_counts():
    data = {"ds": months(72), "y": wavy(72, season=12)}
    forecaster = Forecaster(hidden_size=4, epochs=1, horizon=3).fit(data)  # the test begins at 2004-11
    later = {"ds": months(90), "y": wavy(90, seed=3)}
    for rows, which in ((90, "final"), (72, "tested"), (75, "tested")):
        part = read_series({name: column[:rows] for name, column in later.items()})
        assert forecaster.evaluate(part).facts["model"] == which
    with pytest.raises(DataError, match="its last 12 steps were seen in training"):
        forecaster.evaluate({name: column[:60] for name, column in later.items()})
    cut = read_series({name: column[10:80] for name, column in later.items()})  # its beginning is not what counts
    assert forecaster.evaluate(cut).facts["model"] == "tested"


def test_a_saved_forecaster_chooses_and_scores_alike(tiny, tiny_data, tmp_path):
    loaded = elman.load(tiny.save(tmp_path / "run"))
    assert bits_of(loaded) == bits_of(tiny)
    assert measured(loaded.evaluate(tiny_data)) == measured(tiny.outcome.evaluation)
    assert loaded.predict(tiny_data)["forecast"] == tiny.predict()["forecast"]
    with pytest.raises(DataError, match="holds no data"):
        loaded.predict()
    stream = loaded.stream()
    for value in tiny_data:
        forecast = stream.step(value)
    assert_array_equal(forecast, tiny.predict()["forecast"])


# ── going on ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_continuing_on_later_data_begins_at_the_final_model(tiny, tiny_data):
    longer = np.concatenate([tiny_data, wavy(40, seed=4)])
    on = Forecaster(**TINY | {"learning_rate": 1e-30, "weight_decay": 0}).fit(longer, start_from=tiny)
    for name, array in tiny.outcome.final.model.arrays.items():
        assert_array_equal(on.outcome.tested.model.arrays[name], array)  # so short a step changes no bit
    assert on.outcome.tested.model.encoding["encoding"] == tiny.outcome.final.model.encoding["encoding"]
    assert on.outcome.tested.model.encoding["scalers"] != tiny.outcome.final.model.encoding["scalers"]


def test_continuing_on_the_same_data_begins_at_the_tested_model(tiny, tiny_data):
    on = Forecaster(**TINY | {"learning_rate": 1e-30, "weight_decay": 0}).fit(tiny_data, start_from=tiny)
    for name, array in tiny.outcome.tested.model.arrays.items():
        assert_array_equal(on.outcome.tested.model.arrays[name], array)
    assert measured(on.outcome.evaluation) == measured(tiny.outcome.evaluation)


def test_continuing_on_a_test_of_both_models_is_refused_unless_there_is_no_test(tiny, tiny_data):
    with pytest.raises(DataError, match="by the model to go on from, so a score on them would say nothing"):
        Forecaster(**TINY, test_size=30).fit(tiny_data, start_from=tiny)
    on = Forecaster(**TINY | {"epochs": 1}, test_size=0).fit(tiny_data[:60], start_from=tiny)
    # and the marks of the first training are kept
    assert on.outcome.final.model.encoding["fitted"] == tiny.outcome.final.model.encoding["fitted"]
    with pytest.raises(DataError, match="seen in training"):
        on.evaluate(tiny_data)


def test_continued_training_moves_the_weights_and_keeps_the_shape(tiny, tiny_data):
    on = Forecaster(**TINY).fit(tiny_data, start_from=tiny)
    assert bits_of(on).keys() == bits_of(tiny).keys()
    assert any(bits != bits_of(tiny)[name] for name, bits in bits_of(on).items())
    with pytest.raises(SettingsError, match="the model to go on from forecasts 3 steps; `horizon` is 5"):
        Forecaster(horizon=5).fit(tiny_data, start_from=tiny)


# ── scikit-learn's manners ───────────────────────────────────────────────────────────────────────────────────────


def test_parameters_are_got_set_and_cloned_as_scikit_learn_does():
    forecaster = Forecaster(hidden_size=8, learning_rate=np.float64(0.01), window=5)
    params = forecaster.get_params()
    assert params["hidden_size"] == 8 and params["cell"] == "gru" and params["horizon"] is None
    assert (
        params.keys()
        == inspect.signature(Forecaster).parameters.keys()
        == inspect.signature(ForecastSettings).parameters.keys()
    )
    assert forecaster.set_params(hidden_size=9, cell="lstm") is forecaster
    assert (forecaster.get_params()["hidden_size"], forecaster.get_params()["window"]) == (9, 5)
    # sklearn.base.clone: copies of the parameters to the constructor, which must give back the very same ones
    copies = {name: copy.deepcopy(value) for name, value in forecaster.get_params(deep=False).items()}
    clone = type(forecaster)(**copies)
    assert clone is not forecaster and clone.settings == forecaster.settings
    assert all(clone.get_params()[name] is value for name, value in copies.items())
    with pytest.raises(SettingsError, match="'hidden' is not a setting of this task"):
        forecaster.set_params(hidden=3)
    with pytest.raises(SettingsError, match="hidden_size is 0"):
        forecaster.set_params(hidden_size=0)
    assert forecaster.get_params()["hidden_size"] == 9


def test_an_untrained_estimator_raises():
    for use in (lambda f: f.model, lambda f: f.predict(wavy(60)), lambda f: f.stream(), lambda f: f.save(Path("x"))):
        with pytest.raises(ElmanError, match="not trained yet: call fit first"):
            use(Forecaster())
