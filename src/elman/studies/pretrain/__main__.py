"""`python -m elman.studies.pretrain FILE`: train the forecaster's pre-trained network anew."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from elman import arrayfile, atomic
from elman.errors import ElmanError
from elman.studies.pretrain.training import trained

SHOWN = 250  # updates between two lines
UPDATES, SIZE, SEED = 12_000, 128, 0  # of the network that is part of elman


def main(words: list[str] | None = None, updates: int = UPDATES, size: int = SIZE) -> int:
    """Train with batches of ``size`` series, print the loss on the way, and write the arrays."""
    parser = argparse.ArgumentParser(prog="python -m elman.studies.pretrain", description=__doc__)
    parser.add_argument("file", type=Path, help="the safetensors file to write")
    file = parser.parse_args(words).file
    if file.exists():
        parser.error(f"{file} exists: name a new file")
    if not file.absolute().parent.is_dir():
        parser.error(f"there is no folder {file.parent}: make it first")
    losses: list[float] = []
    arrays: Mapping[str, np.ndarray] = {}
    begun = time.monotonic()
    for number, (loss, latest) in enumerate(trained(updates, size, SEED), start=1):
        losses.append(loss)
        arrays = latest
        if number % SHOWN == 0 or number == updates:
            mean = sum(losses[-SHOWN:]) / len(losses[-SHOWN:])
            print(f"{number} updates, {time.monotonic() - begun:.0f} s: loss {mean:.4f}", file=sys.stderr, flush=True)
    try:
        atomic.write_bytes(file, arrayfile.packed(arrays))
    except ElmanError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    torch.set_num_threads(1)  # sums in one order: the same file from the same processor
    sys.exit(main())
