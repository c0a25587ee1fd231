from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="session")
def targets(native):
    """The instruction sets that run on this processor."""
    return native.targets()


# of the module, so that hypothesis may draw many examples under one of them
@pytest.fixture(params=["baseline", "avx2", "avx512"], scope="module")
def target(request, targets):
    """Each instruction set in turn, forced for the test."""
    from elman import kernels

    if request.param not in targets:
        pytest.skip(f"this processor has no {request.param}")
    with kernels.use_target(request.param):
        yield request.param


@pytest.fixture
def set_threads(set_variable):
    """``torch.set_num_threads``, taken back afterwards."""
    set_variable("ELMAN_NUM_THREADS", None)
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)
