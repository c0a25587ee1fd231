"""Frames and arrays into tables. pandas, polars and pyarrow are imported by whoever gives their frames, never here."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from elman.data.number_shapes import TypedNumber
from elman.data.table import Column, Table
from elman.data.text import quote
from elman.errors import DataError


def from_pandas(source: Any, what: str) -> Table:
    """A pandas DataFrame or Series; an index of times, or one with a name, becomes the first column."""
    unnamed: tuple[str, ...] = ()
    if not hasattr(source, "columns"):
        if not hasattr(source, "to_frame"):
            raise _unknown(source, what)
        unnamed = () if source.name is not None else ("0",)
        source = source.to_frame("0" if unnamed else source.name)
    index = source.index
    columns: list[tuple[Any, Any]] = []
    if index.nlevels > 1:
        raise DataError(f"{what}: the frame's index has {index.nlevels} levels; call reset_index() on it first")
    if index.name is not None or str(index.dtype).startswith(("datetime", "period")):
        columns.append(("index" if index.name is None else index.name, index.to_series()))
    columns += [(name, source.iloc[:, i]) for i, name in enumerate(source.columns)]
    return _table(columns, _pandas_column, what, unnamed)


def _pandas_column(column: Any, what: str) -> Column:
    dtype = str(column.dtype)
    if dtype.startswith("period"):
        # A week's text names two days.
        weeks = dtype.startswith("period[W")
        return as_column(column.dt.start_time.to_numpy() if weeks else column.astype(str).to_numpy(), what)
    if getattr(column.dtype, "tz", None) is not None:
        return _zoned(
            column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(), column.dt.tz_localize(None).to_numpy()
        )
    return as_column(column.to_numpy(), what)


def from_polars(source: Any, what: str) -> Table:
    """A polars DataFrame or Series."""
    if type(source).__name__ == "LazyFrame":
        raise DataError(f"{what}: a LazyFrame holds no data yet; call collect() on it first")
    if type(source).__name__ == "Series":
        return _table([(source.name or "0", source)], _polars_column, what, () if source.name else ("0",))
    if not hasattr(source, "get_columns"):
        raise _unknown(source, what)
    return _table([(column.name, column) for column in source.get_columns()], _polars_column, what)


def _polars_column(column: Any, what: str) -> Column:
    if getattr(column.dtype, "time_zone", None) is not None:
        utc = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return _zoned(utc.to_numpy(), column.dt.replace_time_zone(None).to_numpy())
    if column.dtype.is_numeric() and not column.dtype.is_decimal():
        return as_column(column.to_numpy(), what)
    if str(column.dtype).startswith(("Date", "Duration")):  # and Datetime
        return as_column(column.to_numpy(), what)
    return as_column(np.array([*column.to_list(), None], dtype=object)[:-1], what)


def from_pyarrow(source: Any, what: str) -> Table:
    """A pyarrow Table."""
    if not hasattr(source, "column_names") or not hasattr(source, "columns"):
        raise _unknown(source, what)
    return _table(zip(source.column_names, source.columns, strict=True), _arrow_column, what)


def _arrow_column(column: Any, what: str) -> Column:
    kind = str(column.type)
    if kind.startswith("timestamp") and "tz=" in kind:
        return _zoned(column.to_numpy())
    if kind.startswith(("timestamp", "date", "int", "uint", "float", "double", "halffloat", "duration")):
        return as_column(column.to_numpy(), what)
    return as_column(np.array([*column.to_pylist(), None], dtype=object)[:-1], what)


def from_mapping(source: Mapping[Any, Any], what: str) -> Table:
    """Columns by name."""
    return _table(source.items(), as_column, what)


def from_array(source: Any, what: str) -> Table:
    """Values of shape (n,), one column, or (n, k), k of them; columns are counted from 0."""
    is_array = hasattr(source, "__array__")
    if not is_array and (not isinstance(source, Iterable) or isinstance(source, bytes | bytearray | set | frozenset)):
        raise _unknown(source, what)
    array = _array(source if is_array else list(source), what)
    if array.ndim not in (1, 2):
        raise DataError(f"{what}: an array of shape {array.shape}; give (n,) for one column, (n, k) for k of them")
    columns = array.reshape(len(array), -1 if array.size else array.shape[-1]).T
    names = tuple(str(i) for i in range(len(columns)))
    return _table(zip(names, columns, strict=True), as_column, what, names)


def as_column(values: Any, what: str) -> Column:
    """One column in the forms that a :class:`~elman.data.Table` holds.

    >>> as_column([1, None, "3"], "data"), as_column([True, False], "data")
    (['1', '', '3'], array([ True, False]))
    """
    array = _array(values, what)
    if array.ndim != 1:
        raise DataError(f"{what}: a column of shape {array.shape}; give columns of one dimension")
    if array.dtype.kind in "biufM":
        return array
    if array.dtype.kind in "OUT":
        return [_text(element) for element in array.tolist()]
    raise DataError(f"{what}: values of type {array.dtype} are no numbers, times or texts; convert them first")


def _array(values: Any, what: str) -> np.ndarray:
    if isinstance(values, np.ma.MaskedArray):
        data: np.ndarray = np.asarray(values)
        data = data.astype(data.dtype if data.dtype.kind in "fM" else float if data.dtype.kind in "iu" else object)
        missing = {"f": np.nan, "M": np.datetime64("NaT")}.get(data.dtype.kind)
        data[np.ma.getmaskarray(values)] = missing
        return data
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{what}: rows of different length; give all rows as many values") from error


def _text(element: Any) -> str:
    if element is None or type(element).__name__ in {"NAType", "NaTType"}:
        return ""
    if isinstance(element, float) and element != element:
        return ""
    if isinstance(element, int | float | Decimal | np.number) and not isinstance(element, bool):
        return TypedNumber(element)
    return element.isoformat() if isinstance(element, datetime.date) else str(element)


def _zoned(utc: np.ndarray, local: np.ndarray | None = None) -> Column:
    """Times of a zone, in UTC and on its own clocks: days as they are there, others as texts of UTC that say so."""
    if local is not None and len(local) > 1 and not np.isnat(local).any():
        days = local.astype("datetime64[D]")
        if (local - days == local[0] - days[0]).all() and (utc != local).any():
            return local
    return ["" if text == "NaT" else f"{text}+00:00" for text in np.datetime_as_string(utc, unit="us").tolist()]


def _table(
    source: Iterable[tuple[Any, Any]], convert: Callable[[Any, str], Column], what: str, unnamed: tuple[str, ...] = ()
) -> Table:
    columns: dict[str, Column] = {}
    n = 0
    for key, values in source:
        name = _name(key, what)
        if name in columns:
            raise DataError(f"{what}: two columns are named {quote(name)}; rename one")
        columns[name] = column = _converted(values, convert, what, name)
        if len(columns) == 1:
            first, n = name, len(column)
        if len(column) != n:
            raise DataError(
                f"{what}: columns of different length ({quote(first)} has {n} rows, {quote(name)} {len(column)}); "
                "give all the same number of rows"
            )
    if n == 0:
        raise DataError(f"{what}: there are no rows; give data with at least one")
    return Table(what, columns, unnamed=unnamed)


def _name(key: Any, what: str) -> str:
    try:
        return str(key)
    except ValueError as error:  # an integer of thousands of digits
        raise DataError(f"{what}: a column's name cannot be written as text; rename it") from error


def _converted(values: Any, convert: Callable[[Any, str], Column], what: str, name: str) -> Column:
    try:
        return convert(values, what)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # dates that Python does not know, or whatever an object's own methods raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{what}, column {quote(name)}: a value cannot be read ({reason:.100}); "
            "convert the column to numbers, times or texts first"
        ) from error


def _unknown(source: Any, what: str) -> DataError:
    kind = f"{type(source).__module__}.{type(source).__qualname__}"
    return DataError(
        f"{what}: a {kind} is not a table; give a path, a data frame, columns by name or an array of numbers"
    )
