"""What data must hold of the columns that are known beforehand, so that a model can forecast beyond their end."""

from __future__ import annotations

import numpy as np

from elman.data import Series, SeriesSet
from elman.data.text import quote
from elman.errors import DataError
from elman.tasks.forecast.covariates import Columns, text_of

_NAMED = 10


def covers(columns: Columns, data: SeriesSet, horizon: int) -> bool:
    """Whether every series has a number of each future column in each step of the horizon."""
    return not _lacking_of(columns, data, horizon)


def check_ahead(columns: Columns, data: SeriesSet, horizon: int) -> None:
    """Check that future columns are known for the horizon.

    Raises:
        DataError: they are not; the message names the series and the first step without a number.
    """
    for series, name, lacking in _lacking_of(columns, data, horizon)[:1]:
        labels = data.following(series, horizon)
        span = labels[0] if horizon == 1 else f"{labels[0]} to {labels[-1]}"
        given = horizon - len(lacking)
        some = f"given {given} of {horizon} steps, {labels[lacking[0]]} is the first without" if given else "none given"
        raise DataError(
            f"{data.source}: a forecast of series {series.id!r} needs {name!r} from {span}: {some}; give rows of these "
            "steps (`future_data`)"
        )


def _lacking_of(columns: Columns, data: SeriesSet, horizon: int) -> list[tuple[Series, str, list[int]]]:
    """Each series and future column with steps of the horizon, from 0, whose number is not known."""
    found = []
    for series in data:
        own = series.covariates
        for k, name in enumerate(columns.future):
            known = np.zeros(horizon, bool)
            if own is not None:
                after = ~np.isnan(own.future[len(series) : len(series) + horizon, k])
                known[: len(after)] = after
            if not known.all():
                found.append((series, name, np.flatnonzero(~known).tolist()))
    return found


def columns_text(columns: Columns) -> str:
    """The columns in words; "" where there are none."""
    found = []
    for role in ("past", "future", "static"):
        names = getattr(columns, role)
        if names:
            found.append(f"{role} {', '.join(map(quote, names[:_NAMED]))}" + (" …" if len(names) > _NAMED else ""))
    return "; ".join([*found, *([f"calendar {', '.join(columns.calendar)}"] if columns.calendar else [])])


def column_lines(columns: Columns, data: SeriesSet, horizon: int) -> list[str]:
    """What is read beside the values, how much of it was filled in, and whether it tells enough to forecast."""
    if not columns.some:
        return []
    lines = [f"beside the values: {columns_text(columns)}", *column_remarks(columns, data)]
    if lacking := _lacking_of(columns, data, horizon):
        named = ", ".join(dict.fromkeys(quote(name) for _, name, _ in lacking))
        lines.append(f"no forecast beyond the end: {named} not known for {horizon} steps after it (`future_data`)")
    return lines


def column_remarks(columns: Columns, data: SeriesSet) -> list[str]:
    """What was filled in, held to its usual range, or not seen in training, a line each."""
    lines = []
    for k, name in enumerate(columns.names.numbers):
        own = [_column(series, k) for series in data]
        missing, steps = sum(int(np.isnan(values).sum()) for values in own), sum(map(len, own))
        scale = columns.scales[name]
        with np.errstate(invalid="ignore"):
            outside = sum(int(((values < scale.low) | (values > scale.high)).sum()) for values in own)
        if missing:
            lines.append(f"filled in with the number before: {missing:,} of {steps:,} of {quote(name)}")
        if outside:
            lines.append(f"far outside the rest, held to {scale.low:g} to {scale.high:g}: {outside:,} of {quote(name)}")
    for k, name in enumerate(columns.static):
        known = columns.categories.get(name)
        texts = {one.id: text_of(_static(one, k)) for one in data}
        without = [id for id, text in texts.items() if not text]
        new = [id for id, text in texts.items() if text and known is not None and text not in known]
        for said, ids in (
            (f"without a value of {quote(name)}", without),
            (f"of no category of {quote(name)} that was in training", new),
        ):
            if ids:
                lines.append(f"{said}: {', '.join(map(quote, ids[:_NAMED]))}" + (" …" if len(ids) > _NAMED else ""))
    return lines


def _column(series: Series, number: int) -> np.ndarray:
    """The numbers of a past or future column, those of the future after the series' end too."""
    own = series.covariates
    assert own is not None, "data of these columns"
    past = own.past.shape[1]
    found: np.ndarray = own.past[:, number] if number < past else own.future[:, number - past]
    return found


def _static(series: Series, number: int) -> float | str:
    assert series.covariates is not None, "data of these columns"
    return series.covariates.static[number]
