"""Files made to cost time or memory: reading grows with their size and no faster, and what unpacks is bounded."""

from __future__ import annotations

import contextlib
import gzip
import os
import sys
import time

import numpy as np
import polars
import pytest

from elman.data import read_series, read_table
from elman.data.files import most_unpacked
from elman.errors import DataError, ElmanError

TIMES = 16


def columns(n):
    return ",".join(f"c{i}" for i in range(n)) + "\n" + (",".join(["1"] * n) + "\n") * 2


# the smaller size n, a file that grows with n, and how it is read
GROWING = {
    "blank lines first": (5000, lambda n: "\n" * n + "y\n1\n2\n", {}),
    "blank lines between": (5000, lambda n: "y\n1\n" + "\n" * n + "2\n", {}),
    "blank lines last": (5000, lambda n: "y\n1\n2\n" + "\n" * n, {}),
    "rows of delimiters last": (5000, lambda n: "x,y\n1,1\n2,2\n" + ",\n" * n, {"target": "y"}),
    "columns": (1000, columns, {"target": "c1"}),
    "columns to choose from": (1000, columns, {}),
    "columns, none of that name": (1000, columns, {"target": "d1"}),
    "columns, the last name twice": (1000, lambda n: columns(n).replace(f"c{n - 1}", f"c{n - 2}", 1), {}),
    "columns without names": (1000, lambda n: (",".join(["1"] * n) + "\n") * 2, {"target": "y1"}),
    "columns that are empty": (1000, lambda n: "y" + "," * n + "\n" + ("1" + "," * n + "\n") * 2, {}),
    "ids": (1000, lambda n: "unique_id,y\n" + "".join(f"s{i},1\ns{i},2\n" for i in range(n)), {}),
    "quotes": (1000, lambda n: "y,z\n" + '1,"""\n\n"\n' * n, {"target": "y"}),
}


def seconds(action):
    """The processor's time for it, which other processes hardly change."""
    begin = time.process_time()
    with contextlib.suppress(ElmanError):
        action()
    return time.process_time() - begin


@pytest.mark.parametrize("case", GROWING)
def test_sixteen_times_the_size_takes_sixteen_times_the_work(tmp_path, case):
    n, make, how = GROWING[case]
    path = tmp_path / "some.csv"
    work = []
    for size in (n, n * TIMES):
        path.write_text(make(size), encoding="utf-8")
        work.append(min(seconds(lambda: read_series(path, **how)) for _ in range(3)))
    # 16 if it is linear, 256 if quadratic
    assert work[1] < 4 * TIMES * work[0]


def test_members_of_a_gzip_file_are_read_one_after_another(tmp_path):
    path = tmp_path / "some.csv.gz"
    work = []
    for n in (2000, 2000 * TIMES):
        path.write_bytes(gzip.compress(b"y\n1\n2\n") + gzip.compress(b"3\n") * n)
        work.append(min(seconds(lambda: read_table(path)) for _ in range(3)))
    assert len(read_table(path)) == 2 + 2000 * TIMES
    assert work[1] < 4 * TIMES * work[0]


def test_a_gzip_file_may_unpack_to_a_hundred_times_its_size_at_least_16_MiB(tmp_path):
    path = tmp_path / "some.csv.gz"
    row = b"x" * 1023 + b"\n"
    path.write_bytes(gzip.compress(row * 2**14))
    assert path.stat().st_size < 2**20
    assert len(read_table(path)) == 2**14 - 1
    path.write_bytes(gzip.compress(row * 2**14 + b"\n"))
    with pytest.raises(DataError, match=r"some.csv.gz: the gzip file unpacks to more than 16,777,216 bytes.*gunzip"):
        read_table(path)
    assert most_unpacked(10**9) == 10**11


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
@pytest.mark.parametrize("column", [np.zeros(2**21 + 1), ["x" * 2**20] * 17], ids=["numbers", "texts"])
def test_so_may_a_parquet_file(tmp_path, monkeypatch, library, column):
    path = tmp_path / "some.parquet"
    polars.DataFrame({"y": column}).write_parquet(path)
    short = tmp_path / "short.parquet"
    polars.DataFrame({"y": column[:-1]}).write_parquet(short)
    if library == "pyarrow":
        monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(DataError, match="some.parquet: the Parquet file unpacks to more than 16,777,216 bytes"):
        read_table(path)
    assert len(read_table(short)) == len(column) - 1


def test_a_device_is_refused_and_a_pipe_read(tmp_path):
    with pytest.raises(DataError, match="^/dev/zero: this is a device, which may never end; give a file or a pipe"):
        read_table("/dev/zero")
    end, begin = os.pipe()
    os.write(begin, b"y\n1\n2\n")
    os.close(begin)
    try:
        assert read_table(f"/dev/fd/{end}").numbers("y").tolist() == [1, 2]
    finally:
        os.close(end)
