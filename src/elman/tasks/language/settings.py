"""The settings of writing."""

from __future__ import annotations

from dataclasses import dataclass

from elman.data.texts import TOKENS
from elman.model import ModelSettings
from elman.settings import Settings, setting, with_default
from elman.training.settings import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class LanguageSettings(ModelSettings, TrainingSettings):
    """All settings of a language model."""

    cell: str = with_default(ModelSettings, "cell", "lstm")
    hidden_size: int = with_default(ModelSettings, "hidden_size", 512)
    num_layers: int = with_default(ModelSettings, "num_layers", 2)
    dropout: float = with_default(ModelSettings, "dropout", 0.3)
    recurrent_dropout: float = with_default(ModelSettings, "recurrent_dropout", 0.1)
    epochs: int = with_default(TrainingSettings, "epochs", 9)
    learning_rate: float = with_default(TrainingSettings, "learning_rate", 2.5e-3)
    schedule: str = with_default(TrainingSettings, "schedule", "one-cycle")
    patience: int | None = with_default(TrainingSettings, "patience", 0)
    batch_size: int | None = setting(
        32,
        "rows that the text is cut into, read side by side; fewer where a row would have less than one segment",
        minimum=1,
        below=1_000_000,
    )
    embedding_size: int = setting(128, "values that stand for each token", minimum=1, below=100_000, fixed=True)
    embedding_dropout: float = setting(0.1, "dropout of what the recurrent layers read", minimum=0, below=1, fixed=True)
    head_dropout: float = setting(0.3, "dropout before the last layer", minimum=0, below=1, fixed=True)
    bptt: int = setting(
        64, "steps of a segment of truncated back-propagation through time, the state carried", minimum=1, below=2**31
    )
    min_count: int = setting(
        2,
        "characters that occur fewer times in the training part share one class, as do those never seen",
        minimum=1,
        below=2**31,
        fixed=True,
    )
    validation: float = setting(
        0.02, "share of the text, just before the test, that chooses the epoch; 0 for none", minimum=0, below=1
    )
    test_size: float = setting(0.1, "share of the text, at its end, that is the test; 0 for none", minimum=0, below=1)
    refit: bool = setting(False, "after the test, train again on the whole text")


@dataclass(frozen=True, kw_only=True)
class LanguageColumns(Settings):
    """How a text is read."""

    tokens: str = setting("char", "what a step is: a character of UTF-8 text, or a byte", choices=lambda: TOKENS)
