"""Files of a table, written and read by the tests of reading."""

from __future__ import annotations

import numpy as np

from elman.data import read_series

DAYS = np.arange("2022-01-01", "2022-05-01", dtype="datetime64[D]")
VALUES = np.round(100 + 20 * np.sin(np.arange(len(DAYS)) * 2 * np.pi / 7), 2)


def write(tmp_path, text, name="some.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(tmp_path, text, name="some.csv", **how):
    return read_series(write(tmp_path, text, name), **how)


def lines(header, cells, end="\n"):
    return header + end + "".join(row + end for row in cells)


def rows(stamps, values=VALUES, mark=","):
    return [f"{stamp}{mark}{value}" for stamp, value in zip(stamps, values, strict=False)]


def iso(times=DAYS):
    return times.astype(str).tolist()


def written(form, times=DAYS):
    return [time.item().strftime(form) for time in times]
