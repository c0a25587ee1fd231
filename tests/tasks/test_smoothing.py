"""Exponential smoothing and the airline model, against a plain loop of their equations over one history."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from elman.data import Series, SeriesSet
from elman.data.windows import contexts
from elman.errors import ModelFileError
from elman.tasks.forecast import Forecaster
from elman.tasks.forecast.record import plan_from_record, record_of
from elman.tasks.forecast.smoothing import (
    LEADS,
    SmoothingMember,
    default_window,
    smoothing_forecasts,
    smoothing_maps,
)
from elman.tasks.forecast.smoothing_forms import FORMS, GRIDS, fewest, forecasts, seasons_of

Array = np.ndarray
HORIZON = 7


def of_form(form: str, season: int, window: int, transform: str = "none", **more: Any) -> SmoothingMember:
    """With a longer season of three of the shorter one where it takes both."""
    seasons = seasons_of(form, (season, 3 * season))
    assert seasons is not None
    return SmoothingMember(form, transform, seasons, window, **more)


def forecast(member: SmoothingMember, rows: Array, ids: list[str], horizon: int) -> Array:
    return smoothing_forecasts([member], rows, ids, horizon)[member.name]


def smoothed(y: Array, season: int, parameters: tuple[float, ...], horizon: int) -> Array:
    """The equations of the module, one step after the other."""
    alpha, beta, gamma, damping = parameters
    seasons = min(3, len(y) // season)
    means = [y[k * season : (k + 1) * season].mean() for k in range(seasons)]
    slope = (means[-1] - means[0]) / ((seasons - 1) * season)
    begin = means[0] - slope * (season - 1) / 2
    level = begin - slope
    around = [y[t] - begin - slope * t for t in range(seasons * season)]
    places = [float(np.mean(around[place::season])) for place in range(season)]
    places = [place - float(np.mean(places)) for place in places]
    slope = slope if beta else 0.0
    for t, value in enumerate(y):
        error = value - (level + damping * slope + places[t % season])
        level, slope = level + damping * slope + alpha * error, damping * slope + alpha * beta * error
        places[t % season] += gamma * (1 - alpha) * error
    found = []
    for t in range(len(y), len(y) + horizon):
        slope *= damping
        level += slope
        found.append(level + places[t % season])
    return np.array(found)


def double(y: Array, season: int, parameters: tuple[float, ...], horizon: int) -> Array:
    alpha, gamma, delta, stays = parameters
    longer = 3 * season
    # what it begins with is that of a level that does not move on: before the first step it is forecast from nothing
    first = smoothed(y[: min(3, len(y) // longer) * longer], longer, (0.0, 0.0, 0.0, 1.0), longer)
    level, places, shorter, missed = 0.0, list(first), [0.0] * season, 0.0
    for t, value in enumerate(y):
        new = value - (level + places[t % longer] + shorter[t % season])
        error = new - stays * missed
        missed = new
        level += alpha * error
        places[t % longer] += gamma * error
        shorter[t % season] += delta * error
    ahead = range(len(y), len(y) + horizon)
    return np.array(
        [level + places[t % longer] + shorter[t % season] + stays ** (k + 1) * missed for k, t in enumerate(ahead)]
    )


def airline(y: Array, season: int, parameters: tuple[float, ...], horizon: int) -> Array:
    theta, seasonal = parameters
    errors: dict[int, float] = {}

    def told(t: int) -> float:
        known = [errors.get(t - k, 0.0) for k in (1, season, season + 1)]
        change = theta * known[0] + seasonal * known[1] + theta * seasonal * known[2]
        return float(values[t - 1] + values[t - season] - values[t - season - 1] + change)

    values = list(y)
    for t in range(season + 1, len(y)):
        errors[t] = values[t] - told(t)
    for t in range(len(y), len(y) + horizon):
        values.append(told(t))
    return np.array(values[len(y) :])


EQUATIONS = {"airline": airline, "double": double}


@settings(max_examples=60)
@given(
    form=st.sampled_from(FORMS),
    season=st.sampled_from([2, 3, 5]),
    point=st.integers(0, 10_000),
    lengths=st.lists(st.integers(2, 60), min_size=1, max_size=4),
    transform=st.sampled_from(["none", "log"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_histories_of_any_length_together_give_what_the_equations_give_of_each(
    form: str, season: int, point: int, lengths: list[int], transform: str, seed: int
) -> None:
    parameters = GRIDS[form][point % len(GRIDS[form])]
    member = of_form(form, season, 60, transform, parameters={"": parameters})
    values = np.random.default_rng(seed).uniform(1, 3, 60)
    rows = np.concatenate([contexts(values[-length:], [length - 1], 60) for length in lengths])
    found = forecast(member, rows, [""] * len(rows), HORIZON)
    for length, row in zip(lengths, found, strict=True):
        if length < fewest(member.seasons[0]):
            assert np.isnan(row).all()
            continue
        own = values[-length:]
        own = np.log(own) if transform == "log" else own
        told = EQUATIONS.get(form, smoothed)(own, season, parameters, HORIZON)
        assert_allclose(row, np.exp(told) if transform == "log" else told, rtol=1e-9, atol=1e-9)


@settings(max_examples=30)
@given(
    form=st.sampled_from(FORMS), season=st.sampled_from([2, 4]), point=st.integers(0, 10_000), extra=st.integers(0, 9)
)
def test_one_run_over_a_series_gives_what_a_run_up_to_each_cutoff_gives(
    form: str, season: int, point: int, extra: int
) -> None:
    seasons = seasons_of(form, (season, 3 * season))
    assert seasons is not None
    values = np.random.default_rng(point).normal(size=(2, 3 * seasons[0] + 20))
    values[1, :extra] = np.nan  # begins later
    points = np.array([GRIDS[form][point % len(GRIDS[form])], GRIDS[form][-1]])[:, None]
    cutoffs = range(3 * seasons[0] + extra - 1, values.shape[1], 3)
    for cutoff, found in zip(cutoffs, forecasts(form, values, seasons, points, 5, cutoffs), strict=True):
        (alone,) = forecasts(form, values[:, : cutoff + 1], seasons, points, 5, [cutoff])
        assert_allclose(found, alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("transform", ["none", "log"])
def test_a_map_of_a_full_window_gives_what_its_steps_give(form: str, transform: str) -> None:
    points = {"": GRIDS[form][0], "a": GRIDS[form][-1]}
    member = of_form(form, 4, 40, transform, parameters=points)
    values = 1e6 + np.random.default_rng(2).uniform(1, 3, 50)
    rows = contexts(values, [20, 38, 39, 49], 40)  # the first two are no full windows
    maps = smoothing_maps([member], "a", HORIZON)
    assert [own.shape for own in maps.values()] == [(40, HORIZON)]
    wrong = {name: own + 1 for name, own in maps.items()}
    for row in rows:
        told = forecast(member, row[None], ["a"], HORIZON)
        found = smoothing_forecasts([member], row[None], ["a"], HORIZON, maps)[member.name]
        assert_allclose(found, told, rtol=1e-11)
        other = smoothing_forecasts([member], row[None], ["a"], HORIZON, wrong)[member.name]
        assert np.array_equal(other, told, equal_nan=True) == bool(np.isnan(row).any())
    assert not smoothing_maps([member], "a", 10**6)  # too large


@pytest.mark.parametrize("form", ["level", "trend", "airline"])  # a damped line bends
def test_a_season_on_a_line_goes_on(form: str) -> None:
    steps = np.arange(70.0)
    values = 5 + np.array([3.0, -1.0, -2.0, 0.0, 4.0])[steps.astype(int) % 5]
    values = values + (0 if form == "level" else 0.5) * steps
    members = of_form(form, 5, 50).fitted(HORIZON, {"a": (values[:60], np.ones(60, bool))})
    assert [one.leads for one in members] == ["all", "first"]
    for member in members:
        found = forecast(member, values[None, :60], ["a"], HORIZON)[0]
        assert_allclose(found, values[60 : 60 + HORIZON], rtol=0, atol=1e-9)


def test_the_parameters_are_those_of_the_least_error_that_was_observed() -> None:
    rng = np.random.default_rng(3)  # the two sets of parameters differ
    y = np.cumsum(rng.normal(size=60)) + 2 * rng.normal(size=60)
    observed = np.ones(60, bool)
    observed[40:44] = False
    members = of_form("level", 2, 50).fitted(3, {"walk": (y, observed)})

    def error(parameters: tuple[float, ...], leads: int) -> float:
        own = of_form("level", 2, 60, parameters={"": parameters})
        rows = [forecast(own, contexts(y, [t], 60), [""], 3)[0] - y[t + 1 : t + 4] for t in range(7, 57)]
        known = [observed[t + 1 : t + 4] for t in range(7, 57)]
        return float(np.abs(np.array(rows))[:, :leads][np.array(known)[:, :leads]].mean())

    best = [min(GRIDS["level"], key=lambda point, leads=leads: error(point, leads)) for leads in (3, 1)]
    assert [one.parameters["walk"] for one in members] == best and best[0] != best[1]
    (alone,) = of_form("level", 2, 50).fitted(1, {"walk": (y, observed)})
    assert alone.leads == "all"


def test_two_seasons_and_an_error_that_stays_are_found_and_go_on() -> None:
    steps, rng = np.arange(24 * 7 * 8), np.random.default_rng(7)
    stays = np.zeros(len(steps))
    for step in steps[1:]:
        stays[step] = 0.9 * stays[step - 1] + rng.normal(0, 0.1)
    y = 50 + 10 * np.sin(2 * np.pi * steps / 24) * (1 + 0.5 * (steps // 24 % 7 > 4)) + stays
    known, truth = (y[:-48], np.ones(len(y) - 48, bool)), y[-48:]
    both, first = (
        of_form("double", 24, 1008).fitted(48, {"a": known}),
        of_form("level", 24, 240).fitted(48, {"a": known}),
    )
    assert both[0].seasons == (72, 24)  # three days: not the week
    week = SmoothingMember("double", "none", (168, 24), 1008).fitted(48, {"a": known})
    assert week[1].parameters["a"][3] == 0.9  # by the next step

    def error(member: SmoothingMember) -> float:
        return float(np.abs(forecast(member, y[None, :-48], ["a"], 48)[0] - truth).mean())

    assert error(week[0]) < 0.5 * min(error(both[0]), error(first[0]))


def test_what_is_fitted_does_not_depend_on_the_other_series() -> None:
    rng = np.random.default_rng(8)
    lengths = (70, 200, 71, 90, 24)  # the last is too short
    series = {str(k): (np.cumsum(rng.normal(size=k)), rng.random(k) < 0.9) for k in lengths}
    for form in FORMS:
        together = of_form(form, 4, 72).fitted(3, series)
        assert len(together) == 2
        for name, own in series.items():
            alone = of_form(form, 4, 72).fitted(3, {name: own})
            short = name == "24" and form == "double"
            assert [one.parameters.get(name) for one in together] == (
                [None, None] if short else [one.parameters[name] for one in alone]
            )


def test_level_and_scale_do_not_matter() -> None:
    y = 3 + np.cumsum(np.random.default_rng(4).normal(size=50)) + np.resize([0.0, 4.0, -2.0, 1.0], 50)
    seen = np.ones(50, bool)
    for form in FORMS:
        own, other = (of_form(form, 4, 40).fitted(4, {"a": (values, seen)}) for values in (y, 1e9 + 8 * y))
        assert own and own == other
        for member in own:
            found = forecast(member, (1e9 + 8 * y)[None, -40:], ["a"], 4)
            assert_allclose(found, 1e9 + 8 * forecast(member, y[None, -40:], ["a"], 4), rtol=1e-14)


def test_what_was_not_in_training_has_the_parameters_that_are_good_for_all() -> None:
    rng = np.random.default_rng(5)
    series = {str(k): (np.cumsum(rng.normal(size=60)), np.ones(60, bool)) for k in range(3)}
    member, _ = of_form("level", 2, 50).fitted(2, series)
    assert member.parameters.keys() == {"", *series}
    rows = np.stack([values[-50:] for values, _ in series.values()])
    found = forecast(member, rows, ["new", "0", "new"], 2)
    typical = of_form("level", 2, 50, parameters={"": member.parameters[""]})
    assert_allclose(found[[0, 2]], forecast(typical, rows, [""] * 3, 2)[[0, 2]])


def test_a_series_that_is_forecast_without_an_error_does_not_decide_for_all() -> None:
    exact, noise = np.resize([1e6, 3e6], 60), np.random.default_rng(6).normal(size=60)
    series = {name: (values, np.ones(60, bool)) for name, values in (("exact", exact), ("zero", 0 * exact))}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for form in FORMS:
            members = of_form(form, 2, 50).fitted(4, series | {"noise": (noise, np.ones(60, bool))})
            assert all(member.parameters.keys() == {"", *series, "noise"} for member in members)


def test_too_short_or_not_positive_there_is_none() -> None:
    short = (np.arange(12.0), np.ones(12, bool))
    assert not of_form("level", 5, 50).fitted(3, {"a": short})
    member = SmoothingMember("level", "log", (2,), 50, parameters={"": (0.5, 0.0, 0.0, 1.0)})
    rows = np.array([[1.0, 0.0, 2.0, 1.0, 2.0], [1.0, 3.0, 2.0, 1.0, 2.0]])
    assert np.isnan(forecast(member, rows, ["", ""], 2)).all(axis=1).tolist() == [True, False]


def monthly(count: int, seed: int = 0) -> Array:
    steps = np.arange(count)
    return 100 + steps + 20 * np.sin(2 * np.pi * steps / 12) + np.random.default_rng(seed).normal(0, 2, count)


def test_a_forecaster_of_few_series_has_them_and_the_window_bounds_what_they_read() -> None:
    plan = Forecaster(horizon=12, season=[12], epochs=2).fit(monthly(120)).outcome.tested.plan
    names = {one.name for one in plan.smoothings}
    assert names >= {f"smoothing: {form} none {leads}" for form in ("trend", "damped", "airline") for leads in LEADS}
    weighed = {name for weights in plan.weights.values() for name in weights}
    assert names == {name for name in weighed if name.startswith("smoothing")}  # others are not kept
    assert plan.memory == default_window(12) == plan.smoothings[0].window
    narrow = Forecaster(horizon=12, season=[12], window=30, epochs=2).fit(monthly(120)).outcome.tested.plan
    assert {one.window for one in narrow.smoothings} == {30} and narrow.memory == 36
    least = Forecaster(horizon=12, season=[12], window=20, epochs=2).fit(monthly(120)).outcome.tested.plan
    assert not least.smoothings
    alone = Forecaster(horizon=12, season=[12], validation=0, epochs=1).fit(monthly(120)).outcome
    assert not alone.tested.plan.smoothings and not alone.final.plan.linears  # nothing tells their weights
    many = SeriesSet(tuple(Series(str(k), monthly(60, k)) for k in range(11)), None, "many", "")
    assert not Forecaster(horizon=12, season=[12], epochs=1).fit(many).outcome.tested.plan.smoothings


@pytest.mark.parametrize("every", [2, 3, 4])
def test_what_is_observed_on_every_few_steps_alone_is_forecast_too(every: int) -> None:
    values = np.full(120, np.nan)
    values[::every] = 100 + np.random.default_rng(1).normal(0, 3, len(values[::every]))
    one = Forecaster(horizon=7, season=[7], epochs=1).fit(values)  # a first step ahead that is never observed
    for plan in (one.outcome.tested.plan, one.outcome.final.plan):
        assert {name for name in plan.weights[""] if name.startswith("smoothing")} <= {m.name for m in plan.smoothings}
        assert sum(plan.weights[""].values()) == pytest.approx(1, abs=1e-3)
    assert_allclose(one.predict()["forecast"], 100, rtol=0, atol=15)


def test_many_series_with_two_seasons_have_those_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = np.arange(24 * 7 * 4)
    shape = np.sin(2 * np.pi * steps / 24) * (1 + 0.5 * (steps // 24 % 7 > 4))
    noise = np.random.default_rng(9).normal(0, 0.2, (11, len(steps)))
    many = SeriesSet(tuple(Series(str(k), shape + own) for k, own in enumerate(noise)), None, "many", "")
    one = Forecaster(horizon=12, season=[24, 168], window=400, epochs=1).fit(many)
    found = one.outcome.tested.plan.smoothings
    assert found and {member.form for member in found} == {"double"}
    assert {member.window for member in found} == {400} and {len(member.parameters) for member in found} == {12}
    record = record_of(one.outcome.final.plan)
    assert plan_from_record(record).smoothings == one.outcome.final.plan.smoothings
    with pytest.raises(ModelFileError, match="malformed"):
        plan_from_record({**record, "seasons": [24]})
    whole = one.predict()["forecast"]
    monkeypatch.setattr("elman.tasks.forecast.predictor.AT_ONCE", 500)  # one series after the other
    assert_allclose(one.predict()["forecast"], whole, rtol=1e-5, atol=1e-5)
    monkeypatch.setattr("elman.tasks.forecast.members.MOST_OF_TWO", 10)
    assert not Forecaster(horizon=12, season=[24, 168], epochs=1).fit(many).outcome.tested.plan.smoothings


@pytest.mark.parametrize(
    "wrong",
    [
        {"form": "cubic"},
        {"transform": "root"},
        {"leads": "second"},
        {"window": 10**7},
        {"window": 3},
        {"window": 60.0},
        {"parameters": {}},
        {"parameters": {"": [0.5]}},
        {"parameters": {"": [0.5, 0.1, 0.1, 7.0]}},
        {"parameters": {"": ["x", 0.1, 0.1, 0.9]}},
        {"parameters": {"": ["0.5", 0.1, 0.1, 0.9]}},
        {"parameters": {"": [-0.5, 0.1, 0.1, 0.9]}},
        {"parameters": {"": "0110"}},
        {"parameters": 3},
        {"more": 1},
    ],
)
def test_a_record_that_is_impossible_is_refused(wrong: dict[str, object]) -> None:
    plan = Forecaster(horizon=6, season=[6], epochs=1).fit(monthly(90)).outcome.tested.plan
    record = record_of(plan)
    assert plan_from_record(record).smoothings == plan.smoothings
    with pytest.raises(ModelFileError, match="malformed"):
        plan_from_record({**record, "smoothings": [{**record["smoothings"][0], **wrong}]})
    with pytest.raises(ModelFileError, match="malformed"):
        plan_from_record({**record, "seasons": []})
    twice = [record["smoothings"][0]] * 2
    with pytest.raises(ModelFileError, match="impossible"):
        plan_from_record({**record, "weights": {"": {"network": 1.0}}, "smoothings": twice})
    del record["smoothings"]  # a file of before
    record["weights"] = {"": {"network": 1.0}}
    assert not plan_from_record(record).smoothings
