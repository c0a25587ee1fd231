"""The same layers as a JAX program: a compiled ``lax.scan`` of the cell for each layer, and its gradient."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def installed() -> bool:
    """Whether there is a JAX to compare with."""
    return importlib.util.find_spec("jax") is not None


def both_ways(cell: str, layer: torch.nn.RNNBase, x: Tensor, gradient: Tensor) -> Callable[[], list[Any]]:
    """As :func:`benchmarks._layers.both_ways`, with the weights of ``layer``; compiled at the first call.

    The product with the input stands inside the scan: taken out of it, JAX is slower at most shapes.
    """
    import jax
    import jax.numpy as jnp

    def gru(state: Any, x_t: Any, w_x: Any, w_h: Any, b_x: Any, b_h: Any) -> Any:
        (h,) = state
        x_r, x_z, x_n = jnp.split(x_t @ w_x.T + b_x, 3, -1)
        h_r, h_z, h_n = jnp.split(h @ w_h.T + b_h, 3, -1)
        z = jax.nn.sigmoid(x_z + h_z)
        return ((1 - z) * jnp.tanh(x_n + jax.nn.sigmoid(x_r + h_r) * h_n) + z * h,)

    def rnn(state: Any, x_t: Any, w_x: Any, w_h: Any, b_x: Any, b_h: Any) -> Any:
        return (jnp.tanh(x_t @ w_x.T + b_x + state[0] @ w_h.T + b_h),)

    def lstm(state: Any, x_t: Any, w_x: Any, w_h: Any, b_x: Any, b_h: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(x_t @ w_x.T + b_x + h @ w_h.T + b_h, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jax.nn.sigmoid(o) * jnp.tanh(c), c

    step, states = {"GRU": (gru, 1), "RNN": (rnn, 1), "LSTM": (lstm, 2)}[cell]
    zeros = (jnp.zeros((x.shape[1], layer.hidden_size)),) * states

    def forward(weights: Any, y: Any) -> Any:
        for own in weights:

            def along(state: Any, x_t: Any, own: Any = own) -> Any:
                state = step(state, x_t, *own)
                return state, state[0]

            y = jax.lax.scan(along, zeros, y)[1]
        return y

    @jax.jit
    def training(weights: Any, x: Any, gradient: Any) -> Any:
        output, pull = jax.vjp(lambda w: forward(w, x), weights)
        return output, pull(gradient)[0]

    weights = [[jnp.array(p.detach().numpy()) for p in own] for own in layer.all_weights]
    given = jnp.array(x.numpy()), jnp.array(gradient.numpy())
    return lambda: jax.tree.leaves(jax.block_until_ready(training(weights, *given)))
