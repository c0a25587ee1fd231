"""How readily a tagger tells that a word is outside: chosen on the validation part alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from elman.data.tagged import TaggedSentences
from elman.model import Model
from elman.tasks.tag.layers import score_layers
from elman.tasks.tag.predictor import TagPredictor, with_record
from elman.tasks.tag.record import Record
from elman.tasks.tag.schemes import OUTSIDE
from elman.tasks.tag.scores import count

SHIFTS = tuple(k / 2 for k in range(-2, 9))  # finer ones follow the chance of one validation part
ENTITIES = 100  # in the validation part, at least: of fewer, a shift would be chosen by three or four of them


def find_shift(model: Model, record: Record, held: TaggedSentences) -> float:
    """By how much to lower the score of ``O``, of :data:`SHIFTS`, for the best F1 on ``held``; 0 if that is too small.

    The likeliest tags have the fewest errors, not the best F1: where most entities are new, a model is rarely sure of
    one and finds too few (Lewis 1995).
    """
    scheme, true = record.encoding.scheme, held.known_tags()
    if OUTSIDE not in record.encoding.tags or count(true, true, scheme)[""].true < ENTITIES:
        return 0.0

    predictor = TagPredictor(model, record)
    outputs = list(predictor.outputs(held))

    def f1(shift: float) -> float:
        lower = np.zeros((predictor.members, len(record.encoding.tags)), np.float32)
        lower[:, record.encoding.tags.index(OUTSIDE)] = shift
        said = predictor.told(held, (own._replace(scores=own.scores - lower.ravel()) for own in outputs))
        return count(said, true, scheme)[""].f1

    return max(SHIFTS, key=lambda shift: (f1(shift), -abs(shift)))


def shifted(model: Model, record: Record, shift: float) -> TagPredictor:
    """``model`` with the score of ``O`` lower by ``shift`` than training left it, in its last linear layers' biases."""
    by = shift - record.shift
    if not by:
        return with_record(model, record)
    arrays = dict(model.arrays)
    for number in score_layers(model):
        name = f"{number}.bias"
        arrays[name] = arrays[name].copy()
        arrays[name][record.encoding.tags.index(OUTSIDE)] -= np.float32(by)
    return with_record(replace(model, arrays=arrays), replace(record, shift=shift))
