"""The settings of tagging."""

from __future__ import annotations

from dataclasses import dataclass

from elman.model import ModelSettings
from elman.settings import Settings, setting, with_default
from elman.tasks.tag.schemes import SCHEMES
from elman.training.settings import TrainingSettings

HEADS = ("crf", "softmax")
MOST = 1_000_000


@dataclass(frozen=True, kw_only=True)
class TagSettings(ModelSettings, TrainingSettings):
    """All settings of a tagger."""

    cell: str = with_default(ModelSettings, "cell", "lstm")
    hidden_size: int = with_default(ModelSettings, "hidden_size", 100)
    epochs: int = with_default(TrainingSettings, "epochs", 20)
    batch_size: int | None = with_default(TrainingSettings, "batch_size", 16)
    schedule: str = with_default(TrainingSettings, "schedule", "one-cycle")
    patience: int | None = with_default(TrainingSettings, "patience", 0)
    bidirectional: bool = setting(True, "read each sentence backwards as well", fixed=True)
    word_size: int = setting(100, "values that stand for each word", minimum=1, below=MOST, fixed=True)
    vectors: str | None = setting(
        None, "text file of word vectors to begin with: a word and its values on each line", metavar="FILE", fixed=True
    )
    lower: bool = setting(True, "read words in lower case; the characters keep theirs", fixed=True)
    normalise: bool = setting(
        True,
        "look words up with all links as one word, all mentions as another, hashtags without their sign, digits as 0, "
        "and of repeated characters two",
        fixed=True,
    )
    min_count: int = setting(
        2,
        "words that occur fewer times in the training part are read like those never seen",
        minimum=1,
        below=MOST,
        fixed=True,
    )
    char_size: int = setting(25, "values that stand for each character", minimum=1, below=MOST, fixed=True)
    char_hidden_size: int = setting(
        25,
        "units, in each direction, of the layer that reads a word's characters; 0 for none",
        minimum=0,
        below=MOST,
        fixed=True,
    )
    shape_size: int = setting(
        10,
        "values that stand for each word's shape: capitals, digits, signs, links; 0 for none",
        minimum=0,
        below=MOST,
        fixed=True,
    )
    input_dropout: float = setting(0.5, "dropout of what the recurrent layers read", minimum=0, below=1, fixed=True)
    head_dropout: float = setting(0.5, "dropout of what the recurrent layers tell", minimum=0, below=1, fixed=True)
    neighbours: float = setting(
        0.1,
        "weight of a second loss in training: that of telling each word's neighbours; 0 for none",
        minimum=0,
        below=100,
        fixed=True,
    )
    head: str = setting(
        "crf",
        "how tags are told: the best sequence of them (crf), or each by itself (softmax)",
        choices=lambda: HEADS,
        fixed=True,
    )
    ensemble: int = setting(
        1,
        "networks trained side by side from different beginnings, whose scores are averaged",
        minimum=1,
        below=100,
        fixed=True,
    )
    balance: bool = setting(True, "choose on the validation part how readily O is told, for the best F1 there")
    validation: float = setting(
        0.1, "share of the sentences, just before the test, that chooses the epoch; 0 for none", minimum=0, below=1
    )
    test_size: float = setting(
        0.1, "share of the sentences, at the end, that is the test; 0 for none", minimum=0, below=1
    )
    refit: bool = setting(False, "after the test, train again on everything, the test included")


@dataclass(frozen=True, kw_only=True)
class TagColumns(Settings):
    """Where words and tags stand, and what the tags mean."""

    word_column: int = setting(0, "the column of words, counted from 0", minimum=0, below=MOST)
    tag_column: int | None = setting(
        None, "the column of tags, counted from 0; without it the last", minimum=0, below=MOST
    )
    scheme: str = setting(
        "auto",
        "what tags mean: entities (bio, iob1, bioes), or each word by itself (plain); auto: found from all of them",
        choices=lambda: SCHEMES,
    )
