"""How much of a loss's gradient survives k steps back in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from elman.errors import SettingsError
from elman.learning import Examples
from elman.model import INPUT
from elman.model.layer import has_steps

if TYPE_CHECKING:
    import torch

    from elman.nn.network import Network

Array = np.ndarray
ROWS, LAGS = 32, 200


class Profile(NamedTuple):
    """How much of the gradient is left at each lag, (K + 1,) float64 each, 1 at lag 0.

    Args:
        output: ‖∂loss/∂h_{T−k}‖ / ‖∂loss/∂h_T‖.
        state: the same of all the cell's states together, an LSTM's h and c, as a share of ‖∂loss/∂h_T‖; where h is the
            only state, ``output`` again.
    """

    output: Array
    state: Array


def gradient_by_lag(network: Network, examples: Examples, *, rows: int = ROWS, lags: int = LAGS) -> Profile:
    """How long the loss's gradient is k steps back from the end.

    ``loss`` is what the network's loss owes to the last step of its last recurrent layer: with one answer for a whole
    sequence all of it, with one at every step that of the last. ``h`` is that layer's output; where the layer runs
    both ways, forwards. Norms are means over the longest rows; the network is in evaluation mode meanwhile. Where an
    output of zeros passes no gradient on, as before some trainings, it is one of ones.

    Args:
        rows: at most so many examples.
        lags: at most so many steps back; fewer where the rows are shorter.

    Returns:
        the profile, which ends at the first step of the shortest row.

    Raises:
        SettingsError: the network has no recurrent layer.

    >>> from elman.model import LastStep, Linear, PointHead, RecurrentLayers
    >>> from elman.nn.network import Network
    >>> from elman.recurrence import Layout
    >>> layers = (RecurrentLayers(Layout("gru", 1, 4)), LastStep(), Linear(4, 1), PointHead("mse"))
    >>> examples = Examples(np.ones((3, 9, 1), "f4"), np.ones((3, 1), "f4"))
    >>> gradient_by_lag(Network(layers), examples).output.shape
    (9,)
    """
    from elman.nn.twins import RecurrentTwin

    layers = [module for module in network.modules() if isinstance(module, RecurrentTwin)]
    if not layers:
        raise SettingsError("the network has no recurrent layer, so there is no gradient to follow back in time")
    training = network.training
    network.eval()
    try:
        x, lengths, gradient = _at_the_end(network, layers[-1], _longest(examples, rows, lags))
        return _followed_back(layers[-1], x, lengths, gradient, lags)
    finally:
        network.train(training)


def half_life(profile: Sequence[float] | Array) -> int | None:
    """The first lag at which less than half is left; None: at no lag that was looked at.

    >>> half_life([1.0, 0.7, 0.4, 0.6]), half_life([1.0, 0.9])
    (2, None)
    """
    below = np.flatnonzero(np.asarray(profile) < 0.5)
    return int(below[0]) if len(below) else None


def _longest(examples: Examples, rows: int, lags: int) -> Examples:
    """The longest rows, in their order; of very long ones the beginning."""
    count = len(examples)
    lengths = np.full(count, examples.steps) if examples.lengths is None else examples.lengths
    chosen = np.sort(np.argsort(-lengths, kind="stable")[:rows])
    keeps_time = examples.targets.ndim > 1 and examples.targets.shape[1] == examples.steps
    end = examples.steps if not keeps_time else min(examples.steps, 4 * (lags + 1))
    inputs = {name: array[chosen] for name, array in examples.named_inputs().items()}
    inputs = {name: array[:, :end] if has_steps(array) else array for name, array in inputs.items()}
    targets, weight = examples.targets[chosen], examples.sample_weight
    weight = None if weight is None else weight[chosen]
    if keeps_time:
        targets = targets[:, :end]
        weight = weight[:, :end] if weight is not None and weight.ndim > 1 else weight
    cut = None if examples.lengths is None else np.minimum(lengths[chosen], end)
    return Examples(inputs if inputs.keys() != {INPUT} else inputs[INPUT], targets, cut, weight)


def _at_the_end(network: Network, layer: Any, examples: Examples) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What ``layer`` reads (N, T, I), each row's length, and the loss's gradient at its last output (N, R)."""
    import torch

    from elman.training.batches import to_tensors

    batch = to_tensors(
        examples, torch.device("cpu"), "examples", keeps_time=network.keeps_time(examples.sequences)
    ).whole
    seen: list[torch.Tensor] = []

    def cut(module: Any, given: Any, result: Any) -> Any:
        output = result[0].detach().requires_grad_()
        seen.extend((given[0][0].detach(), output))
        return output, result[1]

    handle = layer.register_forward_hook(cut)
    try:
        loss, _, _ = network.loss(batch)
    finally:
        handle.remove()
    x, output = seen[-2:]
    (gradient,) = torch.autograd.grad(loss, output)
    lengths = torch.full((len(x),), x.shape[1]) if batch.lengths is None else batch.lengths
    last = gradient[torch.arange(len(x)), lengths - 1, : layer.hidden_size]
    return x, lengths, last if bool(last.any()) else torch.ones_like(last)


