"""The choice of the instruction set, and what keeps the targets apart."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

NATIVE = Path(__file__).parents[2] / "native"


def run_python(code, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ELMAN_")} | variables
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_the_best_supported_target_runs(native):
    targets = native.targets()
    assert targets[-1] == "baseline"
    widths = [native.vector_bytes(name) for name in targets]
    assert widths == sorted(widths, reverse=True)
    unforced = run_python("import elman._native; print(elman._native.target())")
    assert unforced.stdout.strip() == targets[0]


def test_elman_target_forces_one(target):
    # tells by the values which kernel ran: the buffer holds one on which the targets with and without FMA may differ
    code = (
        "import numpy as np; from elman import _native as n; x = np.linspace(-9, 9, 99); y = x * 0; z = x * 0;"
        f"n.exp(x, y); n.exp(x, z, target={target!r}); print(n.target(), n.vector_bytes(), bool((y == z).all()))"
    )
    forced = run_python(code, ELMAN_TARGET=target)
    width = {"baseline": 16, "avx2": 32, "avx512": 64}[target]
    assert forced.stdout.split() == [target, str(width), "True"], forced.stderr


def test_an_unknown_target_is_an_error_of_ours(native):
    code = (
        "from elman import errors\nfrom elman.recurrence import backends\n"
        "try: backends.native_available()\n"
        "except errors.SettingsError as error: print(error)"
    )
    failed = run_python(code, ELMAN_TARGET="sse9")
    usable = ", ".join(native.targets())
    assert failed.stdout.strip() == f"ELMAN_TARGET: target 'sse9' is unknown; the targets that run here: {usable}"


def test_an_unknown_target_of_a_call_is_an_error(native):
    x = np.zeros(3)
    with pytest.raises(ValueError, match="target 'sse9' is unknown; the targets that run here: .*baseline"):
        native.exp(x, x, target="sse9")


def test_kernels_share_no_library_code_between_targets():
    """A function of the standard library is compiled for every target under one name: the linker would keep any one."""
    pending, visited, library = ["kernels/target.cpp"], set(), set()
    while pending:
        name = pending.pop()
        if name in visited:
            continue
        visited.add(name)
        source = (NATIVE / name).read_text(encoding="utf-8")
        pending += re.findall(r'#include "(.+?)"', source)
        library |= set(re.findall(r"#include <(.+?)>", source))
        if "ELMAN_TARGET_NAME" not in source:  # also compiled once: plain data, which leaves no function behind
            assert not re.search(r"\binline\b|\breturn\b", source), f"{name} holds code that targets would share"
    assert {"kernels/activations.h", "kernels/simd.h", "kernels/table.h", "kernels/cells/gru.h"} <= visited
    # intrinsics leave no function behind that the linker could share
    assert library <= {"cstddef", "cstdint", "immintrin.h"}
