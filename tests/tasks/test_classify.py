"""A classifier in use: every kind of layer, padding, streams, tables, images from the shell, its record."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import elman
from elman import SequenceClassifier
from elman.cli import main
from elman.data import read_sequences
from elman.errors import DataError, ModelFileError, SettingsError
from elman.tasks.classify.predictor import ClassifyPredictor
from tests.data.sequence_files import TS, write_mnist
from tests.tasks.classify_data import TINY, drawn, slopes, words

CLOSE = {"rtol": 256 * np.finfo("f4").eps, "atol": 256 * np.finfo("f4").eps}
OPTIONS = [
    {"bidirectional": True},
    {"pooling": "mean", "num_layers": 2, "dropout": 0.2},
    {"pooling": "max", "bidirectional": True},
    {"conv_channels": 4, "conv_kernel": 3, "conv_layers": 2},
    {"members": 3, "head_dropout": 0.2},
    {"members": 2, "conv_channels": 2, "class_weight": "balanced"},
    {"scale": "none", "cell": "lstm"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("make", [slopes, words])
def test_every_option_trains_saves_and_loads(tmp_path, options, make):
    data = make(30)
    classifier = SequenceClassifier(**(TINY | options)).fit(data)
    p = classifier.predict_proba(data)
    assert p.shape == (30, 3) and np.allclose(p.sum(axis=1), 1)
    again = elman.load(classifier.save(tmp_path / "run"))
    assert_array_equal(again.predict_proba(data), p)
    assert again.classes == classifier.classes
    assert [again.classes[k] for k in p.argmax(axis=1)] == again.predict(data)["prediction"]


@pytest.mark.parametrize("options", [{}, *OPTIONS], ids=str)
@pytest.mark.parametrize("make", [lambda: slopes(12, 9, channels=2, ragged=True), lambda: words(12)])
def test_padding_and_order_do_not_matter(options, make):
    data = make()
    predictor = drawn(data, **options)[1]
    whole = predictor.probabilities(data)
    assert np.ptp(whole, axis=0).min() > 1e-3
    for k in range(len(data)):
        alone = data.select([k])
        cut = replace(alone, inputs=alone.inputs[:, : int(alone.lengths[0])])
        assert_allclose(predictor.probabilities(cut)[0], whole[k], **CLOSE)
    order = np.random.default_rng(0).permutation(len(data))
    assert_allclose(predictor.probabilities(data.select(order)), whole[order], **CLOSE)


@pytest.mark.parametrize(
    "options", [{}, {"pooling": "mean"}, {"pooling": "max", "members": 2}, {"num_layers": 2, "cell": "lstm"}], ids=str
)
def test_a_stream_is_the_sequence_so_far(options):
    data = slopes(12, 7, channels=2)
    data.inputs[3, 2, 1] = np.nan
    predictor = drawn(data, **options)[1]
    stream = predictor.stream()
    for row in (0, 3):
        stream.reset()
        for t in range(7):
            found = stream.step(data.inputs[row, t])
            part = data.select([row])
            so_far = replace(part, inputs=part.inputs[:, : t + 1], lengths=np.array([t + 1]))
            assert_allclose(found, predictor.probabilities(so_far)[0], **CLOSE)
    for x in ("a", [1.0], [[1.0, 2.0, 3.0]], None, [1.0, np.inf]):
        before = stream.state
        with pytest.raises(DataError, match="a stream takes"):
            stream.step(x)
        assert all(np.array_equal(before[name], array) for name, array in stream.state.items())


def test_the_future_does_not_reach_a_stream():
    data = slopes(6, 8)
    stream = drawn(data)[1].stream()
    found = []
    for values in (data.inputs[0], np.concatenate([data.inputs[0, :5], 9 * data.inputs[0, 5:]])):
        stream.reset()
        found.append([stream.step(x) for x in values])
    assert_array_equal(found[0][:5], found[1][:5])
    assert (np.array(found[0][5:]) != np.array(found[1][5:])).any()


def test_a_stream_of_symbols():
    data = words(12)
    predictor = drawn(data)[1]
    stream = predictor.stream()
    for letter in "abca":
        found = stream.step(letter)
    assert_allclose(found, predictor.probabilities(read_sequences(["abca"]))[0], **CLOSE)
    assert np.isfinite(stream.step("z")).all()  # what was never seen is read as such
    with pytest.raises(DataError, match="a stream takes one symbol"):
        stream.step("ab")


@pytest.mark.parametrize("options", [{"bidirectional": True}, {"conv_channels": 2, "conv_kernel": 3}], ids=str)
def test_what_looks_ahead_has_no_stream(options):
    with pytest.raises(SettingsError, match="this model has no single step"):
        drawn(slopes(12), **options)[1].stream()


def test_without_a_refit_the_tested_model_is_the_final_one():
    data = slopes(30)
    classifier = SequenceClassifier(**TINY, refit=False).fit(data)
    outcome = classifier.outcome
    assert outcome.final is outcome.tested and {row["phase"] for row in outcome.history} == {"search"}
    assert dict(classifier.evaluate(data).scores) == dict(outcome.evaluation.scores)  # what it has not seen


def test_tables():
    data = slopes(12)
    classifier = SequenceClassifier(**TINY).fit(data.inputs[:, :, 0], list(data.labels))
    p, table = classifier.predict_proba(data), classifier.predict(data.inputs)
    assert list(table) == ["id", "prediction", "p_down", "p_flat", "p_up"]
    assert_allclose(np.stack([table[f"p_{name}"] for name in classifier.classes], axis=1), p)
    top = classifier.top(data, 2)
    assert top["rank"] == [1, 2] * 12 and top["class"][::2] == table["prediction"]
    assert_allclose(top["p"][::2], p.max(axis=1))
    with pytest.raises(SettingsError, match="k is 4; it must be from 1 to 3"):
        classifier.top(data, 4)
    with pytest.raises(DataError, match="2 channels, but the model reads 1 channels"):
        classifier.predict(slopes(3, channels=2))
    with pytest.raises(DataError, match="values too far from those in training"):
        drawn(replace(data, inputs=data.inputs / 1000), cell="rnn-relu")[1].predict(
            read_sequences([[3e38] * 4, [-3e38] * 4])
        )
    evaluation = classifier.outcome.evaluation
    assert list(evaluation.rows)[:3] == ["id", "y", "prediction"]
    assert [figure.name for figure in evaluation.figures][:2] == ["confusion", "reliability"]


def test_missing_values_are_marked():
    data = slopes(30, channels=2)
    data.inputs[::3, 1, 0] = np.nan
    problem, _ = drawn(data)
    inputs = problem.encoding.inputs(data)
    assert inputs.shape[2] == 4
    assert_array_equal(inputs[:, 1, 2], np.arange(30) % 3 == 0)
    assert not inputs[::3, 1, 0].any() and not inputs[:, :, 3].any()
    known = problem.known.inputs.astype(float)
    assert problem.encoding.center[0] == pytest.approx(np.nanmean(known[:, :, 0]))
    assert problem.encoding.spread[1] == pytest.approx(known[:, :, 1].std())


def test_balanced_classes_weigh_the_same():
    data = slopes(60).select(np.array([k for k in range(60) if k % 3 or k % 4 == 0]))
    problem, _ = drawn(data, class_weight="balanced")
    examples = problem.train()
    sums = np.bincount(examples.targets, weights=examples.sample_weight)
    assert_allclose(sums, len(examples) / 3, rtol=1e-6)
    assert drawn(data)[0].train().sample_weight is None


def test_rare_symbols_are_read_like_those_never_seen():
    texts = ["ab" * 600 + "x"] + ["ab" * 10, "ba" * 10] * 10
    problem, predictor = drawn(read_sequences((texts, ["u"] + ["u", "v"] * 10)))
    assert problem.encoding.alphabet == ("a", "b")
    found = predictor.probabilities(read_sequences(["axb", "azb", "abb"]))
    assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).any()


def test_images_from_the_shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_mnist(tmp_path / "mnist", train=60, test=12, packed=True)
    flags = ["--hidden-size", "3", "--epochs", "2", "--out", "run"]
    assert main(["train", "classify", "mnist", *flags]) == 2
    assert "say which by --as: rows or pixels" in capsys.readouterr().err
    assert main(["train", "classify", "mnist", "--as", "pixels", "--permute", "3", *flags]) == 0
    out = capsys.readouterr().out
    assert "12 of them are the test set that the source brings" in out
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert metrics["test_size"] == 12 and set(metrics["test"]) == {"accuracy", "macro_f1"}
    assert set(metrics["baselines"]) == {"majority", "logistic"}
    assert metrics["accuracy_from"] <= metrics["test"]["accuracy"] <= metrics["accuracy_to"]
    assert {p.name for p in Path("run/plots").iterdir()} >= {"confusion.png", "reliability.png", "mistakes.png"}
    assert main(["evaluate", "run", "mnist"]) == 0  # read as in training
    assert metrics["verdict"] in capsys.readouterr().out
    assert main(["predict", "run", "mnist/t10k-images-idx3-ubyte.gz", "--permute", "4"]) == 0
    assert capsys.readouterr().out.startswith("id,prediction,p_0,p_1,p_2\n0,")
    assert main(["predict", "run", "mnist", "--permute", "x"]) == 2
    assert "permute is 'x'; it takes a whole number" in capsys.readouterr().err


def test_a_ts_file_and_its_test_from_the_shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = TS.splitlines()
    head, (up, down) = lines[:9], lines[9:]
    cases = [
        row.replace("1", str(k + 1)) if row == up else row.replace("7", str(k)) for k in range(9) for row in (up, down)
    ]
    Path("A_TRAIN.ts").write_text("\n".join([*head, *cases]) + "\n")
    Path("A_TEST.ts").write_text("\n".join([*head, up.replace("3", "30"), down.replace("8", "80")]) + "\n")
    words = ["train", "classify", "A_TRAIN.ts", "--test", "A_TEST.ts", "--hidden-size", "2", "--epochs", "1"]
    assert main([*words, "--out", "run"]) == 0
    assert json.loads(Path("run/metrics.json").read_text())["test_size"] == 2


WRONG = {
    "no record": lambda r: r.clear(),
    "a key too many": lambda r: r.update(more=1),
    "a temperature of 0": lambda r: r.update(temperature=0),
    "a temperature of text": lambda r: r.update(temperature="1"),
    "one class": lambda r: r["encoding"].update(classes=["up"]),
    "a class twice": lambda r: r["encoding"].update(classes=["up", "up", "down"]),
    "a class too many": lambda r: r["encoding"].update(classes=["up", "down", "flat", "side"]),
    "a spread of 0": lambda r: r["encoding"].update(spread=[0.0]),
    "an infinite centre": lambda r: r["encoding"].update(center=[float("inf")]),
    "two channels": lambda r: r["encoding"].update(channels=2, center=[0.0, 0.0], spread=[1.0, 1.0]),
    "scales of text": lambda r: r["encoding"].update(center=["a"]),
    "no encoding": lambda r: r.update(encoding=None),
    "baselines cut short": lambda r: r["baselines"].update(weight=r["baselines"]["weight"][:-8]),
    "baselines of text": lambda r: r["baselines"].update(weight="@@@"),
    "steps without end": lambda r: r["baselines"].update(steps=10**12),
    "no such majority": lambda r: r["baselines"].update(majority=3),
    "digests cut short": lambda r: r.update(seen=r["seen"][:-4]),
    "digests of numbers": lambda r: r.update(seen=3),
}


@pytest.mark.parametrize("change", WRONG)
def test_a_wrong_record_is_found_when_it_is_read(change):
    model = drawn(slopes(12))[1].model
    record = copy.deepcopy(model.encoding)
    WRONG[change](record)
    with pytest.raises(ModelFileError):
        ClassifyPredictor(replace(model, encoding=record))


def test_other_layers_and_other_tasks_are_refused():
    model = drawn(slopes(12))[1].model
    with pytest.raises(ModelFileError, match="trained for 'tell', not to classify"):
        ClassifyPredictor(replace(model, task="tell"))
    layers = (*model.layers[:-2],)
    arrays = {name: array for name, array in model.arrays.items() if name.startswith("0.")}
    with pytest.raises(ModelFileError, match="its layers do not"):
        ClassifyPredictor(replace(model, layers=layers, arrays=arrays))
