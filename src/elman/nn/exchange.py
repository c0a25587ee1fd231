"""From elman's layers to torch.nn's of the same weights, for code that looks up exact types or cannot see into ours."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import torch
from torch.nn import Parameter

from elman.errors import SettingsError
from elman.recurrence.backends import warn_once

# libraries that find recurrent layers by their exact type, and nothing else by which they could be told
LOOK_UP_TYPES = {"opacus"}


class Exchangeable:
    """What elman's modules share: they stand for one of torch.nn's, and say so where that is needed."""

    def stand_for_torch(self) -> None:
        """Be a leaf of torch.fx, which takes modules for leaves if this attribute names torch.nn."""
        self.__module__ = torch.nn.RNNBase.__module__
        for library in LOOK_UP_TYPES & sys.modules.keys():
            warn_once(
                f"{library} looks for torch.nn's own layers and passes elman's by: give it elman.nn.to_torch(model)"
            )

    def __prepare_scriptable__(self) -> NoReturn:
        raise SettingsError(
            "torch.jit.script cannot compile elman's layers: script layer.to_torch(), or elman.nn.to_torch(model)"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "qconfig" and value is not None:
            warn_once(
                "torch.ao.quantization looks for torch.nn's own layers and passes elman's by: "
                "quantise elman.nn.to_torch(model)"
            )
        super().__setattr__(name, value)


def put_parameters(module: torch.nn.Module, parameters: Mapping[str, Parameter | None], training: bool) -> None:
    """Give a module on the meta device its parameters, and the mode they were in."""
    for name, parameter in parameters.items():
        setattr(module, name, parameter)
    module.train(training)


def own_parameters(module: torch.nn.Module, names: tuple[str, ...]) -> dict[str, Parameter]:
    """A module's parameters by name.

    Raises:
        SettingsError: one of ``names`` is none: it is parametrised, or pruned.
    """
    found = dict(module.named_parameters(recurse=False, remove_duplicate=False))
    for name in names:
        if name not in found:
            raise SettingsError(
                f"{name} is no parameter but computed from others; remove its parametrisation or pruning first, "
                "see torch.nn.utils.parametrize.remove_parametrizations and torch.nn.utils.prune.remove"
            )
    return {name: found[name] for name in names}