def _followed_back(layer: Any, x: torch.Tensor, lengths: torch.Tensor, gradient: torch.Tensor, lags: int) -> Profile:
    """The gradient's mean norm at each lag, as a share of that at lag 0."""
    import torch

    below, top = _top_layer(layer)
    if below is not None:
        with torch.no_grad():
            x = below(x, lengths=lengths)[0]
    count = min(int(lengths.min()), lags + 1)
    hx = _before(top, x, lengths - count)
    places = (lengths - count)[:, None] + torch.arange(count)
    ends = x[torch.arange(len(x))[:, None], places]
    states: list[tuple[torch.Tensor, ...]] = []
    for t in range(count):
        _, hx = top.step(ends[:, t], hx)
        states.append(hx if isinstance(hx, tuple) else (hx,))
    every = [state for step in states for state in step]
    found = torch.autograd.grad((states[-1][0][0] * gradient).sum(), every, allow_unused=True, materialize_grads=True)
    kinds = len(states[0])  # h, or h and c
    squares = torch.stack([g[0].double().square().sum(dim=1) for g in found]).view(count, kinds, -1).flip(0)
    output, whole = squares[:, 0].sqrt().mean(dim=1), squares.sum(dim=1).sqrt().mean(dim=1)
    return Profile((output / output[0]).numpy(), (whole / output[0]).numpy())


def _top_layer(layer: Any) -> tuple[Any, Any]:
    """The layers below the last of a stack (None: there are none), and the last one's forward direction, each with the
    stack's own values: the last layer's state reaches later steps through itself alone."""
    from dataclasses import replace

    from elman.nn.recurrent import Recurrent
    from elman.nn.twin import arguments_of

    layout, values = layer._layout, dict(layer.named_parameters())

    def made(own: Any, number: int) -> Any:
        found = Recurrent(**arguments_of(own)).eval()
        names = {name: name.replace("_l0", f"_l{number}") if number else name for name, _ in found.named_parameters()}
        found.load_state_dict({name: values[source].detach() for name, source in names.items()})
        for parameter in found.parameters():  # what is looked for is the states' gradient
            parameter.requires_grad_(True)
        return found

    last = layout.num_layers - 1
    inputs = layout.input_size if not last else layout.recurrent_size * layout.num_directions
    top = made(replace(layout, input_size=inputs, num_layers=1, bidirectional=False), last)
    return (made(replace(layout, num_layers=last), 0) if last else None), top


def _before(top: Any, x: torch.Tensor, lengths: torch.Tensor) -> Any:
    """The state before each row's last steps, where ``lengths`` steps precede them; its gradient is asked for."""
    import torch

    with torch.no_grad():
        _, hx = top(x, lengths=lengths.clamp(min=1))
    begun = (lengths > 0).to(x)[None, :, None]
    states = hx if isinstance(hx, tuple) else (hx,)
    states = tuple((state * begun).requires_grad_() for state in states)
    return states if len(states) > 1 else states[0]
