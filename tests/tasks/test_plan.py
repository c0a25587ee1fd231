"""The choices behind a forecaster, and how a history is divided into examples to fit and to validate on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from elman import jsontext
from elman.data import Series, read_series
from elman.errors import DataError, ModelFileError
from elman.tasks.forecast import ForecastSettings
from elman.tasks.forecast.encoding import Encoding
from elman.tasks.forecast.examples import FEWEST_EXAMPLES, MOST_EXAMPLES, pairs, split
from elman.tasks.forecast.plan import History, Plan, history_of
from elman.tasks.forecast.problem import ForecastProblem
from elman.tasks.forecast.record import plan_from_record, record_of
from elman.tasks.forecast.selection import choose_seasons, default_horizon, make_plan
from tests.tasks.helpers import drawn_arrays, series_set, wavy, with_gaps


def counted(steps: int, id: str = "a", gaps: tuple[int, ...] = ()) -> History:
    """A history whose values are the numbers of their steps, so that each tells where it is from."""
    observed = np.ones(steps, bool)
    observed[list(gaps)] = False
    return History(id, np.arange(float(steps)), observed)


def plan_of(window: int, horizon: int, *histories: History) -> Plan:
    return Plan(horizon, "direct", Encoding(window, horizon, 1, "none", "series"), (1,)).fit_scalers(histories)


def steps_of(plan: Plan, found, history: History) -> tuple[np.ndarray, np.ndarray]:
    """The steps that the inputs and the targets of examples of a :func:`counted` history come from."""
    center, spread = plan.scalers[history.id]
    back = [np.rint(a.astype(float) * spread + center).astype(int) for a in (found.inputs, found.targets)]
    return back[0], back[1]


@given(
    steps=st.integers(30, 80),
    window=st.integers(2, 6),
    horizon=st.integers(1, 5),
    validation=st.sampled_from([0.05, 0.2, 0.5]),
)
def test_no_target_to_fit_lies_in_the_validation_span(steps, window, horizon, validation):
    history = counted(steps)
    plan = plan_of(window, horizon, history)
    fit_part, held_out, borders = split(plan, [history], validation)
    assert fit_part is not None and held_out is not None
    border = steps - max(horizon, round(validation * steps))
    if border - window - horizon + 1 < FEWEST_EXAMPLES:  # too little would be left: one horizon is held out instead
        border = steps - horizon
    assert borders == [border]
    (seen, fitted), (known, judged) = (steps_of(plan, part, history) for part in (fit_part, held_out))
    assert fitted.max() < judged.min()
    assert seen.max() < fitted.max()
    # every window that can be is in one of the two, each once, and its inputs end where its targets begin
    assert len(fit_part) == border - window - horizon + 1 and len(held_out) == steps - border - horizon + 1
    for inputs, targets in ((seen, fitted), (known, judged)):
        assert_array_equal(inputs, inputs[:, :1] + np.arange(window))
        assert_array_equal(targets, inputs[:, -1:] + 1 + np.arange(horizon))


def test_where_too_little_would_be_left_one_horizon_validates_and_else_nothing_does():
    window, horizon = 4, 2
    for steps, fit_size, held_size in ((40, 27, 7), (18, 11, 1), (15, 8, 1), (14, 9, None), (6, 1, None)):
        history = counted(steps)
        validation = 0.2 if steps == 40 else 0.6
        fit_part, held_out, borders = split(plan_of(window, horizon, history), [history], validation)
        # what else is measured on the held out part begins where the fit ends, also where that is not the share asked
        assert borders == {40: [32], 18: [16], 15: [13]}.get(steps)
        sizes = (len(fit_part), None if held_out is None else len(held_out))
        assert sizes == (fit_size, held_size), steps
        assert held_out is None or len(fit_part) >= FEWEST_EXAMPLES
    history = counted(40)
    assert split(plan_of(4, 2, history), [history], 0.0).held_out is None
    short = counted(5)
    assert split(plan_of(4, 2, short), [short], 0.2) == (None, None, None)


def test_of_several_series_each_is_divided_at_its_own_place():
    long, short = counted(50, "long"), counted(20, "short")
    plan = plan_of(4, 2, long, short)
    fit_part, held_out, _ = split(plan, [long, short], 0.2)
    assert (len(fit_part), len(held_out)) == ((40 - 5) + (16 - 5), (10 - 1) + (4 - 1))
    first_short = fit_part.inputs[40 - 5]
    assert_allclose(
        first_short, (np.arange(4) - plan.scalers["short"].center) / plan.scalers["short"].spread, rtol=1e-6
    )


def test_values_filled_in_weigh_nothing_and_windows_with_none_observed_are_left_out():
    history = counted(12, gaps=(5, 6, 7, 9))
    found = pairs(plan_of(3, 2, history), [history])
    targets = steps_of(plan_of(3, 2, history), found, history)[1]
    assert targets[:, 0].tolist() == [3, 4, 7, 8, 9, 10]  # not 5 and 6: their two targets are both filled in
    assert_array_equal(found.weights, ~np.isin(targets, [5, 6, 7, 9]))
    nothing = History("a", np.arange(12.0), np.arange(12) < 3)
    assert pairs(plan_of(3, 2, nothing), [nothing]) is None


def test_histories_are_cut_at_their_end_and_filled_causally():
    series = Series("a", with_gaps(np.arange(12.0), [3, 9, 10]))
    assert history_of(series, 1, 11).values.tolist() == [0, 1, 2, 2, 4, 5, 6, 7, 8, 8, 8]
    assert history_of(series, 1, 4).observed.tolist() == [True, True, True, False]
    series.values[11] = 1e9
    assert history_of(series, 1, 11).values.max() == 8


@pytest.mark.parametrize(("season", "horizon"), [(1, 12), (2, 2), (7, 7), (12, 12), (48, 48), (52, 48), (336, 48)])
def test_default_horizon_is_a_season_of_at_most_48(season, horizon):
    assert default_horizon(season) == horizon
    assert make_plan([counted(2000)], (season,), ForecastSettings(level="last")).plan.horizon == horizon


@pytest.mark.parametrize(
    ("season", "horizon", "strategy", "steps", "window"),
    [
        (12, 12, "direct", 60, 24),  # two seasons
        (12, 1, "direct", 60, 24),
        (4, 4, "direct", 500, 16),  # at least a dozen changes over a season
        (48, 48, "direct", 5000, 96),
        (336, 48, "direct", 5000, 384),  # a season, and not more than 48 changes
        (1, 1, "direct", 500, 12),
        (1, 10, "direct", 500, 20),
        (1, 60, "direct", 5000, 48),
        (1, 60, "recursive", 5000, 12),
        (12, 12, "direct", 40, 14),  # half of what is left, for examples
        (12, 12, "direct", 16, 2),
    ],
)
def test_default_window(season, horizon, strategy, steps, window):
    settings = ForecastSettings(horizon=horizon, strategy=strategy, level="last")
    plan = make_plan([counted(steps)], (season,), settings).plan
    assert plan.encoding.window == window
    assert plan.encoding.horizon == (horizon if strategy == "direct" else 1)
    given = ForecastSettings(horizon=3, window=7, level="last")
    assert make_plan([counted(500)], (season,), given).plan.encoding.window == 7


def test_the_window_is_that_of_the_bulk_of_the_series():
    long, short = [counted(500, "a"), counted(450, "b")], counted(9, "c")
    settings = ForecastSettings(horizon=10, level="last")
    assert make_plan([*long, short], (1,), settings).plan.encoding.window == 20
    assert make_plan([long[0], short, counted(9, "d")], (1,), settings).plan.encoding.window == 9


def test_of_very_many_examples_every_second_third_is_taken_the_last_always():
    history = counted(2 * MOST_EXAMPLES + 100)
    found = pairs(plan_of(3, 2, history), [history])
    assert MOST_EXAMPLES / 2 < len(found) <= MOST_EXAMPLES
    targets = steps_of(plan_of(3, 2, history), found, history)[1]
    assert targets[-1, -1] == len(history.values) - 1 and set(np.diff(targets[:, 0])) == {3}


def test_forecasts_past_the_year_9999_are_refused_before_training():
    data = read_series({"ds": [str(year) for year in range(9900, 9995)], "y": wavy(95)})
    ForecastProblem(data, ForecastSettings(horizon=5))
    with pytest.raises(DataError, match="^data: 6 yearly steps after 9994 go past the year 9999; correct the times"):
        ForecastProblem(data, ForecastSettings(horizon=6))


def test_too_little_data_is_refused_with_the_remedy():
    with pytest.raises(DataError, match="a window of 10 and a horizon of 5 need 15; give more data, or a smaller"):
        make_plan([counted(14)], (1,), ForecastSettings(window=10, horizon=5))
    make_plan([counted(15)], (1,), ForecastSettings(window=10, horizon=5))
    with pytest.raises(DataError, match="level 'seasonal' needs a window longer than the season of 12; `window` is 12"):
        make_plan([counted(99)], (12,), ForecastSettings(window=12, horizon=1, level="seasonal"))
    with pytest.raises(DataError, match="made: series 'a' has 9 steps, but the test takes the last 12; give more data"):
        ForecastProblem(series_set(np.arange(9.0)), ForecastSettings(horizon=12))
    with pytest.raises(DataError, match="made: series 'b' has 5 steps, but the test takes the last 5"):
        ForecastProblem(series_set(wavy(60), np.arange(5.0)), ForecastSettings(horizon=2, test_size=5))
    with pytest.raises(DataError, match="made: the longest series has 8 steps to learn from"):
        ForecastProblem(series_set(np.arange(14.0)), ForecastSettings(horizon=6, window=8))


@pytest.mark.parametrize(
    ("file", "columns", "seasons"),
    [
        ("air_passengers.csv", {"target": "#Passengers", "time": "Month"}, (12,)),
        ("monthly_sunspots.csv", {}, (12,)),
        ("taylor_half_hourly_load.csv", {}, (336, 48)),  # a week, and the day in it
        ("apple_stock.csv", {"target": "AAPL.Close"}, (5,)),
    ],
)
def test_seasons_of_real_series(shared_series, file, columns, seasons):
    data = read_series(shared_series / file, **columns)
    assert choose_seasons(data, [len(series) for series in data], data.frequency) == seasons


def chosen(values: np.ndarray, season: int = 1, **settings) -> Encoding:
    history = History("a", values, np.ones(len(values), bool))
    return make_plan([history], (season,), ForecastSettings(**settings)).plan.encoding


def test_level_of_made_series():
    random = np.random.default_rng(0)
    walk, waves, noise = random.normal(size=300).cumsum(), wavy(300, season=12, noise=0.1), random.normal(size=300)
    assert chosen(walk).level == "last"
    assert chosen(noise, window=2).level == "none"  # two values do not tell the mean, which is the best forecast
    for asked in ("none", "last", "seasonal", "seasonal-last"):
        assert chosen(waves, 12, level=asked, window=20).level == asked


def test_logarithms_are_taken_of_what_grows_by_shares_and_of_nothing_else():
    steps = np.arange(240)
    growth = np.exp(0.02 * steps + 0.3 * np.sin(2 * np.pi * steps / 12))
    assert chosen(growth, 12).transform == "log"
    assert chosen(wavy(240, season=12), 12).transform == "none"
    assert chosen(growth - 2, 12).transform == "none"  # some are negative
    assert chosen(growth, 12, transform="none").transform == "none"
    with pytest.raises(DataError, match="series 'a' has values that are not positive, which have no logarithm"):
        chosen(growth - 2, 12, transform="log")


def test_a_window_s_own_scale_is_for_many_series_only():
    assert chosen(wavy(240, season=12), 12).scale == "series"
    assert chosen(wavy(240, season=12), 12, scale="window").scale == "window"


def test_a_recursive_horizon_is_bounded_before_training():
    history = counted(60)
    settings = ForecastSettings(horizon=20_000, window=24, strategy="recursive")
    with pytest.raises(DataError, match="a horizon of 20000 with a window of 24 is too long for `strategy` recursive"):
        make_plan([history], (6,), settings)
    shorter = dataclasses.replace(settings, horizon=19_531)
    assert make_plan([history], (6,), shorter).plan.horizon == 19_531


MARK = f"rows:60:{'0123' * 4}"


def test_a_plan_survives_its_record():
    data = series_set(wavy(60), wavy(50))
    plan = make_plan([counted(60), counted(50, "b")], (6,), ForecastSettings(horizon=3, strategy="recursive")).plan
    plan = dataclasses.replace(plan.fit_limits(data, [None, None]), fitted={"a": MARK, "b": MARK})
    assert plan_from_record(record_of(plan)) == plan
    whole = ForecastProblem(data, ForecastSettings(horizon=3, hidden_size=2))
    record = whole.predictor(drawn_arrays(whole.layers), "train").model.encoding
    assert record["linears"] and record["intervals"].keys() == {"80", "95"}
    assert jsontext.loads(jsontext.dumps(record_of(plan_from_record(record)))) == record


def test_a_record_that_cannot_be_is_refused():
    plan = make_plan([counted(60)], (6,), ForecastSettings(horizon=3)).plan.fit_limits(series_set(wavy(60)), [None])
    good = {**record_of(plan), "fitted": {"a": MARK}}
    assert plan_from_record(good).fitted == {"a": MARK}
    recursive = {"strategy": "recursive", "encoding": {**good["encoding"], "horizon": 1}}
    assert plan_from_record({**good, **recursive}).strategy == "recursive"
    for change in (
        {"horizon": 0},
        {"horizon": 3.0},
        {"horizon": True},
        {"horizon": 4},  # not the size of the network's output
        {"strategy": "psychic"},
        {"scalers": {"a": [0.0, 0.0]}},
        {"scalers": {"a": [float("nan"), 1.0]}},
        {"scalers": {"a": [1.0]}},
        {"scalers": []},
        {"fitted": None},
        {"fitted": {}},  # evaluate would score what was seen
        {"fitted": {"b": MARK}},
        {"limits": {}},
        {"limits": {"a": [1.0, 0.0, 0.0]}},
        {"seasons": []},
        {"seasons": [7]},  # not the encoding's
        {"seasons": [6, 10**9]},
        {"weights": {}},
        {"outside": 0.5},
        {"outside": "0"},
        {"weights": {"": {"network": 0.5}}},
        {"weights": {"": {"oracle": 1.0}}},
        {"units": {"80": {"": -1.0}}, "intervals": {"80": [1.0, 1.0, 1.0]}},
        {"intervals": {"80": [1.0]}},
        {"intervals": {"80": [1.0, 1.0, 1.0]}},  # and no unit for them
        {"linears": [{}]},
        {"more": 1},
        {**recursive, "horizon": 1_000_000},  # a minute of work, from a file of a kilobyte
        {"encoding": {**good["encoding"], "level": "auto"}},
        {"encoding": {**good["encoding"], "scale": "galactic"}},
        {"encoding": {**good["encoding"], "season": -1}},
        {"encoding": {**good["encoding"], "level": "seasonal", "season": 99}},
        {"encoding": {**good["encoding"], "more": 1}},
    ):
        with pytest.raises(ModelFileError, match="its forecasting record"):
            plan_from_record({**good, **change})
    later = {"outside", "columns", "smoothings", "pretrained"}  # files of before have none of them
    for record in (
        {},
        None,
        [],
        *({k: v for k, v in good.items() if k != left_out} for left_out in good.keys() - later),
    ):
        with pytest.raises(ModelFileError):
            plan_from_record(record)
