"""Tagging: F1 of names on WNUT-17 and Weibo without pretrained vectors, beside a CRF on hand-made features.

Scored on every other sentence of the development files, the rest of which chooses; ``--final`` chooses by all of them
and scores the test files, once at the end.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np
from seqeval.metrics import f1_score

from benchmarks._data import DATA
from benchmarks._table import Table, verdict
from elman import Tagger
from elman.data import TaggedSentences, read_tagged
from elman.tasks.tag.scores import score

SEEDS = 3
SETS = {
    "WNUT-17": ("wnut17", "wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated"),
    "Weibo": ("weibo", "weiboNER_2nd_conll.train", "weiboNER_2nd_conll.dev", "weiboNER_2nd_conll.test"),
}
GOALS = {"WNUT-17": 0.25, "Weibo": 0.47}


def main(final: bool = False) -> bool:
    """Print the figures; True if the tagger is above the CRF on both sets, and both counters agree."""
    print(f"F1 of entities, mean of {SEEDS} seeds, on {'the test' if final else 'half of the development'} files")
    figures = dict.fromkeys(("elman", "spread", "crfsuite", "most frequent", "goal"), ">8.4f")
    table = Table({"": "<8", **figures, "minutes": ">7.1f", " ": "<6"})
    met = True
    for name, (folder, *names) in SETS.items():
        train, development, test = (read_tagged(DATA / "ner" / folder / file) for file in names)
        places = np.arange(len(development))
        chooses, scored = (development, test) if final else (development.select(places[k::2]) for k in (0, 1))
        begin = time.perf_counter()
        found, baseline = zip(*(_ours(train, chooses, scored, seed) for seed in range(SEEDS)), strict=True)
        minutes = (time.perf_counter() - begin) / 60
        other = _crfsuite(train, scored)
        mean = statistics.fmean(found)
        table.row(name, mean, max(found) - min(found), other, baseline[0], GOALS[name], minutes, verdict(mean > other))
        met &= mean > other
    return met


def _ours(train: TaggedSentences, chooses: TaggedSentences, scored: TaggedSentences, seed: int) -> tuple[float, float]:
    tagger = Tagger(seed=seed).fit(train, validation=chooses, test=scored)
    evaluation = tagger.outcome.evaluation
    assert evaluation is not None
    columns = {name: iter(evaluation.rows[name]) for name in ("y", "prediction")}
    true, said = ([[next(tags) for _ in words] for words in scored.words] for tags in columns.values())
    own, independent = evaluation.scores["f1"], float(f1_score(true, said, zero_division=0))
    if abs(own - independent) > 1e-12:
        raise AssertionError(f"F1 is {own} here, and {independent} as seqeval counts")
    return own, evaluation.baselines["most_frequent"]["f1"]


def _crfsuite(train: TaggedSentences, scored: TaggedSentences) -> float:
    """The features and settings of python-crfsuite's tutorial, without its parts of speech, which these files lack."""
    import pycrfsuite

    trainer = pycrfsuite.Trainer(verbose=False)
    for words, tags in zip(train.words, train.known_tags(), strict=True):
        trainer.append([_features(words, k) for k in range(len(words))], tags)
    trainer.set_params({"c1": 1.0, "c2": 1e-3, "max_iterations": 50, "feature.possible_transitions": True})
    path = Path("runs/benchmarks/tagging.crfsuite")
    path.parent.mkdir(parents=True, exist_ok=True)
    trainer.train(str(path))
    tagger = pycrfsuite.Tagger()
    tagger.open(str(path))
    said = [tagger.tag([_features(words, k) for k in range(len(words))]) for words in scored.words]
    return score(said, scored.known_tags(), "bio")["f1"]


def _features(words: tuple[str, ...], place: int) -> list[str]:
    word = words[place]
    found = ["bias", f"word.lower={word.lower()}", f"word[-3:]={word[-3:]}", f"word[-2:]={word[-2:]}"]
    found += [f"word.isupper={word.isupper()}", f"word.istitle={word.istitle()}", f"word.isdigit={word.isdigit()}"]
    for step, edge in ((-1, "BOS"), (1, "EOS")):
        if not 0 <= place + step < len(words):
            found.append(edge)
            continue
        other = words[place + step]
        found += [f"{step:+}:word.lower={other.lower()}", f"{step:+}:word.istitle={other.istitle()}"]
        found.append(f"{step:+}:word.isupper={other.isupper()}")
    return found
