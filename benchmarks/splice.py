"""Splice junctions in DNA, texts of 60 letters in three classes: accuracy in 10 stratified folds, equal texts in one.

Without ``--final`` a share of the training part of three folds is scored; with it each fold, by a model of the others.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from benchmarks import CannotRun
from benchmarks._data import DATA
from benchmarks._table import Table, verdict
from elman import SequenceClassifier
from elman.data import SequenceColumns, read_sequences
from elman.tasks.classify.split import folds, groups_of

# chosen on a share of the training parts of two folds; the weight decay counts most
SETTINGS: dict[str, Any] = {
    "bidirectional": True, "pooling": "max", "embedding_size": 4, "hidden_size": 64, "head_dropout": 0.3,
    "weight_decay": 0.3, "learning_rate": 5e-3, "schedule": "one-cycle", "batch_size": 32, "epochs": 40,
    "patience": 0, "validation": 0.0, "refit": False,
}  # fmt: skip
FOLDS, SOME, SEED, BAR = 10, 3, 0, 0.95
BASELINES = ("logistic", "majority")


def main(final: bool = False) -> bool:
    """Print the accuracy of each fold; True if their mean meets the bar."""
    path = DATA / "dna" / "splice.data"
    if not path.is_file():
        raise CannotRun("the data are not here; set ELMAN_DATA to the folder of the development data")
    data = read_sequences(path, SequenceColumns(label="0", id="1", symbols="2"))
    places = folds(groups_of(data), data.known_labels(), FOLDS, SEED)
    print("accuracy on each fold" if final else "accuracy on a share of the training parts; --final scores the folds")
    figures = dict.fromkeys(("elman", *BASELINES), ">8.4f")
    table = Table({"fold": ">4", "scored": ">6d", **figures, "seconds": ">7.1f", "CPU s": ">7.1f"})
    rows = []
    for fold in range(FOLDS if final else SOME):
        begin, used = time.perf_counter(), time.process_time()
        train, test = data.select(places != fold), data.select(places == fold)
        fitted = SequenceClassifier(seed=SEED, **SETTINGS).fit(train, test=test if final else None)
        evaluation = fitted.outcome.evaluation
        assert evaluation is not None
        accuracies = [evaluation.scores["accuracy"], *(evaluation.baselines[k]["accuracy"] for k in BASELINES)]
        taken = time.perf_counter() - begin, time.process_time() - used
        table.row(str(fold), len(evaluation.rows["y"]), *accuracies, *taken)
        rows.append((*accuracies, *taken))
    means = [statistics.fmean(column) for column in zip(*rows, strict=True)]
    table.row("mean", None, *means)
    print(f"spread between folds {statistics.stdev(row[0] for row in rows):.4f}; bar {BAR}: {verdict(means[0] >= BAR)}")
    return means[0] >= BAR
