"""AdamW with clipping, cheap where models are small."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import Parameter

from elman.errors import SettingsError
from elman.settings import TrainingSettings


class Optimiser:
    """AdamW (Loshchilov and Hutter 2019) over all of a module's trained parameters, gradients clipped by norm.

    On the CPU, where each small operator costs more than its arithmetic, the parameters become views of one flat
    tensor, and their gradients of another, until :meth:`release`: one operator then serves all parameters.
    Elsewhere torch's fused kernels take them all at once as they are.

    Weight decay reaches every parameter, biases included, as in torch.optim.AdamW. A parameter that a step does not
    use has gradient 0 there.

    Args:
        module: on its device; parameters that need no gradient are left alone.
        settings: ``learning_rate``, ``weight_decay``, ``clip_norm``.

    Raises:
        SettingsError: the module has nothing to train.

    >>> layer = torch.nn.Linear(2, 1)
    >>> optimiser = Optimiser(layer, TrainingSettings())
    >>> optimiser.zero_grad()
    >>> layer(torch.ones(1, 2)).sum().backward()
    >>> optimiser.step(learning_rate=0.01)  # the gradient's norm before clipping, √(1 + 1 + 1)
    tensor(1.7321)
    >>> optimiser.release()
    """

    def __init__(self, module: torch.nn.Module, settings: TrainingSettings) -> None:
        self._parameters = [p for p in module.parameters() if p.requires_grad]
        if not self._parameters:
            raise SettingsError("the model has no parameters to train; set requires_grad on those that shall learn")
        self._clip_norm = settings.clip_norm
        self._flat = _flattened(self._parameters) if _can_be_flat(self._parameters) else None
        trained = self._parameters if self._flat is None else [self._flat]
        rate, decay = settings.learning_rate, settings.weight_decay
        try:
            self._adam = torch.optim.AdamW(trained, rate, weight_decay=decay, fused=True)
        except RuntimeError:  # no fused kernel on this device
            self._adam = torch.optim.AdamW(trained, rate, weight_decay=decay)

    def zero_grad(self) -> None:
        """Forget the last step's gradients."""
        if self._flat is None:
            for parameter in self._parameters:
                parameter.grad = None
        else:
            assert self._flat.grad is not None
            self._flat.grad.zero_()

    @torch.no_grad()
    def step(self, learning_rate: float) -> Tensor:
        """Clip the gradients, update the parameters.

        Returns:
            the gradient's norm before clipping, on the device: not waited for.
        """
        trained = self._adam.param_groups[0]["params"]
        gradients = [p.grad for p in trained if p.grad is not None]
        norms = [torch.linalg.vector_norm(g) for g in gradients]
        norm: Tensor = norms[0] if len(norms) == 1 else torch.linalg.vector_norm(torch.stack(norms))
        if self._clip_norm:
            # 1e-6 as in torch.nn.utils.clip_grad_norm_: a gradient of 0 stays 0
            scale = (self._clip_norm / (norm + 1e-6)).clamp_(max=1.0)
            for gradient in gradients:
                gradient.mul_(scale)
        self._adam.param_groups[0]["lr"] = learning_rate
        self._adam.step()
        return norm

    def release(self) -> None:
        """Give each parameter a tensor of its own again, and no gradient."""
        for parameter in self._parameters:
            parameter.grad = None
            if self._flat is not None:
                parameter.data = parameter.data.clone()

    def state(self) -> dict[str, Tensor]:
        """The moments and step counts, by name: for :meth:`load_state`."""
        state = self._adam.state_dict()["state"]
        return {f"{k}/{name}": tensor for k, entry in state.items() for name, tensor in entry.items()}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave, exactly.

        Raises:
            ValueError: it was given by an optimiser of other parameters, or not by one at all.
        """
        state: dict[int, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            number, name = key.split("/")
            state.setdefault(int(number), {})[name] = tensor
        trained = self._adam.param_groups[0]["params"]
        for k, entry in state.items():
            own = trained[k].shape if k < len(trained) else None
            if {name: t.shape for name, t in entry.items()} != {"step": (), "exp_avg": own, "exp_avg_sq": own}:
                raise ValueError(f"no state of parameter {k}")
        self._adam.load_state_dict({"state": state, "param_groups": self._adam.state_dict()["param_groups"]})


def _can_be_flat(parameters: list[Parameter]) -> bool:
    """On the CPU, of one type, and no two of them over the same memory: such a tie would break."""
    first = parameters[0]
    if any(p.device.type != "cpu" or p.dtype != first.dtype or not p.is_contiguous() for p in parameters):
        return False
    spans = sorted((p.data_ptr(), p.data_ptr() + p.numel() * p.element_size()) for p in parameters if p.numel())
    return all(end <= start for (_, end), (start, _) in pairwise(spans))


@torch.no_grad()
def _flattened(parameters: list[Parameter]) -> Parameter:
    flat = Parameter(torch.cat([p.reshape(-1) for p in parameters]))
    flat.grad = torch.zeros_like(flat)
    start = 0
    for parameter in parameters:
        stop = start + parameter.numel()
        parameter.data = flat.data[start:stop].view_as(parameter)
        # backward adds into a gradient that is there, in place
        parameter.grad = flat.grad[start:stop].view_as(parameter)
        start = stop
    return flat
