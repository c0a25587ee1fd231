from __future__ import annotations

import pytest


@pytest.fixture(params=["baseline", "avx2", "avx512"], scope="module")
def target(request, native):
    """Each instruction set in turn."""
    if request.param not in native.targets():
        pytest.skip(f"this processor has no {request.param}")
    return request.param
