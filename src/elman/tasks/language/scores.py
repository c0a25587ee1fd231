"""The scores of a language model, and what they are worth beside the counted baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from elman.data.texts import Text
from elman.learning import Columns, Evaluation, Figure, Line, Metric
from elman.learning.verdict import Contest
from elman.tasks.language.ngrams import LABELS
from elman.tasks.language.vocabulary import Vocabulary

Array = np.ndarray
BLOCK = 500  # tokens: a unit of the sign test
WORST, BEFORE = 12, 30
POINTS = 200  # of a curve
METRICS = (Metric("nats_per_token"), Metric("bits_per_token"))


def score(nats: Array) -> dict[str, float]:
    """The mean cost of a token, in nats and in bits.

    >>> score(np.array([0.0, np.log(4)]))
    {'nats_per_token': 0.69..., 'bits_per_token': 1.0}
    """
    mean = float(nats.mean())
    return {"nats_per_token": mean, "bits_per_token": mean / math.log(2)}


def evaluation_of(
    test: Text,
    vocabulary: Vocabulary,
    targets: Array,
    nats: Array,
    baselines: Mapping[str, Array],
    rows: Columns,
) -> Evaluation:
    """All there is to say of a test.

    Args:
        targets: (N - 1,) classes of all tokens but the first.
        nats: (N - 1,) what they cost the model; ``baselines`` what they cost these.
        rows: ``predictions.csv``.
    """
    unknown = int((targets == vocabulary.unknown).sum())
    tokens = "bytes" if vocabulary.tokens == "bytes" else "characters"
    said = f"; {unknown} of them have no class of their own" if unknown else ""
    facts = {
        "test_size": len(targets),
        "tokens": vocabulary.tokens,
        "vocabulary": vocabulary.size,
        "unknown": unknown,
        "perplexity": math.exp(min(float(nats.mean()), 700.0)),
    }
    kept = len(rows["position"])
    return Evaluation(
        title=f"Test: {len(targets)} {tokens}, in order, the state carried, nothing learned from them{said}",
        metrics=METRICS,
        scores=score(nats),
        baselines={name: score(own) for name, own in baselines.items()},
        labels=LABELS,
        facts=facts,
        verdict=_verdict(nats, baselines),
        rows=rows,
        figures=(_along(nats, baselines), _by_token(vocabulary, targets, nats)),
        worst=_worst(test, vocabulary, targets, nats),
        notes=() if kept == len(targets) else (f"predictions.csv has the first {kept} of them.",),
    )


def _blocks(nats: Array) -> Array:
    """The mean of each 500 tokens; fewer at the end count as well."""
    starts = np.arange(0, len(nats), BLOCK)
    means: Array = np.add.reduceat(nats, starts) / np.diff([*starts.tolist(), len(nats)])
    return means


def _verdict(nats: Array, baselines: Mapping[str, Array]) -> str:
    rival = min(baselines, key=lambda name: float(baselines[name].mean()))
    own, other = _blocks(nats), _blocks(baselines[rival])
    return Contest(
        "nats",
        float(nats.mean()),
        LABELS[rival],
        float(baselines[rival].mean()),
        int((own < other).sum()),
        int((own > other).sum()),
        f"stretches of {BLOCK} tokens",
    ).verdict()


def _along(nats: Array, baselines: Mapping[str, Array]) -> Figure:
    starts = np.unique(np.linspace(0, len(nats), min(POINTS, len(nats)) + 1).astype(np.int64)[:-1])
    sizes = np.diff([*starts.tolist(), len(nats)])
    lines = [
        Line(LABELS.get(name, name), starts, np.add.reduceat(own, starts) / sizes, role)
        for name, own, role in (*((n, b, "baseline") for n, b in baselines.items()), ("model", nats, "model"))
    ]
    return Figure(
        "nats_along_the_text",
        "Along the test",
        "position in the test",
        "nats a token",
        tuple(lines),
        note=f"means of about {int(np.median(sizes))} tokens",
        y_min=0,
    )


def _by_token(vocabulary: Vocabulary, targets: Array, nats: Array) -> Figure:
    """The share of the whole cost that the costliest tokens make up."""
    totals = np.sort(np.bincount(targets, nats, minlength=vocabulary.size))[::-1]
    share = np.cumsum(totals) / max(float(totals.sum()), 1e-300)
    places = np.arange(1, len(share) + 1)
    return Figure(
        "cost_by_token",
        "How few of the tokens make up the cost",
        "tokens, the costliest first",
        "share of all nats",
        (Line("model", places, share, "model"),),
        y_min=0,
    )


def _worst(test: Text, vocabulary: Vocabulary, targets: Array, nats: Array) -> Columns:
    """The tokens that came least expected, with what stood before them."""
    order = np.argsort(-nats, kind="stable")[:WORST]
    return {
        "position": [int(k) + 1 for k in order],
        "after": [_one_line(test.part(max(0, int(k) + 1 - BEFORE), int(k) + 1).decoded()) for k in order],
        "token": [vocabulary.shown(int(targets[k])) for k in order],
        "nats": [float(nats[k]) for k in order],
    }


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "⏎" if letter == "\n" else " " for letter in text)
