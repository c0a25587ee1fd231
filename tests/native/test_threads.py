"""The thread pool and step sharing, without Python: programs of native/tests that must succeed."""

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


PROGRAMS = {
    "the pool under stress": ("tests/threads_test.cpp", "runtime/threads.cpp"),
    "step sharing": ("tests/step_sharing_test.cpp",),
}


@pytest.mark.parametrize("sources", PROGRAMS.values(), ids=PROGRAMS)
def test_program_succeeds(compiler, sources, tmp_path):
    program = tmp_path / "program"
    files = [NATIVE / source for source in sources]
    flags = ["-std=c++20", "-O2", "-pthread", "-I", NATIVE]
    subprocess.run([*compiler.split(), *flags, *files, "-o", program], check=True)
    ended = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ok\n", "")
