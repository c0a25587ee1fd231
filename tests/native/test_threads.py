"""The pool of threads, without Python: a program that has to end well (native/tests/threads_test.cpp)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"


@pytest.fixture(scope="module")
def compiler():
    found = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if found is None:
        reason = "there is no C++ compiler"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def test_the_pool_under_stress(compiler, tmp_path):
    sources = [NATIVE / "tests" / "threads_test.cpp", NATIVE / "threads.cpp"]
    program = tmp_path / "threads_test"
    subprocess.run([*compiler.split(), "-std=c++20", "-O2", "-pthread", *sources, "-o", program], check=True)
    ended = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ok\n", "")
