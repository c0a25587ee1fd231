"""The scores of a tagger, and what they are worth beside the most frequent tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elman.data.tagged import TaggedSentences
from elman.learning import Columns, Drawing, Evaluation, Matrix, Metric
from elman.learning.verdict import Contest
from elman.tasks.tag.baseline import LABELS
from elman.tasks.tag.schemes import OUTSIDE, PLAIN, Span, spans_of

Array = np.ndarray
METRICS = tuple(Metric(name, "higher") for name in ("precision", "recall", "f1", "accuracy"))
WORST, MOST_KINDS = 12, 25
Tags = Sequence[Sequence[str]]


class Counts(NamedTuple):
    """Entities that are right, said, and true."""

    right: int
    said: int
    true: int

    @property
    def f1(self) -> float:
        """2 · right / (said + true); 0 where there are none."""
        return 2 * self.right / (self.said + self.true) if self.said + self.true else 0.0


def entities_of(tags: Sequence[str], scheme: str) -> list[Span]:
    """What precision and recall count: entities, or where tags are of no entities each word whose tag is not O."""
    if scheme == PLAIN:
        return [Span(k, k + 1, tag) for k, tag in enumerate(tags) if tag != OUTSIDE]
    return spans_of(tags)


def count(said: Tags, true: Tags, scheme: str) -> dict[str, Counts]:
    """Counts by type, and of all under "", as conlleval counts them: an entity is right if its words and type are."""
    right: Counter[str] = Counter()
    own: Counter[str] = Counter()
    other: Counter[str] = Counter()
    for a, b in zip(said, true, strict=True):
        spans, others = (set(entities_of(tags, scheme)) for tags in (a, b))
        for found, counter in ((spans & others, right), (spans, own), (others, other)):
            counter.update(span.type for span in found)
            counter[""] += len(found)
    return {kind: Counts(right[kind], own[kind], other[kind]) for kind in sorted({"", *own, *other})}


def score(said: Tags, true: Tags, scheme: str) -> dict[str, float]:
    """Precision, recall and F1 of entities, and the share of words with the right tag.

    >>> score([["B-x", "O"]], [["B-x", "B-x"]], "bio")
    {'precision': 1.0, 'recall': 0.5, 'f1': 0.66..., 'accuracy': 0.5}
    """
    all_ = count(said, true, scheme)[""]
    words = sum(map(len, true))
    same = sum(x == y for a, b in zip(said, true, strict=True) for x, y in zip(a, b, strict=True))
    return {
        "precision": all_.right / all_.said if all_.said else 0.0,
        "recall": all_.right / all_.true if all_.true else 0.0,
        "f1": all_.f1,
        "accuracy": same / words,
    }


def evaluation_of(
    test: TaggedSentences, scheme: str, said: Tags, baseline: Tags, rows: Columns, unknown: int
) -> Evaluation:
    """All there is to say of a test.

    Args:
        said: the model's tags; ``baseline`` the most frequent ones.
        rows: ``predictions.csv``.
        unknown: how many of the words the model reads as unknown.
    """
    true = test.known_tags()
    kinds = count(said, true, scheme)
    what = "tagged words" if scheme == PLAIN else "entities"
    facts = {
        "test_size": len(test),
        "words": test.word_count,
        "unknown_words": unknown,
        "scheme": scheme,
        "entities": kinds[""].true,
        "by_type": {kind: {**own._asdict(), "f1": own.f1} for kind, own in kinds.items() if kind},
    }
    return Evaluation(
        title=(
            f"Test: {len(test)} sentences, {test.word_count} words, {unknown} of them unknown; "
            f"{kinds[''].true} {what}, {kinds[''].said} found, {kinds[''].right} of them right"
        ),
        metrics=METRICS,
        scores=score(said, true, scheme),
        baselines={"most_frequent": score(baseline, true, scheme)},
        labels=LABELS,
        facts=facts,
        verdict=_verdict(said, baseline, true, scheme),
        rows=rows,
        figures=_figures(said, true, scheme),
        worst=_worst(test, said, true, scheme),
    )


def _errors(said: Tags, true: Tags, scheme: str) -> list[int]:
    """By sentence: entities found that are none, and entities not found."""
    return [len(set(entities_of(a, scheme)) ^ set(entities_of(b, scheme))) for a, b in zip(said, true, strict=True)]


def _verdict(said: Tags, baseline: Tags, true: Tags, scheme: str) -> str:
    own, other = (_errors(tags, true, scheme) for tags in (said, baseline))
    scores = [score(tags, true, scheme)["f1"] for tags in (said, baseline)]
    return Contest(
        "1 - f1",
        1 - scores[0],
        LABELS["most_frequent"],
        1 - scores[1],
        sum(a < b for a, b in zip(own, other, strict=True)),
        sum(a > b for a, b in zip(own, other, strict=True)),
        "sentences where they differ",
    ).verdict()


def _figures(said: Tags, true: Tags, scheme: str) -> tuple[Drawing, ...]:
    """How often a word of one type was said to be of another."""

    def kind(tag: str) -> str:
        return tag if scheme == PLAIN or tag == OUTSIDE else tag[2:]

    pairs = Counter((kind(b), kind(a)) for x, y in zip(said, true, strict=True) for a, b in zip(x, y, strict=True))
    totals: Counter[str] = Counter()
    for (truth, found), times in pairs.items():
        totals[truth] += times
        totals[found] += times
    names = [name for name, _ in totals.most_common(MOST_KINDS)]
    names = sorted(names, key=lambda name: (name == OUTSIDE, name))
    counts = np.array([[pairs[truth, found] for found in names] for truth in names])
    right = int(np.trace(counts))
    note = "" if len(totals) <= MOST_KINDS else f"the {MOST_KINDS} most frequent of {len(totals)}"
    title = f"Words by type: {right} of {int(counts.sum())} right"
    return (Matrix("confusion", title, "prediction", "true type", counts, tuple(names), note),)


def _worst(test: TaggedSentences, said: Tags, true: Tags, scheme: str) -> Columns:
    """The sentences with the most errors."""
    errors = _errors(said, true, scheme)
    order = [k for k in sorted(range(len(errors)), key=lambda k: -errors[k])[:WORST] if errors[k]]
    return {
        "sentence": [k + 1 for k in order],
        "words": [_marked(test.words[k], true[k], scheme) for k in order],
        "prediction": [_marked(test.words[k], said[k], scheme) for k in order],
        "errors": [errors[k] for k in order],
    }


def _marked(words: Sequence[str], tags: Sequence[str], scheme: str) -> str:
    """A sentence with its entities in brackets."""
    parts = list(words)
    for start, stop, kind in entities_of(tags, scheme):
        parts[start] = f"[{kind} {parts[start]}"
        parts[stop - 1] += "]"
    text = " ".join(parts)
    return text if len(text) <= 200 else text[:199] + "…"
