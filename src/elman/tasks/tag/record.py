"""What a tagger knows besides its weights, and its place in the model file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from elman.errors import ModelFileError
from elman.tasks.tag.baseline import MostFrequent, most_frequent_from_record
from elman.tasks.tag.encoding import Encoding, encoding_from_record
from elman.tasks.tag.schemes import OUTSIDE
from elman.tasks.tag.seen import Seen, seen_from_record

KEYS = {"encoding", "baseline", "seen"}
SHIFT, LARGEST = "shift", 100.0
MOST_SEEN = 100  # trainings of a model, one after the other


@dataclass(frozen=True)
class Record:
    """What a tagger knows besides its weights.

    Args:
        shift: by how much the score of ``O`` was lowered after training; see :mod:`elman.tasks.tag.balance`.
    """

    encoding: Encoding
    baseline: MostFrequent = field(repr=False)
    seen: tuple[Seen, ...] = field(repr=False)
    shift: float = 0.0

    def to_record(self) -> dict[str, Any]:
        """JSON values, for the model file."""
        return {
            "encoding": self.encoding.record(),
            "baseline": self.baseline.record(),
            "seen": [one.record() for one in self.seen],
        } | ({SHIFT: self.shift} if self.shift else {})


def record_from(values: Any) -> Record:
    """What :meth:`Record.to_record` wrote.

    Raises:
        ModelFileError: it is not that.
    """
    if not isinstance(values, dict) or values.keys() - {SHIFT} != KEYS or not isinstance(values["seen"], list):
        raise ModelFileError(f"its record must have {', '.join(sorted(KEYS))}")
    if not 0 < len(values["seen"]) <= MOST_SEEN:
        raise ModelFileError(f"it names {len(values['seen'])} trainings")
    shift = values.get(SHIFT, 0.0)
    if type(shift) not in (int, float) or not abs(shift) <= LARGEST:
        raise ModelFileError(f"its shift is {shift!r:.40}")
    encoding, baseline = encoding_from_record(values["encoding"]), most_frequent_from_record(values["baseline"])
    if shift and OUTSIDE not in encoding.tags:
        raise ModelFileError(f"it has a shift of {OUTSIDE}, which is none of its tags")
    return Record(encoding, baseline, tuple(map(seen_from_record, values["seen"])), float(shift))
