"""Tagging: schemes, scores beside an independent counter, unknown words, vectors, files that choose."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score

import elman
from elman.cli import main
from elman.data import read_tagged
from elman.errors import DataError, ModelFileError, SettingsError
from elman.tasks.tag.balance import ENTITIES, SHIFTS, find_shift, shifted
from elman.tasks.tag.encoding import WORDS
from elman.tasks.tag.predictor import TagPredictor
from elman.tasks.tag.problem import TagProblem, divided
from elman.tasks.tag.schemes import BIO, BIOES, IOB1, PLAIN, Reading, Span, reading_of, spans_of, tags_of
from elman.tasks.tag.scores import count, score
from elman.tasks.tag.settings import TagSettings

QUICK = {"hidden_size": 8, "epochs": 2, "learning_rate": 0.02}
TAGS = ["O", "B-a", "I-a", "B-b", "I-b"]
BIOES_TAGS = [*TAGS, "E-a", "S-a", "E-b", "S-b"]
sentences = st.lists(st.lists(st.sampled_from(TAGS), min_size=1, max_size=9), min_size=1, max_size=6)


def fruit(count: int = 60, seed: int = 0) -> dict[str, list[list[str]]]:
    """Apple is eaten, or hires."""
    random = np.random.default_rng(seed)
    words, tags = [], []
    for k in range(count):
        who = f"w{random.integers(0, 40)}"
        words.append([who, "eats", "an", "apple"] if k % 2 else ["Apple", "hires", who])
        tags.append(["O", "O", "O", "B-fruit"] if k % 2 else ["B-org", "O", "O"])
    return {"words": words, "tags": tags}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_scores_are_those_of_an_independent_counter(data):
    true = data.draw(sentences)
    said = [data.draw(st.lists(st.sampled_from(TAGS), min_size=len(t), max_size=len(t))) for t in true]
    found = score(said, true, BIO)
    with np.errstate(all="ignore"):
        for name, other in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
            assert found[name] == pytest.approx(other(true, said, zero_division=0))


@settings(max_examples=300)
@given(st.lists(st.sampled_from(BIOES_TAGS), max_size=12), st.sampled_from([BIO, IOB1, BIOES]))
def test_entities_survive_every_scheme(tags, scheme):
    spans = spans_of(tags)
    assert all(0 <= s.start < s.stop <= len(tags) for s in spans)
    assert all(a.stop <= b.start for a, b in pairwise(spans))
    written = tags_of(spans, len(tags), scheme)
    assert spans_of(written) == spans
    assert reading_of([written], scheme, "t").illegal == 0


def test_what_tags_mean_is_settled_by_all_of_them():
    assert reading_of([["B-a", "I-a", "O", "B-b"]], "auto", "t") == Reading(BIO, 0)
    assert reading_of([["I-a", "I-a", "B-a", "O", "I-b"]], "auto", "t") == Reading(IOB1, 0)
    assert reading_of([["S-a", "B-b", "E-b"]], "auto", "t") == Reading(BIOES, 0)
    assert reading_of([["NOUN", "VERB"]], "auto", "t") == Reading(PLAIN, 0)
    assert reading_of([["B-a", "I-a", "O", "I-b", "B-b", "I-b"], ["B-a", "O"]], "auto", "t") == Reading(BIO, 1)
    assert reading_of([["B-a", "I-b"]], BIO, "t") == Reading(BIO, 1)
    assert spans_of(["I-a", "I-b", "B-b"]) == [Span(0, 1, "a"), Span(1, 2, "b"), Span(2, 3, "b")]
    for tags, scheme, said in (
        (["B-a", "NOUN"], "auto", "of entities ('B-a') and not ('NOUN'); correct them, or set `scheme` to plain"),
        (["B-a", "L-a"], "auto", "begin with L, as of BILOU; write E for L, and S for U"),
        (["B-a", "E-a"], "bio", "begin with E or S, which bio does not have; set `scheme` to bioes"),
    ):
        with pytest.raises(DataError) as raised:
            reading_of([tags], scheme, "t.conll")
        assert said in str(raised.value) and "t.conll" in str(raised.value)


def test_plain_tags_count_words():
    said, true = [["N", "V", "O"]], [["N", "N", "O"]]
    assert score(said, true, PLAIN) == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "accuracy": pytest.approx(2 / 3)}
    assert count(said, true, PLAIN)["N"].right == 1


def test_members_stand_side_by_side(tmp_path):
    for head, chosen in (("crf", {}), ("softmax", {"bidirectional": False})):
        tagger = elman.Tagger(**QUICK, ensemble=2, head=head, **chosen).fit(fruit())
        final, data = tagger.outcome.final, read_tagged(fruit(7))
        tagger.save(tmp_path / "model.elman")
        assert elman.load(tmp_path / "model.elman").predict(fruit(7)) == tagger.predict(fruit(7))
        scores = [tuple(own.scores.reshape(*own.scores.shape[:2], 2, 5)) for own in final.outputs(data)]
        assert not np.allclose(scores[0][0][:, 0], scores[0][0][:, 1])
        lower = shifted(final.model, final.record, 1.5)
        assert TagPredictor(replace(lower.model)).record.shift == 1.5
        for before, after in zip(final.outputs(data), lower.outputs(data), strict=True):
            np.testing.assert_allclose(before.scores - after.scores, [1.5, *[0] * 4] * 2 + 0 * before.scores, atol=1e-5)
        for name, array in shifted(lower.model, lower.record, 0.0).model.arrays.items():
            np.testing.assert_allclose(final.model.arrays[name], array, atol=1e-6)
    stream = tagger.stream()
    told = [stream.step(word) for word in ("Apple", "hires")]
    assert told[0].shape == (5,) and told[1].sum() == pytest.approx(1)


def test_the_test_decides_nothing():
    one = read_tagged(fruit(60))
    other = fruit(60)
    for k in range(54, 60):
        other["words"][k] = ["entirely", *other["words"][k][1:]]
    two = read_tagged(other)
    chosen = TagSettings(**QUICK)
    assert divided(one, chosen).test.tolist() == list(range(54, 60))
    a, b = (TagProblem(data, chosen, Reading(BIO, 0)) for data in (one, two))
    assert a.encoding == b.encoding and a.layers == b.layers
    for x, y in ((a.train(), b.train()), (a.validation(), b.validation())):
        for name in x.inputs:
            np.testing.assert_array_equal(x.inputs[name], y.inputs[name])


def test_a_sentence_is_tagged_whatever_stands_beside_it():
    tagger = elman.Tagger(**QUICK).fit(fruit())
    words = fruit(31, seed=4)["words"] + [["a"] * 40, ["Apple"]]
    together = tagger.predict({"words": words})
    found = iter(together["prediction"])
    for sentence in words:
        alone = tagger.predict({"words": [sentence]})["prediction"]
        assert alone == [next(found) for _ in sentence]
    assert together["sentence"][-1] == len(words) and together["token"][:4] == [1, 2, 3, 1]
    with pytest.raises(SettingsError, match="it reads a sentence to its end first"):
        tagger.stream()


def test_one_word_has_two_tags_by_its_context(tmp_path):
    # without shapes: here a capital would tell as much as the context
    tagger = elman.Tagger(hidden_size=16, epochs=15, learning_rate=0.02, shape_size=0).fit(fruit(120))
    tagger.save(tmp_path / "run")
    again = elman.load(tmp_path / "run")
    told = again.predict({"words": [["I", "eats", "an", "Apple"], ["Apple", "hires", "nobody"]]})
    assert told["prediction"] == ["O", "O", "O", "B-fruit", "B-org", "O", "O"]
    metrics = again.metrics
    assert metrics["test"]["f1"] == 1.0 and metrics["by_type"]["org"]["f1"] == 1.0
    assert metrics["test_size"] == 12 and metrics["unknown_words"] < metrics["words"]


def test_how_readily_o_is_told_is_chosen_on_the_validation_part_alone():
    data = fruit(640)
    random = np.random.default_rng(0)  # each is tagged with probability 0.4: O has fewer errors, telling it no F1
    data["tags"] = [["O"] * len(tags) if random.random() > 0.4 else tags for tags in data["tags"]]
    other = {**data, "tags": [*data["tags"][:630], *([["O"] * len(tags) for tags in data["tags"][630:]])]}
    quick = {
        "hidden_size": 4,
        "char_hidden_size": 0,
        "epochs": 3,
        "learning_rate": 0.05,
        "validation": 0.5,
        "test_size": 10 / 640,
    }
    one, two = (elman.Tagger(**quick).fit(own) for own in (data, other))
    told, record = one.outcome.final, one.outcome.final.record
    assert record.shift > 0 and record.shift in SHIFTS
    assert two.outcome.final.record.shift == record.shift  # the test's tags are no part of it
    line = f"the score of O is lower by {record.shift:g}, for the best F1 on the validation part"
    assert told.describe()[-2] == line and line in one.describe_data()
    plain = elman.Tagger(**quick, balance=False).fit(data)
    assert plain.outcome.final.record.shift == 0 and "shift" not in plain.model.encoding
    held = read_tagged(data).select(divided(read_tagged(data), TagSettings(**quick)).validation)
    f1 = [score(tagger.outcome.final.tags(held), held.known_tags(), BIO)["f1"] for tagger in (one, plain)]
    assert f1[0] > f1[1]
    few = np.flatnonzero([tags != ("O",) * len(tags) for tags in held.known_tags()])[: ENTITIES - 1]
    assert find_shift(plain.model, plain.outcome.final.record, held) == record.shift
    assert find_shift(plain.model, plain.outcome.final.record, held.select(few)) == 0


def test_a_shift_stands_in_the_weights_and_is_taken_back_to_train_further():
    tagger = elman.Tagger(**QUICK, balance=False).fit(fruit())
    model, record = tagger.model, tagger.outcome.final.record
    lower = shifted(model, record, 1.5)
    again = TagPredictor(replace(lower.model, encoding=json.loads(json.dumps(lower.model.encoding))))
    assert again.record.shift == 1.5 and record.shift == 0
    data = read_tagged(fruit(5))
    for before, after in zip(tagger.outcome.final.outputs(data), again.outputs(data), strict=True):
        np.testing.assert_allclose(before.scores - after.scores, [1.5, 0, 0, 0, 0] + 0 * before.scores, atol=1e-5)
    back = shifted(again.model, again.record, 0.0)
    assert back.record.shift == 0
    for name, array in model.arrays.items():
        np.testing.assert_allclose(back.model.arrays[name], array, atol=1e-6)


def write(path: str, data: dict[str, list[list[str]]], between: str = "\t") -> None:
    blocks = [
        "\n".join(f"{w}{between}{t}" for w, t in zip(ws, ts, strict=True))
        for ws, ts in zip(*data.values(), strict=True)
    ]
    Path(path).write_text("\n\n".join(blocks) + "\n")


def test_files_of_their_own_for_choosing_and_testing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, seed in (("train", 0), ("dev", 1), ("test", 2)):
        write(f"{name}.conll", fruit(30, seed=seed))
    flags = ["--hidden-size", "8", "--epochs", "2", "--learning-rate", ".02"]
    words = ["train", "tag", "train.conll", "--validation-file", "dev.conll", "--test", "test.conll", *flags]
    assert main([*words, "--out", "run"]) == 0
    out = capsys.readouterr().out
    assert "fitted on 30, chosen by 30, the test: 30" in out and "5 tags, scheme bio" in out
    history = Path("run/history.csv").read_text().splitlines()
    assert "validation_error" in history[0]
    assert (
        "elman train tag train.conll --test test.conll --validation-file dev.conll"
        in Path("run/report.html").read_text()
    )
    assert main(["evaluate", "run", "test.conll"]) == 0
    assert main(["evaluate", "run", "dev.conll"]) == 2  # it chose
    assert "were seen in training" in capsys.readouterr().err
    write("other.conll", {"words": [["Apple"]], "tags": [["B-planet"]]})
    assert main(["evaluate", "run", "other.conll"]) == 0  # an entity of a kind that is never told: not found
    Path("words.conll").write_text("Apple\nhires\n")
    assert main(["predict", "run", "words.conll"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("1,2,hires,")
    assert main(["train", "forecast", "train.conll", "--validation-file", "dev.conll"]) == 2
    predictions = Path("run/predictions.csv").read_text().splitlines()
    assert predictions[0] == "sentence,token,word,y,prediction"


def test_vectors(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write("train.conll", fruit(40))
    Path("v.txt").write_text("2 3\napple 1 2 3\nAPPLE 9 9 9\npear 4 5 6\nw1 7 8 9\n")
    flags = ["--hidden-size", "8", "--epochs", "1", "--word-size", "3", "--vectors", "v.txt", "--ensemble", "2"]
    assert main(["train", "tag", "train.conll", *flags, "--learning-rate", "1e-9", "--out", "run"]) == 0
    model = elman.load("run").model
    encoding = elman.load("run").outcome.final.encoding
    words = encoding.words
    assert [encoding.looked_up(word) for word in ("w1", "w2")] == ["w1", "w0"]  # w1 has a vector of its own
    tables = [model.arrays[f"{k}.weight"] for k, layer in enumerate(model.layers) if layer.reads == (WORDS,)]
    for table in tables:  # of each member
        np.testing.assert_allclose(table[words.index("apple")], [1, 2, 3], rtol=1e-4)
    assert len(tables) == 2 and not np.allclose(*tables)
    assert "pear" not in words
    capsys.readouterr()
    for content, said in (
        ("apple 1 2\n", "--word-size is 3, but those of v.txt have 2"),
        ("apple 1 2 3\npear 1 2\n", "v.txt, line 2: 2 values, where others have 3"),
        ("apple 1 x 3\n", "v.txt, line 1: "),
        ("apple 1 nan 3\n", "v.txt, line 1: 'nan' is no number"),
        ("zebra 1 2 3\n", "v.txt: it has a vector for none of the words"),
        ("", "v.txt: it has a vector for none of the words"),
    ):
        Path("v.txt").write_text(content)
        assert main(["train", "tag", "train.conll", *flags, "--out", "new"]) == 2
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1 and not Path("new").exists()
    Path("v.txt").write_bytes(b"\x80\x81")
    assert main(["train", "tag", "train.conll", *flags, "--out", "new"]) == 2
    assert "not UTF-8 text; give vectors as text" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"words": [["a"]], "tags": [["X"]]}, "leave none for training"),
        ({"words": [["a"]] * 30, "tags": [["X"]] * 30}, "in training every word has the tag 'X'; give at least two"),
        ({"words": [["a"]] * 30}, "there are no tags"),
    ],
)
def test_data_that_cannot_be_trained_on(data, said):
    with pytest.raises(DataError, match=said):
        elman.Tagger(**QUICK).fit(data)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("encoding", {"tags": ["O", "B-", "I-a"]}),
        ("encoding", {"tags": ["O"]}),
        ("encoding", {"words": ["a", "a"]}),
        ("encoding", {"characters": "aa"}),
        ("encoding", {"scheme": "bilou"}),
        ("encoding", {"lower": 1}),
        ("encoding", {"normalise": 1}),
        ("baseline", {"tag": 3}),
        ("baseline", {"words": ["a"]}),
        ("seen", []),
        ("seen", ["AAAA"]),
        ("shift", "1"),
        ("shift", True),
        ("shift", float("nan")),
        ("shift", 1000),
    ],
)
def test_records_of_a_run_are_checked(part, change):
    model = elman.Tagger(**QUICK).fit(fruit()).model
    record = json.loads(json.dumps(model.encoding))
    TagPredictor(replace(model, encoding=record))
    record[part] = record[part] | change if isinstance(change, dict) else change
    with pytest.raises(ModelFileError):
        TagPredictor(replace(model, encoding=record))


def test_a_test_that_stands_in_the_training_part_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, seed in (("train", 0), ("dev", 1)):
        write(f"{name}.conll", fruit(30, seed=seed))
    for words in (
        ["train.conll", "--test", "train.conll"],
        ["train.conll", "--test", "dev.conll", "--validation-file", "dev.conll"],
    ):
        assert main(["train", "tag", *words, "--epochs", "1", "--out", "new"]) == 2
        err = capsys.readouterr().err
        assert "more than half of this test's sentences stand in" in err and err.count("\n") == 1
        assert not Path("new").exists()


def test_files_in_other_schemes_and_with_other_tags(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write("train.conll", fruit(40))
    other = fruit(30, seed=5)
    other["words"] = [[word.replace("w", "v") for word in words] for words in other["words"]]
    other["tags"] = [[tag.replace("B-", "S-") for tag in tags] for tags in other["tags"]]
    write("bioes.conll", other)
    train = ["train", "tag", "train.conll", "--hidden-size", "8", "--epochs", "1"]
    assert main([*train, "--test", "bioes.conll", "--out", "run"]) == 0
    assert json.loads(Path("run/metrics.json").read_text())["scheme"] == "bio"
    assert "S-" not in Path("run/predictions.csv").read_text()
    assert "train.conll: 40 sentences, " in capsys.readouterr().out
    later = fruit(30, seed=6)
    write("later.conll", {"words": [[f"{w}x" for w in words] for words in later["words"]], "tags": later["tags"]})
    write("plain.conll", {"words": [["a", "b"]], "tags": [["X", "QQQ"]]})
    write("new.conll", {"words": [["a", "b"]], "tags": [["B-planet", "O"]]})
    for words, said in (
        ([*train, "--test", "plain.conll", "--out", "x"], "plain.conll: the tag 'X' is not of an entity"),
        ([*train, "--test", "new.conll", "--refit", "--out", "x"], "new.conll: the tag 'B-planet' was not in training"),
        (["evaluate", "run", "plain.conll"], "plain.conll: the tag 'X' is not of an entity"),
        (["evaluate", "run", "bioes.conll", "--scheme", "plain"], "--scheme is 'plain', but the model's tags are of"),
        ([*train, "--from", "run", "--vectors", "v.txt", "--out", "x"], "--vectors is 'v.txt', but the model"),
        (
            ["train", "tag", "later.conll", "--from", "run", "--scheme", "plain", "--out", "x"],
            "--scheme is 'plain', but the model's tags",
        ),
    ):
        assert main(words) == 2
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1 and not Path("x").exists()
    assert main(["evaluate", "run", "new.conll"]) == 0
    assert "1 words have a tag that training did not have" in capsys.readouterr().out


def test_tags_are_not_needed_to_predict(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = fruit(30)
    tags = [[f"x y {tag}" for tag in own] for own in rows["tags"]]
    write("four.conll", {"words": rows["words"], "tags": tags}, " ")
    words = ["train", "tag", "four.conll", "--tag-column", "3", "--hidden-size", "4", "--epochs", "1", "--out", "run"]
    assert main(words) == 0
    Path("words.txt").write_text("apple\nhires\n")
    assert main(["predict", "run", "words.txt"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "run", "words.txt"]) == 2
    assert "words.txt: there are no tags, 1 columns, and --tag-column is 3" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["8.weight", "9.transitions"])
def test_weights_that_overflow_are_one_error_at_most(name):
    tagger = elman.Tagger(**QUICK).fit(fruit())
    model = tagger.model
    arrays = model.arrays | {name: np.full_like(model.arrays[name], 3e38)}
    told = TagPredictor(replace(model, arrays=arrays))
    with contextlib.suppress(DataError):
        told.tags(read_tagged(fruit(3)))
