"""A batch of rows of unequal lengths, against the same layer on the padded batch and torch's on the packed one."""

from __future__ import annotations

import statistics

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import elman.nn
from benchmarks import interleaved, median_ratio
from benchmarks._layers import Shape, agree, both_ways
from benchmarks._machine import alone, thread_counts
from benchmarks._table import Table, verdict

ROWS, LONGEST, SIZE = 64, 1000, 64
ROUNDS, SECONDS, SHARE = 5, 4.0, 0.01
PADDED, PACKED = 1.2, 20  # most, over the padded time's share that is not padding; least, times as fast as packed


def main() -> bool:
    """Print times and ratios; True if both bars are met everywhere."""
    print(f"GRU {SIZE}→{SIZE}, {ROWS} rows, lengths uniform on 1…{LONGEST}; forward and backward, float32")
    print("torch's input is packed beforehand; medians over interleaved rounds")
    met = [alone(threads, measure, threads) for threads in thread_counts()]
    return all(met)


def measure(threads: int) -> bool:
    """On as many threads as this process has."""
    lengths = torch.randint(1, LONGEST + 1, (ROWS,), generator=torch.Generator().manual_seed(0))
    x, gradient = Shape(ROWS, int(lengths.max()), SIZE, SIZE).data()
    theirs, ours = torch.nn.GRU(SIZE, SIZE), elman.nn.GRU(SIZE, SIZE)
    ours.load_state_dict(theirs.state_dict())
    packed, packed_gradient = (pack_padded_sequence(a, lengths, enforce_sorted=False) for a in (x, gradient))
    runs = {
        "ragged": both_ways(ours, x, gradient, lengths=lengths),
        "padded": both_ways(ours, x, gradient),
        "packed": both_ways(theirs, packed, packed_gradient.data),
    }
    output, *gradients = runs["packed"]()
    output, _ = pad_packed_sequence(packed._replace(data=output))
    agree("ragged", runs["ragged"](), [output, *gradients])
    agree("padded", runs["padded"](), both_ways(theirs, x, gradient)())

    seconds = interleaved(runs, ROUNDS, seconds=SECONDS, share=SHARE)
    true_share = float(lengths.sum()) / (len(x) * ROWS)
    over_padded = median_ratio(seconds, "ragged", "padded") / true_share
    over_packed = median_ratio(seconds, "packed", "ragged")
    print(f"\n{threads} thread{'s' if threads > 1 else ''}: {true_share:.1%} of the padded steps are no padding")
    ms = {name: statistics.median(values) * 1e3 for name, values in seconds.items()}
    near, fast = over_padded <= PADDED, over_packed >= PACKED
    table = Table({"": "<26", "ms": ">9.2f", "ratio": ">6.2f", "bar": "<32"})
    table.row("ours, lengths given", ms["ragged"])
    table.row("ours, padded", ms["padded"], over_padded, f"≤ {PADDED} × its share {verdict(near)}")
    table.row("torch, packed", ms["packed"], over_packed, f"≥ {PACKED} × as fast {verdict(fast)}")
    return near and fast
