"""``elman explain``: what a trained model does with one sequence, as pictures and as a page to try things on."""

from elman.studies.explain.explanation import Explanation, explain

__all__ = ["Explanation", "explain"]
