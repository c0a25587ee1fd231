"""What torch.nn refuses is refused alike, for whoever catches it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

import elman
from tests.nn.cases import pair

KINDS = ["RNN", "LSTM", "GRU"]
SHAPES: list[dict[str, Any]] = [
    {},
    {"num_layers": 2, "bidirectional": True, "batch_first": True},
    {"num_layers": 3, "bias": False, "dtype": torch.float64},
    {"num_layers": 2, "dropout": 0.4, "bidirectional": True},
]


def call(*shape: int, hx: Any = None, dtype: torch.dtype | None = None) -> Callable[[Any], Any]:
    return lambda layer: layer(torch.zeros(shape, dtype=dtype), hx)


def state(kind: str, *shape: int) -> Tensor | tuple[Tensor, Tensor]:
    return (torch.zeros(shape), torch.zeros(shape)) if kind == "LSTM" else torch.zeros(shape)


@pytest.mark.parametrize("kind", KINDS)
def test_what_torch_refuses_is_refused_for_whoever_catches_it(kind: str) -> None:
    peer, layer = pair(kind, 3, 5)
    cases = {
        "2-D or 3-D": call(4, 2, 3, 1),
        "expected 3, got 7": call(4, 2, 7),
        "does not match weight dtype": call(4, 2, 3, dtype=torch.float64),
        "expected h of shape \\(1, 2, 5\\)": call(4, 2, 3, hx=state(kind, 1, 9, 5)),
        "for batched input": call(4, 2, 3, hx=state(kind, 1, 5)),
        "for unbatched input": call(4, 3, hx=state(kind, 1, 1, 5)),
        "no time steps": call(0, 2, 3),
    }
    for message, case in cases.items():
        with pytest.raises((RuntimeError, ValueError)) as theirs:
            case(peer)
        with pytest.raises(elman.errors.ShapeError, match=message) as ours:
            case(layer)
        assert isinstance(ours.value, theirs.type)
    with pytest.raises(elman.errors.ShapeError, match="expected 3, got 2"):  # torch's LSTM reads on behind the data
        layer(pack_sequence([torch.zeros(2, 2)]))
    with pytest.raises(elman.errors.ShapeError, match="expected h of shape"):
        layer(pack_sequence([torch.zeros(2, 3)]), state(kind, 1, 2, 5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_size": 0}, "input_size is 0"),
        ({"hidden_size": -1}, "hidden_size is -1"),
        ({"hidden_size": 2.5}, "hidden_size should be of type int, got: float"),
        ({"num_layers": 0}, "num_layers is 0"),
        ({"bias": 1}, "bias should be of type bool"),
        ({"batch_first": "yes"}, "batch_first should be of type bool"),
        ({"dropout": 1.5}, r"dropout should be a number in range \[0, 1\]"),
        ({"dropout": True}, "dropout should be a number"),
        ({"proj_size": -1}, "proj_size"),
        ({"proj_size": 9}, "proj_size"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_constructor_refuses_what_torch_refuses(kind: str, options: dict[str, Any], message: str) -> None:
    sizes = {"input_size": 3, "hidden_size": 5}
    with pytest.raises((ValueError, TypeError)) as theirs:
        getattr(nn, kind)(**(sizes | options))
    with pytest.raises(elman.errors.SettingsError, match=message) as ours:
        getattr(elman.nn, kind)(**(sizes | options))
    assert isinstance(ours.value, theirs.type)


def test_dropout_of_a_single_layer_warns_as_in_torch() -> None:
    for library in (nn, elman.nn):
        with pytest.warns(UserWarning, match="dropout"):
            library.GRU(3, 5, dropout=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        elman.nn.GRU(3, 5, num_layers=2, dropout=0.5)
    with pytest.raises(elman.errors.SettingsError, match="nonlinearity is 'sine'; choose one of: 'tanh', 'relu'"):
        elman.nn.RNN(3, 5, nonlinearity="sine")
