"""The settings of regression on sequences."""

from __future__ import annotations

from dataclasses import dataclass

from elman.data.options import TimeOptions
from elman.model import ModelSettings
from elman.model.heads import POINT_LOSSES
from elman.settings import setting
from elman.training.settings import TrainingSettings

EVERY, LAST = "every", "last"
SPLITS = ("auto", "time", "sequences")
MOST_STEPS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class RegressSettings(ModelSettings, TrainingSettings):
    """All settings of a sequence regressor."""

    at: str = setting(
        EVERY,
        "where the target is: at every step (every), or one for the whole sequence, in its last row (last)",
        choices=lambda: (EVERY, LAST),
        fixed=True,
    )
    carry: bool = setting(
        False,
        "carry the state from each sequence to the next, in their order: they are segments of one long sequence",
        fixed=True,
    )
    bptt: int | None = setting(
        None,
        "steps of a segment of truncated back-propagation through time, 0 for whole sequences; without it 0, or where "
        "the state is carried those of the longest sequence",
        minimum=0,
        below=MOST_STEPS,
    )
    loss: str = setting("mse", "training loss", choices=lambda: POINT_LOSSES)
    split: str = setting(
        "auto",
        "where the test and the validation part are: at the end of each sequence (time), or whole sequences, drawn by "
        "the seed, or where the state is carried the last ones (sequences); auto takes sequences where there are 10 or "
        "more, or one target for each",
        choices=lambda: SPLITS,
    )
    validation: float = setting(
        0.2, "share of what precedes the test that decides when to stop; 0 for none", minimum=0, below=1
    )
    test_size: int | None = setting(
        None, "steps at the end of each sequence, or sequences, held back, 0 for none; without it a fifth", minimum=0
    )


@dataclass(frozen=True, kw_only=True)
class RegressColumns(TimeOptions):
    """Which columns hold what; :func:`elman.data.read_sequence_table` says what happens without them."""

    input: tuple[str, ...] = setting((), "inputs of each step; may be repeated", metavar="COLUMN")
    target: tuple[str, ...] = setting((), "values to tell; may be repeated", metavar="COLUMN")
    time: str | None = setting(None, 'what the rows of a sequence are sorted by; "" for none', metavar="COLUMN")
    id: str | None = setting(None, 'names of the sequences; "" for one sequence', metavar="COLUMN")
