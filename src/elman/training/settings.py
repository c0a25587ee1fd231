"""The settings of the training loop."""

from __future__ import annotations

from dataclasses import dataclass

from elman.settings import Settings, setting
from elman.training.schedule import SCHEDULES


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """The training loop."""

    epochs: int = setting(100, "most passes over the training examples", minimum=1)
    batch_size: int | None = setting(
        None,
        "examples in one step of the optimiser, 0 for all at once; without it a twentieth of them, from 32 to 256",
        minimum=0,
    )
    learning_rate: float = setting(3e-3, "first learning rate of AdamW; of one cycle the highest", above=0)
    weight_decay: float = setting(1e-2, "AdamW's decoupled weight decay", minimum=0)
    clip_norm: float = setting(1.0, "longest gradient, as a norm over all parameters; 0 does not clip", minimum=0)
    schedule: str = setting("constant", "learning rate over the epochs", choices=lambda: SCHEDULES)
    patience: int | None = setting(
        None,
        "epochs without a better validation loss before training stops, 0 for never; without it 10, or more where "
        "those are fewer than 32 updates",
        minimum=0,
    )
    seed: int = setting(0, "seed of initial weights, dropout and the order of examples", minimum=0, below=2**63)
    device: str = setting("cpu", "where torch trains: cpu, cuda, cuda:1, …")
