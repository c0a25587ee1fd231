"""torch's own inputs for its recurrent modules, valid and invalid, given to elman's."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import elman

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what torch's tests import
    from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

KINDS = ["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"]
INFOS = [info for info in module_db if info.name.removeprefix("nn.") in KINDS]
each_module = pytest.mark.parametrize("info", INFOS, ids=lambda info: info.name)


def tensors(value: Any) -> list[Tensor]:
    """All tensors of nested tuples, packed sequences among them."""
    if isinstance(value, Tensor):
        return [value]
    return [t for item in value if item is not None for t in tensors(item)] if isinstance(value, (tuple, list)) else []


def run(kind: Any, module_input: Any, training: bool, dtype: torch.dtype) -> list[Tensor]:
    """Results and gradients."""
    torch.manual_seed(0)
    construct, call = module_input.constructor_input, module_input.forward_input
    module = kind(*construct.args, **{"device": "cpu", "dtype": dtype} | construct.kwargs).train(training)
    found = [t for t in tensors(module(*call.args, **call.kwargs)) if t.is_floating_point()]
    leaves = [t for t in tensors(call.args) if t.requires_grad and t.is_leaf]
    wanted = [*leaves, *module.parameters()]
    loss = sum((t.square().sum() for t in found), torch.zeros((), dtype=dtype))
    return [t.detach() for t in found] + list(
        torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
    )


def test_torch_has_inputs_for_all() -> None:
    assert [info.name for info in INFOS] == ["nn.RNNCell", "nn.GRUCell", "nn.LSTMCell", "nn.RNN", "nn.GRU", "nn.LSTM"]


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@each_module
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inputs(info: Any, training: bool, dtype: torch.dtype) -> None:
    kind = getattr(elman.nn, info.name.removeprefix("nn."))
    inputs = list(info.module_inputs_func(info, "cpu", dtype, True, training))
    assert inputs
    for module_input in inputs:
        expected = run(info.module_cls, module_input, training, dtype)
        found = run(kind, module_input, training, dtype)
        scale = 256 * torch.finfo(dtype).eps  # inputs reach 9, and with them the terms of sums
        for ours, theirs in zip(found, expected, strict=True):
            assert_close(ours, theirs, rtol=scale, atol=scale * max(1.0, float(theirs.abs().max())))


@each_module
def test_errors(info: Any) -> None:
    """Of torch's types; the wording is ours."""
    if info.module_error_inputs_func is None:
        pytest.skip("torch has none")
    kind = getattr(elman.nn, info.name.removeprefix("nn."))
    inputs = list(info.module_error_inputs_func(info, "cpu", torch.float32, False, True))
    assert inputs
    for error in inputs:
        construct, call = error.module_error_input.constructor_input, error.module_error_input.forward_input
        if error.error_on == ModuleErrorEnum.CONSTRUCTION_ERROR:
            with pytest.raises(error.error_type):
                kind(*construct.args, **construct.kwargs)
        else:
            module = kind(*construct.args, **construct.kwargs)
            with pytest.raises(error.error_type):
                module(*call.args, **call.kwargs)
