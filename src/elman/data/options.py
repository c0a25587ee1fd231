"""How files are to be read where their columns do not settle it: options that a task's columns inherit."""

from __future__ import annotations

from dataclasses import dataclass

from elman.settings import Settings, setting

REPEATED = ("first", "last", "mean", "sum")


@dataclass(frozen=True, kw_only=True)
class TableOptions(Settings):
    """How tables are read."""

    decimal: str | None = setting(
        None, 'decimal mark of the numbers, "." or ","; without it settled by the column', choices=lambda: (".", ",")
    )
    header: str | None = setting(
        None,
        "whether the first row names the columns: yes or no; without it settled by what stands there",
        choices=lambda: ("yes", "no"),
    )
    strict: bool | None = setting(None, "refuse what would have to be repaired")


@dataclass(frozen=True, kw_only=True)
class TimeOptions(TableOptions):
    """How tables with times are read."""

    time_format: str | None = setting(
        None, "how times are written, as for Python's strptime; without it settled by the column", metavar="FORMAT"
    )
    day_first: bool | None = setting(None, "03/04/2020 is 3 April (on) or 4 March (off); else the column settles it")


@dataclass(frozen=True, kw_only=True)
class SeriesOptions(TimeOptions):
    """How series are read."""

    repeated: str | None = setting(
        None,
        "what is taken of several rows at one time: first, last, mean or sum; without it they are refused, unless they "
        "are identical",
        choices=lambda: REPEATED,
    )
