"""A module's tensors, all that training changes: by name, copied, restored."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.torch_private import buffers_of
from elman.training.checkpoint import Checkpoint, Saved


def tensors_of(module: torch.nn.Module) -> dict[str, Tensor]:
    """Everything in the module that training changes; what is tied appears once."""
    return dict(module.named_parameters()) | dict(module.named_buffers())


class Copies:
    """Takes copies of everything in a module that training changes; each is whole until the next but one is taken.

    What is in ``flat``, the optimiser's tensor, is copied in one operation: parameter by parameter, the copies of a
    small model cost as much as its update.
    """

    def __init__(self, module: torch.nn.Module, flat: Tensor | None) -> None:
        self._module, self._flat = module, flat
        self._parts = list(module.modules())
        parameters = dict(module.named_parameters())
        in_flat = {} if flat is None else {name: p for name, p in parameters.items() if p.requires_grad}
        self._others = {name: p for name, p in parameters.items() if name not in in_flat}
        # a block as large as ``flat``, and in it the copy of each parameter, in the same place as there
        self._blocks = [
            (block, {name: block.as_strided(p.size(), p.stride(), p.storage_offset()) for name, p in in_flat.items()})
            for block in (() if flat is None else (flat.clone(), flat.clone()))
        ]

    def taken(self) -> dict[str, Tensor]:
        """:func:`tensors_of`, as it is now."""
        rest: dict[str, Tensor] = dict(self._others)
        if any(map(buffers_of, self._parts)):  # named_buffers takes longer than the copy, also for nothing
            rest = rest | dict(self._module.named_buffers())
        copies = {name: tensor.detach().clone() for name, tensor in rest.items()}
        if self._flat is None:
            return copies
        self._blocks.reverse()  # to the older one
        block, views = self._blocks[0]
        block.copy_(self._flat)
        return views | copies


def grouped(**groups: dict[str, Tensor]) -> dict[str, Tensor]:
    """One dictionary of several, as ``group/name``; :meth:`Saved.group` takes one out again."""
    return {f"{group}/{name}": tensor for group, tensors in groups.items() for name, tensor in tensors.items()}


def check_tensors(saved: dict[str, Tensor], own: dict[str, Tensor], checkpoint: Checkpoint) -> None:
    """Check that ``saved``, from ``checkpoint``, has the names, shapes and types of ``own``.

    Raises:
        RunFolderError: it has others.
    """
    found, expected = ({name: (t.shape, t.dtype) for name, t in tensors.items()} for tensors in (saved, own))
    if found != expected:
        raise checkpoint.unusable("it was made for another model or device")


@torch.no_grad()
def put_tensors(saved: Saved, module: torch.nn.Module, checkpoint: Checkpoint) -> None:
    """Copy the weights of a finished phase into the module.

    Raises:
        RunFolderError: they are another model's.
    """
    own = tensors_of(module)
    check_tensors(saved.tensors, grouped(weights=own), checkpoint)
    for name, tensor in saved.group("weights").items():
        own[name].copy_(tensor)
