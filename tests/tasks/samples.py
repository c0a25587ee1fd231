"""For each task, what the contract of :mod:`tests.tasks.test_contract` runs on. A new task adds its sample here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from elman.runs.estimator import Estimator
from tests.runs.helpers import QUICK, sales

Paths = tuple[Path, Path, Path]


@dataclass(frozen=True)
class Sample:
    """A small job of one task.

    Args:
        write: writes ``data``, ``later`` (of which training on ``data`` has not seen what is scored) and ``test`` (a
            test file to go with ``data``) into a folder; gives their paths.
        settings: of a quick training whose refit has at least one epoch.
        broken: content for a data file that the task refuses, and what the error says.
        follow: ``(estimator, data) -> None``: steps the stream through ``data`` and compares with ``predict``.
        files: what the run folder holds besides what every run has.
    """

    write: Callable[[Path], Paths]
    settings: dict[str, Any]
    broken: tuple[bytes, str]
    follow: Callable[[Estimator, Path], None]
    files: frozenset[str] = field(default_factory=frozenset)


def _write_sales(folder: Path) -> Paths:
    (folder / "data.csv").write_text(sales())
    (folder / "later.csv").write_text(sales(110))
    (folder / "test.csv").write_text(sales(110, first=84))
    return folder / "data.csv", folder / "later.csv", folder / "test.csv"


def _follow_series(estimator: Any, data: Path) -> None:
    stream = estimator.stream()
    for value in estimator.read(data).series[0].values:
        forecast = stream.step(value)
    np.testing.assert_array_equal(forecast, estimator.predict(data)["forecast"])


def _write_rows(folder: Path) -> Paths:
    paths = []
    for name, seed in (("data.csv", 0), ("later.csv", 1)):
        values = np.random.default_rng(seed).normal(size=(12, 7)).round(3)
        rows = [",".join(f"t{k}" for k in range(7)), *(",".join(map(str, row)) for row in values.tolist())]
        (folder / name).write_text("\n".join(rows) + "\n")
        paths.append(folder / name)
    return paths[0], paths[1], paths[1]


def _follow_rows(estimator: Any, data: Path) -> None:
    stream, rows = estimator.stream(), estimator.read(data)
    means = np.array(estimator.predict(data)["mean"]).reshape(rows.values.shape)
    for values, expected in zip(rows.values, means, strict=True):
        stream.reset()
        found = [stream.step([value])[0] for value in values]
        np.testing.assert_allclose(found, expected, rtol=64 * np.finfo("f4").eps, atol=64 * np.finfo("f4").eps)


def _write_sequences(folder: Path) -> Paths:
    """Sequences of several lengths, each a running sum of its inputs."""
    for seed, name in enumerate(("data.csv", "later.csv", "test.csv")):
        random = np.random.default_rng(seed)
        rows = ["unique_id,a,b,y"]
        for k in range(14):
            a, b = random.normal(size=(2, random.integers(3, 8))).round(3)
            total = np.cumsum(a - b).round(3)
            rows += [f"s{k},{x},{z},{y}" for x, z, y in zip(a.tolist(), b.tolist(), total.tolist(), strict=True)]
        (folder / name).write_text("\n".join(rows) + "\n")
    return folder / "data.csv", folder / "later.csv", folder / "test.csv"


def _follow_sequences(estimator: Any, data: Path) -> None:
    stream, predictions = estimator.stream(), iter(estimator.predict(data)["prediction"])
    for sequence in estimator.read(data):
        stream.reset()
        for inputs in sequence.inputs:
            np.testing.assert_allclose(stream.step(inputs), [next(predictions)], rtol=1e-5, atol=1e-5)


def _write_waves(folder: Path) -> Paths:
    """Rising and falling sequences, and some that do both, a row each."""
    paths = []
    for name, seed, rows in (("data.csv", 0, 60), ("later.csv", 1, 24), ("test.csv", 2, 24)):
        random = np.random.default_rng(seed)
        lines = ["label," + ",".join(f"t{k}" for k in range(6))]
        for row in range(rows):
            kind = ("up", "down", "arch")[row % 3]
            shape = {"up": np.arange(6), "down": np.arange(6)[::-1], "arch": 5 - 2 * np.abs(np.arange(6) - 2.5)}[kind]
            values = (shape + random.normal(0, 1.5, 6)).round(3)
            lines.append(f"{kind}," + ",".join(map(str, values.tolist())))
        (folder / name).write_text("\n".join(lines) + "\n")
        paths.append(folder / name)
    return paths[0], paths[1], paths[2]


def _follow_waves(estimator: Any, data: Path) -> None:
    stream, sequences = estimator.stream(), estimator.read(data)
    expected = estimator.predict_proba(data)
    for values, length, probabilities in zip(sequences.inputs, sequences.lengths, expected, strict=True):
        stream.reset()
        for value in values[:length]:
            found = stream.step(value)
        np.testing.assert_allclose(found, probabilities, rtol=64 * np.finfo("f4").eps, atol=64 * np.finfo("f4").eps)


def _write_texts(folder: Path) -> Paths:
    """Words of four letters each from an alphabet of its own, so that the next letter can be told."""
    paths = []
    for name, seed in (("data.txt", 0), ("later.txt", 1), ("test.txt", 2)):
        random = np.random.default_rng(seed)
        words = ["tick", "tock", "buzz", "clap", "drip"]
        (folder / name).write_text(" ".join(words[k] for k in random.integers(0, 5, 300)))
        paths.append(folder / name)
    return paths[0], paths[1], paths[2]


def _follow_text(estimator: Any, data: Path) -> None:
    stream, text = estimator.stream(), data.read_text()
    places = {chr(point): k for k, point in enumerate(estimator.outcome.final.vocabulary.points)}
    costs = iter(estimator.predict(data)["nats"])
    for letter, following in pairwise(text):
        p = stream.step(letter)
        np.testing.assert_allclose(-np.log(p[places[following]]), next(costs), rtol=1e-4, atol=1e-5)


def _write_sentences(folder: Path) -> Paths:
    """Fruit is eaten, a company hires: the same word has two tags."""
    paths = []
    for name, seed, count in (("data.conll", 0, 60), ("later.conll", 1, 30), ("test.conll", 2, 30)):
        random = np.random.default_rng(seed)
        lines = []
        for k in range(count):
            who = f"{name[0]}{random.integers(0, 50)}"
            if k % 2:
                lines += [f"{who} O", "eats O", "apple B-fruit", ""]
            else:
                lines += ["apple B-org", "inc I-org", "hires O", f"{who} O", ""]
        (folder / name).write_text("\n".join(lines) + "\n")
        paths.append(folder / name)
    return paths[0], paths[1], paths[2]


def _follow_sentences(estimator: Any, data: Path) -> None:
    stream, told = estimator.stream(), iter(estimator.predict(data)["prediction"])
    tags = estimator.outcome.final.encoding.tags
    for words in estimator.read(data).words:
        stream.reset()
        found = [tags[int(stream.step(word).argmax())] for word in words]
        expected = [next(told) for _ in words]
        assert estimator.outcome.final.encoding.canonical(found) == estimator.outcome.final.encoding.canonical(expected)


SAMPLES: dict[str, Sample] = {
    "forecast": Sample(
        _write_sales, QUICK, (b"month,sales\n2020-01,much\n", "line 2"), _follow_series, frozenset({"forecast.csv"})
    ),
    "regress": Sample(
        _write_sequences,
        {"hidden_size": 4, "epochs": 3, "learning_rate": 0.02, "bptt": 3},
        (b"unique_id,a,y\ns0,1,2\ns0,one,3\n", "line 3"),
        _follow_sequences,
    ),
    "classify": Sample(
        _write_waves,
        {"hidden_size": 4, "epochs": 3, "learning_rate": 0.02},
        (b"label,t0,t1\nup,1,x\ndown,1,2\n", "line 2"),
        _follow_waves,
    ),
    "language": Sample(
        _write_texts,
        {
            "hidden_size": 8,
            "num_layers": 1,
            "epochs": 3,
            "learning_rate": 0.02,
            "batch_size": 4,
            "bptt": 16,
            "refit": True,
        },
        (b"tick\ntock\xff\n", "line 2"),
        _follow_text,
    ),
    "tag": Sample(
        _write_sentences,
        {
            "hidden_size": 8,
            "epochs": 3,
            "learning_rate": 0.02,
            "bidirectional": False,
            "head": "softmax",
            "refit": True,
        },
        (b"I O\nsleep\n", "line 2"),
        _follow_sentences,
    ),
    "toy": Sample(
        _write_rows, {"hidden_size": 4, "epochs": 3, "bptt_steps": 3}, (b"t0,t1\n1,x\n", "line 2"), _follow_rows
    ),
}
