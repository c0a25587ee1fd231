"""The settings of classification."""

from __future__ import annotations

from dataclasses import dataclass

from elman.data.idx_files import VIEWS
from elman.data.options import TableOptions
from elman.model import ModelSettings
from elman.settings import setting
from elman.training.settings import TrainingSettings

POOLINGS = ("last", "mean", "max")
SCALES = ("auto", "channel", "all", "none")


@dataclass(frozen=True, kw_only=True)
class ClassifySettings(ModelSettings, TrainingSettings):
    """All settings of a classifier."""

    bidirectional: bool = setting(False, "read each sequence backwards as well", fixed=True)
    pooling: str = setting(
        "last",
        "what of the recurrent layers' steps decides: the last, their mean, or the largest of each unit (max)",
        choices=lambda: POOLINGS,
        fixed=True,
    )
    conv_channels: int = setting(
        0, "channels of a convolution before the recurrent layers; 0 for none", minimum=0, below=100_000, fixed=True
    )
    conv_kernel: int = setting(7, "steps that the convolution reads, odd", minimum=1, below=10_000, fixed=True)
    conv_layers: int = setting(1, "convolutions, one on the other", minimum=1, below=100, fixed=True)
    embedding_size: int = setting(16, "values that stand for each symbol", minimum=1, below=100_000, fixed=True)
    members: int = setting(
        1,
        "models trained beside each other from different beginnings, whose probabilities are averaged",
        minimum=1,
        below=100,
        fixed=True,
    )
    head_dropout: float = setting(0.0, "dropout of what decides, before the last layer", minimum=0, below=1, fixed=True)
    class_weight: str = setting(
        "none",
        "how much a sequence counts in training: all the same (none), or each class as much as any other (balanced)",
        choices=lambda: ("none", "balanced"),
    )
    scale: str = setting(
        "auto",
        "what is brought to mean 0 and spread 1 over the training part: each channel, all of them together, or nothing "
        "(none); auto: images together, else each channel",
        choices=lambda: SCALES,
        fixed=True,
    )
    validation: float = setting(
        0.15,
        "share of the training part, of each class, that decides when to stop and fits the temperature; 0 for none",
        minimum=0,
        below=1,
    )
    test_size: float = setting(
        0.2,
        "share of the sequences, of each class, that is held back for the test where the data bring none; 0 for none",
        minimum=0,
        below=1,
    )
    refit: bool = setting(True, "after the test, fit again on everything, the test included")


@dataclass(frozen=True, kw_only=True)
class ClassifyColumns(TableOptions):
    """Which columns hold what, and how images are read."""

    label: str | None = setting(None, "classes; without it the column label, class or target", metavar="COLUMN")
    id: str | None = setting(None, "names of the sequences", metavar="COLUMN")
    value: tuple[str, ...] = setting((), "channels or steps; may be repeated; without it all others", metavar="COLUMN")
    symbols: str | None = setting(None, "texts, each letter of which is a step", metavar="COLUMN")
    layout: str | None = setting(
        None,
        "a row a step (long) or a row a sequence (wide); without it long where an id stands in several rows",
        choices=lambda: ("long", "wide"),
    )
    as_: str | None = setting(None, "how images are read: a row of pixels a step, or a pixel", choices=lambda: VIEWS)
    permute: int | None = setting(None, "seed of a fixed permutation of the pixels", minimum=0, below=2**63)
