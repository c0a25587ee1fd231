"""The settings of writing with a trained model."""

from __future__ import annotations

from dataclasses import dataclass

from elman.settings import Settings, setting

MOST = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class WritingSettings(Settings):
    """What is written, and how tokens are chosen."""

    prompt: str | None = setting(
        None, "what the text begins with; without it the text begins after a line end, or a space", metavar="TEXT"
    )
    length: int = setting(500, "tokens to write after it", minimum=0, below=MOST)
    temperature: float = setting(
        0.8, "what the logits are divided by: below 1 surer, above 1 wilder, 0 the likeliest token always", minimum=0
    )
    top_p: float = setting(
        1.0, "choose among the likeliest tokens that together have this probability", above=0, maximum=1
    )
    top_k: int = setting(0, "choose among so many of the likeliest tokens; 0 for all", minimum=0)
    seed: int = setting(0, "seed of the choices", minimum=0, below=2**63)
    eight_bit: bool = setting(
        False, "round the recurrent layers' weights to eight bits: faster, with slightly other probabilities"
    )
