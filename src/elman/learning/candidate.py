"""A model that was trained to be chosen among others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Candidate(NamedTuple):
    """One of several, of which the one with the least validation loss is kept.

    Args:
        settings: those that it has for itself, as ``cell``.
        parameters: how many.
        validation: its loss on the validation part; None where training was interrupted before there was one.
        best_epoch: at which epoch.
        chosen: whether it is the one.
    """

    settings: Mapping[str, Any]
    parameters: int
    validation: float | None
    best_epoch: int
    chosen: bool = False

    @property
    def name(self) -> str:
        """What it is called in tables and phases.

        >>> Candidate({"cell": "gru", "hidden_size": 32}, 3000, 0.5, 7).name
        'gru 32'
        """
        return name_of(self.settings)


def name_of(settings: Mapping[str, Any]) -> str:
    """What a candidate with these settings is called."""
    return " ".join(map(str, settings.values()))
