"""A cell run along a sequence: the stack's :class:`Layout`, the reference, and the choice of a backend."""

from __future__ import annotations

from elman.recurrence.layout import Layout
from elman.recurrence.reference import Result, run_cell, run_layers

__all__ = ["Layout", "Result", "run_cell", "run_layers"]
