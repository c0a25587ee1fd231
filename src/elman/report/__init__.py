"""Tables, pictures and progress, from the data that tasks and training hand over. Computes no results of its own."""

from __future__ import annotations

from elman.report.plots import draw, draw_all
from elman.report.progress import Progress
from elman.report.tables import evaluation_text, score_table

__all__ = ["Progress", "draw", "draw_all", "evaluation_text", "score_table"]
