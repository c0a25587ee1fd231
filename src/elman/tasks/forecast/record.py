"""A plan as JSON values, for the model file."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.errors import ModelFileError
from elman.tasks.forecast.columns_record import columns_from_record, record_of_columns
from elman.tasks.forecast.covariates import NO_COLUMNS
from elman.tasks.forecast.encoding import Encoding, Scaler
from elman.tasks.forecast.limits import Limits
from elman.tasks.forecast.linears import LinearMember
from elman.tasks.forecast.plan import ANY, LINEAR, MOST_RECURSIVE_STEPS, NETWORK, Plan
from elman.tasks.forecast.pretrained import pretrained_from_record
from elman.tasks.forecast.references import reference_names
from elman.tasks.forecast.same_kind import frequency_from_record
from elman.tasks.forecast.settings import LEVELS, MOST_STEPS, SCALES, STRATEGIES, TRANSFORMS
from elman.tasks.forecast.smoothing import smoothing_from_record

MOST_SEASONS, MOST_MEMORY, MOST_READ = 10, 3_000_000, 30_000_000


def record_of(plan: Plan) -> dict[str, Any]:
    """JSON values; :func:`plan_from_record` reads them."""
    return {
        "horizon": plan.horizon,
        "strategy": plan.strategy,
        "encoding": dataclasses.asdict(plan.encoding),
        "seasons": list(plan.seasons),
        "scalers": {name: list(scaler) for name, scaler in plan.scalers.items()},
        "limits": {name: list(limits) for name, limits in plan.limits.items()},
        "linears": [member.record() for member in plan.linears],
        "smoothings": [member.record() for member in plan.smoothings],
        "pretrained": [member.record() for member in plan.pretrained],
        "weights": {name: dict(weights) for name, weights in plan.weights.items()},
        "units": {level: dict(units) for level, units in plan.units.items()},
        "intervals": {name: list(widths) for name, widths in plan.intervals.items()},
        "outside": plan.outside,
        "fitted": dict(plan.fitted),
        "frequency": None if plan.frequency is None else dataclasses.asdict(plan.frequency),
        "columns": record_of_columns(plan.columns),
    }


def plan_from_record(record: Any) -> Plan:
    """The plan that :func:`record_of` wrote.

    Raises:
        ModelFileError: it is not one.
    """
    try:
        # files of before had the mean of all, no columns beside the values, and fewer kinds of members
        absent = {"outside": 0.0, "columns": record_of_columns(NO_COLUMNS), "smoothings": [], "pretrained": []}
        record = {**absent, **record}
        if record.keys() != {field.name for field in dataclasses.fields(Plan)}:
            raise KeyError(", ".join(sorted({field.name for field in dataclasses.fields(Plan)} ^ record.keys())))
        encoding = Encoding(**record["encoding"])
        plan = Plan(
            **{
                **record,
                "encoding": encoding,
                "frequency": frequency_from_record(record["frequency"]),
                "columns": columns_from_record(record["columns"]),
                "seasons": tuple(record["seasons"]),
                "scalers": {name: Scaler(*_numbers(pair, 2)) for name, pair in record["scalers"].items()},
                "limits": {name: Limits(*_numbers(three, 3)) for name, three in record["limits"].items()},
                "linears": tuple(map(_linear, record["linears"])),
                "smoothings": tuple(smoothing_from_record(one, record["seasons"]) for one in record["smoothings"]),
                "pretrained": tuple(
                    pretrained_from_record(one, record["seasons"], record["horizon"]) for one in record["pretrained"]
                ),
                "weights": {name: _by_name(weights) for name, weights in record["weights"].items()},
                "outside": _numbers([record["outside"]], 1)[0],
                "units": {level: _by_name(units) for level, units in record["units"].items()},
                "intervals": {
                    name: _numbers(widths, record["horizon"]) for name, widths in record["intervals"].items()
                },
            }
        )
        if not plan.fitted.keys() >= plan.scalers.keys() or plan.limits.keys() != plan.scalers.keys():
            raise ValueError("a series without limits or a mark of what was seen")
        check_marks(plan.fitted)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelFileError(f"its forecasting record is malformed ({str(error)!a:.100})") from error
    if not _is_possible(plan):
        raise ModelFileError("its forecasting record has impossible values")
    return plan


def _is_possible(plan: Plan) -> bool:
    encoding, seasons = plan.encoding, plan.seasons
    if any(type(season) is not int for season in seasons):
        return False
    members = {NETWORK, LINEAR, *plan.further, *reference_names(seasons[:MOST_SEASONS])}
    return (
        all(type(size) is int and 1 <= size <= MOST_STEPS for size in (plan.horizon, *seasons))
        and _is_encoding(encoding)
        and all(_is_encoding(one.encoding) and _are_scalers(one.scalers) for one in plan.linears)
        and all(one.encoding.horizon == plan.horizon and np.isfinite(one.coefficients).all() for one in plan.linears)
        and len({one.name for one in plan.smoothings}) == len(plan.smoothings)
        and len({one.name for one in plan.pretrained}) == len(plan.pretrained)
        and 1 <= len(seasons) <= MOST_SEASONS
        and seasons[0] == encoding.season
        and plan.memory <= MOST_MEMORY
        and plan.strategy in STRATEGIES
        and encoding.horizon == (plan.horizon if plan.strategy == "direct" else 1)
        and plan.recursive_steps <= MOST_RECURSIVE_STEPS
        and not (plan.columns.past and plan.strategy == "recursive")
        and max(encoding.window, plan.horizon) * (1 + plan.columns.sizes(encoding)[0]) <= MOST_READ
        and _are_scalers(plan.scalers)
        and all(np.isfinite(three).all() and three.low < three.high for three in plan.limits.values())
        and ANY in plan.weights
        and all(_is_mean(weights) and weights.keys() <= members for weights in plan.weights.values())
        and 0 <= plan.outside < 0.5
        and plan.units.keys() == plan.intervals.keys()
        and all(ANY in units and all(0 <= u < np.inf for u in units.values()) for units in plan.units.values())
        and all(np.isfinite(w).all() and min(w) >= 0 for w in plan.intervals.values())
        and all(re.fullmatch(r"\d{1,2}(\.\d{1,6})?", level) for level in plan.intervals)
    )


def _is_mean(weights: Mapping[str, float]) -> bool:
    return all(0 <= weight <= 1 for weight in weights.values()) and abs(sum(weights.values()) - 1) < 0.01


def _linear(record: Any) -> LinearMember:
    encoding = Encoding(**record["encoding"])
    rows = [_numbers(row, encoding.horizon) for row in record["coefficients"]]
    if len(rows) != encoding.steps + 1 or record.keys() != {"encoding", "coefficients", "scalers"}:
        raise ValueError("a linear member of the wrong size")
    scalers = {name: Scaler(*_numbers(pair, 2)) for name, pair in record["scalers"].items()}
    return LinearMember(encoding, np.array(rows), scalers)


def _is_encoding(encoding: Encoding) -> bool:
    return (
        all(type(n) is int and 1 <= n <= MOST_STEPS for n in (encoding.window, encoding.horizon, encoding.season))
        and encoding.level in LEVELS[1:]
        and encoding.scale in SCALES[1:]
        and encoding.transform in TRANSFORMS[1:]
        and (not encoding.seasonal or encoding.window > encoding.season)
    )


def _are_scalers(scalers: Mapping[str, Scaler]) -> bool:
    return all(np.isfinite(s.center) and s.spread > 0 and np.isfinite(s.spread) for s in scalers.values())


def _numbers(values: Any, count: int) -> list[float]:
    if not isinstance(values, list) or len(values) != count or any(type(n) not in (int, float) for n in values):
        raise TypeError(f"{count} numbers are needed")
    return [float(number) for number in values]


def _by_name(values: Mapping[str, Any]) -> dict[str, float]:
    return dict(zip(values, _numbers(list(values.values()), len(values)), strict=True))


def check_marks(fitted: Mapping[str, str]) -> None:
    """Check marks of what was known (:mod:`elman.tasks.forecast.fitted_until`).

    Raises:
        ValueError: one of them cannot be read.
    """
    for mark in fitted.values():
        if re.fullmatch(r"time:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", mark):
            np.datetime64(mark.removeprefix("time:"), "s")
        elif not re.fullmatch(r"rows:[1-9][0-9]{0,17}:[0-9a-f]{16}", mark):
            raise ValueError(f"{mark!r:.60} marks no step")
