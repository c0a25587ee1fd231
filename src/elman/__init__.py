"""elman: recurrent networks, trained, evaluated against simple baselines, and run without torch.

``import elman`` loads nothing heavy: each name is resolved when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from elman._version import __version__

if TYPE_CHECKING:
    from elman import errors, nn
    from elman.cells import Cell, register_cell
    from elman.model import Stream
    from elman.recurrence.backends import use_backend
    from elman.studies.compare import compare
    from elman.studies.explain import explain
    from elman.tasks import load
    from elman.tasks.classify import SequenceClassifier
    from elman.tasks.forecast import Forecaster
    from elman.tasks.language import LanguageModel
    from elman.tasks.regress import SequenceRegressor
    from elman.tasks.tag import Tagger

# public name → the module that holds it; a module's own name stands for the module itself
_HOMES = {
    "Cell": "elman.cells",
    "Forecaster": "elman.tasks.forecast",
    "LanguageModel": "elman.tasks.language",
    "SequenceClassifier": "elman.tasks.classify",
    "SequenceRegressor": "elman.tasks.regress",
    "Stream": "elman.model",
    "Tagger": "elman.tasks.tag",
    "compare": "elman.studies.compare",
    "errors": "elman.errors",
    "explain": "elman.studies.explain",
    "load": "elman.tasks",
    "nn": "elman.nn",
    "register_cell": "elman.cells",
    "use_backend": "elman.recurrence.backends",
}
__all__ = [
    "Cell",
    "Forecaster",
    "LanguageModel",
    "SequenceClassifier",
    "SequenceRegressor",
    "Stream",
    "Tagger",
    "__version__",
    "compare",
    "errors",
    "explain",
    "load",
    "nn",
    "register_cell",
    "use_backend",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'elman' has no attribute {name!r}")
    try:
        module = importlib.import_module(_HOMES[name])
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        from elman.errors import MissingDependencyError

        raise MissingDependencyError("torch", f"elman.{name}", "train") from error
    value = module if _HOMES[name] == f"elman.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
