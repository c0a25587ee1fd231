"""AdamW with clipping, cheap where models are small."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim.adamw import adamw

from elman.errors import SettingsError
from elman.torch_private import fused_adamw
from elman.training.settings import TrainingSettings

# devices for which every admitted release of torch has AdamW as one kernel
FUSED_DEVICES = ("cpu", "cuda")


class Flat(NamedTuple):
    """All parameters in one tensor, and their gradients in another; the parameters are views."""

    values: Tensor
    gradients: Tensor


class Optimiser:
    """AdamW (Loshchilov and Hutter 2019) over all of a module's trained parameters, gradients clipped by norm.

    On the CPU, where each small operator costs more than its arithmetic, the parameters become views of one flat
    tensor, and their gradients of another, until :meth:`release`: one operator then serves all parameters.
    On other devices torch's fused kernels take all of them at once.

    Weight decay reaches every parameter, biases included, as in torch.optim.AdamW. A parameter that a step does not
    use has gradient 0 there.

    Args:
        module: on its device; parameters that need no gradient are not changed.
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
        self._trained = [p for p in module.parameters() if p.requires_grad]
        if not self._trained:
            raise SettingsError("the model has no parameters to train; set requires_grad on those that shall learn")
        self._clip_norm = settings.clip_norm
        self._constants: dict[str, Any] = {
            "beta1": 0.9,
            "beta2": 0.999,
            "eps": 1e-8,
            "weight_decay": settings.weight_decay,
            "amsgrad": False,
            "maximize": False,
        }
        self._flat = _flattened(self._trained) if _can_be_flat(self._trained) else None
        trained: list[Tensor] = list(self._trained) if self._flat is None else [self._flat.values]
        self._fused = all(p.device.type in FUSED_DEVICES and p.is_floating_point() for p in trained)
        self._means = [torch.zeros_like(p, requires_grad=False) for p in trained]
        self._squares = [torch.zeros_like(p, requires_grad=False) for p in trained]
        self._counts = [torch.zeros((), device=p.device if self._fused else None) for p in trained]

    @property
    def flat(self) -> Tensor | None:
        """The tensor that all trained parameters are views of, one after the other; None where there is none."""
        return None if self._flat is None else self._flat.values

    def zero_grad(self) -> None:
        """Clear the last step's gradients."""
        if self._flat is not None:
            self._flat.gradients.zero_()
            return
        for parameter in self._trained:
            parameter.grad = None

    def step(self, learning_rate: float) -> Tensor:
        """Clip the gradients, update the parameters.

        Returns:
            the gradient's norm before clipping, on the device.
        """
        if self._flat is not None:
            return self._step_flat(*self._flat, learning_rate)
        with torch.no_grad():
            return self._step_separate(learning_rate)

    def _step_flat(self, values: Tensor, gradients: Tensor, learning_rate: float) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(gradients)
        # 1e-6 as in torch.nn.utils.clip_grad_norm_: a gradient of 0 stays 0
        if self._clip_norm and (scale := self._clip_norm / (norm.item() + 1e-6)) < 1.0:
            gradients.mul_(scale)
        self._counts[0].add_(1)
        fused_adamw(
            [values], [gradients], self._means, self._squares, self._counts, lr=learning_rate, **self._constants
        )
        return norm

    def _step_separate(self, learning_rate: float) -> Tensor:
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._trained]
        norm: Tensor = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
        if self._clip_norm:
            scale = (self._clip_norm / (norm + 1e-6)).clamp_(max=1.0)  # without waiting for an accelerator
            for gradient in gradients:
                gradient.mul_(scale)
        # the function, not the class: the class costs as much again a step, and imports torch's compiler first
        adamw(
            list[Tensor](self._trained),
            gradients,
            self._means,
            self._squares,
            [],
            self._counts,
            foreach=False,
            fused=self._fused,
            lr=learning_rate,
            **self._constants,
        )
        return norm

    def release(self) -> None:
        """Give each parameter a tensor of its own again, without a gradient."""
        for parameter in self._trained:
            parameter.grad = None
            if self._flat is not None:
                parameter.data = parameter.data.clone()

    def state(self) -> dict[str, Tensor]:
        """The moments and step counts, by name: for :meth:`load_state`."""
        groups = {"mean": self._means, "square": self._squares, "count": self._counts}
        return {f"{name}/{k}": tensor for name, tensors in groups.items() for k, tensor in enumerate(tensors)}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Restore exactly what :meth:`state` returned.

        Raises:
            ValueError: the state of an optimiser of other parameters, or of none.
        """
        own = self.state()
        if {name: t.shape for name, t in own.items()} != {name: t.shape for name, t in tensors.items()}:
            raise ValueError("not the state of this optimiser")
        for name, tensor in own.items():
            tensor.copy_(tensors[name])


def _can_be_flat(parameters: list[Parameter]) -> bool:
    """Whether all are on the CPU, of one floating type, and share no memory: tied parameters would be separated."""
    first = parameters[0]
    if not first.is_floating_point():
        return False
    if any(p.device.type != "cpu" or p.dtype != first.dtype or not p.is_contiguous() for p in parameters):
        return False
    spans = sorted((p.data_ptr(), p.data_ptr() + p.numel() * p.element_size()) for p in parameters if p.numel())
    return all(end <= start for (_, end), (start, _) in pairwise(spans))


@torch.no_grad()
def _flattened(parameters: list[Parameter]) -> Flat:
    values = torch.cat([p.reshape(-1) for p in parameters])
    flat = Flat(values, torch.zeros_like(values))
    start = 0
    for parameter in parameters:
        stop = start + parameter.numel()
        parameter.data = flat.values[start:stop].view_as(parameter)
        # backward adds into a gradient that is there, in place
        parameter.grad = flat.gradients[start:stop].view_as(parameter)
        start = stop
    return flat
