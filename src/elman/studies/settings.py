"""The settings of the studies."""

from __future__ import annotations

from dataclasses import dataclass

from elman.data.generated import PUZZLES
from elman.settings import Settings, setting
from elman.studies.cell_specs import MATCHES

# settings of a single run, and what takes their place in a study
CHOSEN = {"cell": "cells", "cells": "cells", "hidden_sizes": "match", "seed": "seeds"}
INITS = ("default", "orthogonal", "chrono")
CELLS_HELP = "cells, with commas between them; the first is the reference"


@dataclass(frozen=True, kw_only=True)
class CompareSettings(Settings):
    """A comparison of cells."""

    cells: str = setting("rnn,lstm,lstm-peephole,gru,gru-before", CELLS_HELP, metavar="NAMES")
    seeds: int = setting(
        3, "runs of each cell, from seed 0 on; fewer than 3 tell no cells apart", minimum=1, below=1000
    )
    match: str = setting(
        "parameters",
        "what is equal: the recurrent parameters, those of the reference at its hidden size (parameters), or the "
        "hidden size itself (hidden)",
        choices=lambda: MATCHES,
    )
    budget: int | None = setting(
        None,
        "updates of each run, rounded down to whole epochs; without it those of the epochs",
        minimum=1,
        metavar="UPDATES",
    )


@dataclass(frozen=True, kw_only=True)
class MemorySettings(Settings):
    """A measurement of memory."""

    task: str = setting(
        "recall",
        "what is remembered: the first symbol (recall), the sum of two marked values (adding), ten symbols in a row "
        "(copy) or among blanks (selective-copy)",
        choices=lambda: tuple(PUZZLES),
    )
    cells: str = setting("rnn,lstm,gru", CELLS_HELP, metavar="NAMES")
    lags: str = setting(
        "5,10,20,40,80,160,320",
        "steps between what is to be remembered and its use, rising, with commas between them",
        metavar="N,…",
    )
    seeds: int = setting(5, "runs of each cell at each lag, from seed 0 on", minimum=1, below=1000)
    budget: int = setting(3000, "updates of each run at most", minimum=1, below=2**31, metavar="UPDATES")
    error: float = setting(
        0.01, "below which a lag is learned: the share of wrong symbols, or for adding the mean squared error", above=0
    )
    match: str = setting(
        "parameters",
        "what is equal: the recurrent parameters, those of the reference at its hidden size (parameters), or the "
        "hidden size itself (hidden)",
        choices=lambda: MATCHES,
    )
    hidden_size: int = setting(64, "units of the reference", minimum=1, below=1_000_000)
    batch_size: int = setting(32, "new sequences in each update", minimum=1, below=1_000_000)
    learning_rate: float = setting(3e-3, "of AdamW, without weight decay", above=0)
    clip_norm: float = setting(1.0, "longest gradient, as a norm over all parameters; 0 does not clip", minimum=0)
    cell_options: str | None = setting(
        None,
        "numbers of cells' own, in those of the cells that have them: dt=0.02 for lem, heads=4 for slstm",
        metavar="NAME=NUMBER",
    )
    init: str = setting(
        "default",
        "initial values: torch's (default), orthogonal, or for memories of the lag's length (chrono, in cells with a "
        "gate that keeps or writes the state; in others torch's)",
        choices=lambda: INITS,
    )
    forget_bias: float | None = setting(
        None, "initial bias of the gate that keeps the state, in cells that have one; without it that of the init"
    )
