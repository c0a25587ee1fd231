"""The columns of a plan as JSON values, for the model file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.tasks.forecast.calendar import CALENDAR
from elman.tasks.forecast.covariates import Columns, ColumnScale

MOST_COLUMNS, MOST_CATEGORIES = 1000, 10_000
_LISTS = ("past", "future", "static", "calendar")


def record_of_columns(columns: Columns) -> dict[str, Any]:
    """JSON values; :func:`columns_from_record` reads them."""
    return {
        **{name: list(getattr(columns, name)) for name in _LISTS},
        "scales": {name: list(scale) for name, scale in columns.scales.items()},
        "categories": {name: list(known) for name, known in columns.categories.items()},
    }


def columns_from_record(record: Any) -> Columns:
    """The columns that :func:`record_of_columns` wrote.

    Raises:
        TypeError, ValueError, KeyError: it is not one.
    """
    if not isinstance(record, Mapping) or record.keys() != {*_LISTS, "scales", "categories"}:
        raise ValueError("columns of another kind")
    past, future, static, calendar = (_names(record[name]) for name in _LISTS)
    numbers = {name: ColumnScale(*_four(values)) for name, values in record["scales"].items()}
    categories = {name: _names(known, MOST_CATEGORIES) for name, known in record["categories"].items()}
    for scale in numbers.values():
        if not np.isfinite(scale).all() or not scale.low <= scale.center <= scale.high or scale.spread <= 0:
            raise ValueError("an impossible scale of a column")
    if len({*past, *future, *static}) < len(past) + len(future) + len(static) or not set(calendar) <= set(CALENDAR):
        raise ValueError("a column with two roles")
    if numbers.keys() & categories.keys() or numbers.keys() | categories.keys() != {*past, *future, *static}:
        raise ValueError("a column without a scale")
    if not categories.keys() <= set(static):
        raise ValueError("a column of categories that is not static")
    return Columns(past, future, static, calendar, numbers, categories)


def _names(values: Any, most: int = MOST_COLUMNS) -> tuple[str, ...]:
    if not isinstance(values, list) or len(values) > most or not all(isinstance(value, str) for value in values):
        raise TypeError("names of columns are texts")
    if len(set(values)) < len(values):
        raise ValueError("a column is named twice")
    return tuple(values)


def _four(values: Any) -> list[float]:
    found = [float(value) for value in values if not isinstance(value, str)]
    if len(found) != 4:
        raise ValueError("a scale is four numbers")
    return found
