"""Times that could be taken for something else: read for what they are, or refused in one line with the remedy."""

from __future__ import annotations

import re

import numpy as np
import pytest

from elman.data import read_series
from elman.errors import DataError

ROWS = 60
DAYS = np.arange("2022-01-01", "2022-03-02", dtype="datetime64[D]")
MONTHS = np.arange("2015-01", "2020-01", dtype="datetime64[M]")
HOURS = np.arange("2022-01-01T00", "2022-01-03T12", dtype="datetime64[h]")


def written(form, times):
    return [time.item().strftime(form) for time in times]


def read(tmp_path, header, *columns, **how):
    """Columns of texts, with a last one of values that count the rows."""
    path = tmp_path / "some.csv"
    cells = zip(*columns, map(str, range(len(columns[0]))), strict=True)
    path.write_text("\n".join([header, *(";".join(row) for row in cells)]) + "\n", encoding="utf-8")
    return read_series(path, **how)


def refused(tmp_path, header, *columns, **how):
    with pytest.raises(DataError) as caught:
        read(tmp_path, header, *columns, **how)
    message = str(caught.value).replace(str(tmp_path / "some.csv"), "some.csv")
    assert message.isprintable()
    return message


NO_YEAR = {
    "days": written("%b-%d", DAYS),
    "weeks": written("%b-%d", np.arange("2022-01-03", "2022-12-01", 7, dtype="datetime64[D]")),
    "the newest first": written("%b-%d", DAYS)[::-1],
}


@pytest.mark.parametrize("case", NO_YEAR)
def test_days_of_no_year_are_refused(tmp_path, case):
    stamps = NO_YEAR[case]
    message = refused(tmp_path, "Date;v", stamps)
    assert message.startswith(f"some.csv, line 2, column 'Date': '{stamps[0]}' names no year; add it, or")


def test_months_with_clocks_are_refused(tmp_path):
    message = refused(tmp_path, "Date;v", [f"2020-01 {hour:02}:00" for hour in range(10)])
    assert re.search("line 2, column 'Date': '2020-01 00:00' names no day; add it", message)
