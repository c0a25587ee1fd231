"""The gradient by lag against automatic differentiation of a plain loop over the printed equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from elman.errors import SettingsError
from elman.learning import Examples
from elman.model import LastStep, Linear, PointHead, RecurrentLayers
from elman.nn.network import Network
from elman.recurrence import Layout
from elman.studies.gradients import gradient_by_lag, half_life

INPUTS, HIDDEN, STEPS, ROWS = 2, 5, 12, 4
LENGTHS = np.array([12, 7, 9, 12])


def step(cell: str, x, states, w):
    """One step as the textbook prints it, of a row; the states are (H,) each."""
    h = states[0]
    from_x, from_h = w["weight_ih"] @ x + w["bias_ih"], w["weight_hh"] @ h + w["bias_hh"]
    if cell == "rnn":
        return (torch.tanh(from_x + from_h),)
    if cell == "gru":
        (x_r, x_z, x_n), (h_r, h_z, h_n) = from_x.chunk(3), from_h.chunk(3)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        return ((1 - z) * torch.tanh(x_n + r * h_n) + z * h,)
    i, f, g, o = (from_x + from_h).chunk(4)
    c = torch.sigmoid(f) * states[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def expected(network: Network, cell: str, last: int, x, targets, lengths, shortest: int):
    """‖∂loss/∂h_{T−k}‖ and the norm over all states, means over rows, as shares of that at k = 0.

    Each step's states are leaves: the gradient at one is what its own copy receives, from all that follows.
    """
    parameters = dict(network.named_parameters())
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    stack = [{n: parameters[f"0.{n}_l{k}"].detach() for n in names} for k in range(last + 1)]
    head = parameters["2.weight"].detach(), parameters["2.bias"].detach()
    count = 2 if cell == "lstm" else 1
    output, whole = np.zeros((len(x), shortest)), np.zeros((len(x), shortest))
    for row, length in enumerate(lengths):
        lower = [tuple(torch.zeros(HIDDEN) for _ in range(count)) for _ in stack]
        kept, value = [], torch.zeros(())
        for t in range(length):
            below = torch.from_numpy(x[row, t])
            for k, weights in enumerate(stack):
                lower[k] = step(cell, below, lower[k], weights)
                if k == last:
                    # an output and a state of one value: what follows reads these copies alone
                    lower[k] = tuple(s.clone().requires_grad_() if t == 0 else s.clone() for s in lower[k])
                    for state in lower[k]:
                        if not state.requires_grad:
                            state.requires_grad_()
                        state.retain_grad()
                    kept.append(lower[k])
                below = lower[k][0]
        value = head[0] @ below + head[1]
        loss = (value - torch.from_numpy(targets[row])).square().sum() / len(x)
        loss.backward()
        for k in range(shortest):
            grads = [torch.zeros(HIDDEN) if s.grad is None else s.grad for s in kept[length - 1 - k]]
            output[row, k] = grads[0].norm()
            whole[row, k] = torch.cat(grads).norm()
    return output.mean(axis=0) / output[:, 0].mean(), whole.mean(axis=0) / output[:, 0].mean()


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("ragged", [False, True])
def test_it_is_what_differentiating_the_equations_gives(cell, layers, ragged):
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, STEPS, INPUTS)).astype("f4")
    targets = random.normal(size=(ROWS, 1)).astype("f4")
    lengths = LENGTHS if ragged else None
    torch.manual_seed(1)
    network = Network(
        (RecurrentLayers(Layout(cell, INPUTS, HIDDEN, layers)), LastStep(), Linear(HIDDEN, 1), PointHead("mse"))
    )
    found = gradient_by_lag(network, Examples(x, targets, lengths))
    shortest = 7 if ragged else STEPS
    whole = LENGTHS if ragged else np.full(ROWS, STEPS)
    output, state = expected(network, cell, layers - 1, x, targets, whole, shortest)
    assert_allclose(found.output, output, rtol=2e-4)
    assert_allclose(found.state, state, rtol=2e-4)
    assert network.training


def test_an_output_at_every_step_is_followed_from_the_last():
    """Later steps' losses cannot reach the last state, and the earlier ones' are left out."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(3, 9, INPUTS)).astype("f4"), random.normal(size=(3, 9, 1)).astype("f4")
    torch.manual_seed(0)
    every = Network((RecurrentLayers(Layout("gru", INPUTS, HIDDEN)), Linear(HIDDEN, 1), PointHead("mse")))
    last = Network((RecurrentLayers(Layout("gru", INPUTS, HIDDEN)), LastStep(), Linear(HIDDEN, 1), PointHead("mse")))
    last.load_state_dict(
        {name.replace("1.", "2.", 1) if name.startswith("1.") else name: p for name, p in every.state_dict().items()}
    )
    assert_allclose(
        gradient_by_lag(every, Examples(x, y)).output, gradient_by_lag(last, Examples(x, y[:, -1])).output, rtol=1e-5
    )


def test_both_directions_and_all_cells_have_one():
    x, y = np.ones((2, 6, INPUTS), "f4"), np.ones((2, 1), "f4")
    layers = (
        RecurrentLayers(Layout("lstm-peephole", INPUTS, 3, 2, bidirectional=True)),
        LastStep(True),
        Linear(6, 1),
        PointHead("mse"),
    )
    found = gradient_by_lag(Network(layers), Examples(x, y), lags=3)
    assert found.output.shape == (4,) and found.output[0] == 1


def test_an_output_of_zeros_does_not_hide_the_recurrence():
    layers = (RecurrentLayers(Layout("rnn", INPUTS, 3)), LastStep(), Linear(3, 1), PointHead("mse"))
    found = gradient_by_lag(
        Network(layers, zero_output=True), Examples(np.ones((2, 6, INPUTS), "f4"), np.ones((2, 1), "f4"))
    )
    assert np.isfinite(found.output).all() and found.output[0] == 1


def test_without_recurrent_layers_there_is_none():
    with pytest.raises(SettingsError, match="no recurrent layer"):
        gradient_by_lag(
            Network((Linear(1, 1), PointHead("mse"))), Examples(np.ones((2, 1), "f4"), np.ones((2, 1), "f4"))
        )


def test_half_life():
    assert half_life([1.0, 0.5, 0.49]) == 2
    assert half_life([1.0]) is None
