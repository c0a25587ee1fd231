"""Writing: counted baselines, what was seen, what is scored, what is written."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elman
from elman.cli import main
from elman.data import Text
from elman.errors import DataError, ModelFileError, SettingsError
from elman.model import stepper_of
from elman.runs.writing import WritingSettings
from elman.tasks.language.adapting import adapted_nats
from elman.tasks.language.ngrams import ORDER, fit_ngrams, ngrams_from_record
from elman.tasks.language.overlap import fitted_from_record, fitted_on, has_seen
from elman.tasks.language.problem import LanguageProblem, divided
from elman.tasks.language.settings import LanguageSettings
from elman.tasks.language.temperature import with_temperature
from elman.tasks.language.vocabulary import CODE_POINTS, fit_vocabulary, vocabulary_from_record

QUICK = {"hidden_size": 8, "num_layers": 1, "epochs": 2, "learning_rate": 0.02, "batch_size": 4, "bptt": 16}
WORDS = ("tick", "tock", "buzz", "clap", "drip")


def some_text(count: int = 400, seed: int = 0) -> str:
    return " ".join(WORDS[k] for k in np.random.default_rng(seed).integers(0, 5, count))


@pytest.fixture(scope="module")
def trained() -> elman.LanguageModel:
    return elman.LanguageModel(**QUICK).fit({"text": some_text()})


def plain_ngram(train: list[int], test: list[int], size: int, order: int) -> list[float]:
    """Witten and Bell's interpolation, a token at a time."""
    counts: dict[tuple[int, ...], Counter[int]] = {}
    for n in range(order):
        for k in range(n, len(train)):
            counts.setdefault(tuple(train[k - n : k]), Counter())[train[k]] += 1
    found = []
    for k in range(1, len(test)):
        p = 1 / size
        for n in range(min(order - 1, k) + 1):
            after = counts.get(tuple(test[k - n : k]))
            if after is None:
                break
            p = (after[test[k]] + len(after) * p) / (after.total() + len(after))
        found.append(-math.log(p))
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=6, max_size=60), st.lists(st.integers(0, 3), min_size=2, max_size=30))
def test_ngrams_are_those_of_a_plain_count(train, test):
    model = fit_ngrams(np.array(train), 4)
    found = model.nats(np.array(test))
    np.testing.assert_allclose(found["unigram"], plain_ngram(train, test, 4, 1), rtol=1e-12)
    np.testing.assert_allclose(found["ngram5"], plain_ngram(train, test, 4, ORDER), rtol=1e-12)
    again = ngrams_from_record(json.loads(json.dumps(model.record())), 4)
    np.testing.assert_array_equal(again.nats(np.array(test))["ngram5"], found["ngram5"])


def test_ngram_probabilities_sum_to_one():
    model = fit_ngrams(np.array([0, 1, 2, 0, 1, 1, 2, 0, 0, 1]), 4)
    for context in ([0], [0, 1], [3, 3], [2, 0, 1, 1]):
        total = sum(math.exp(-model.nats(np.array([*context, k]))["ngram5"][-1]) for k in range(4))
        assert total == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("change", ["text", "gap", "count", "bomb", "sizes"])
def test_damaged_counts_are_refused(change):
    record = fit_ngrams(np.array([0, 1, 2, 0, 1, 1, 2]), 3).record()
    if change == "text":
        record["keys"][1] = "!" + record["keys"][1]
    elif change == "gap":
        record["keys"][1] = record["keys"][2]
    elif change == "count":
        record["counts"] = record["counts"][:-1]
    elif change == "bomb":
        record["counts"][0] = record["counts"][0][:-8]
    else:
        record["size"] = 4
    with pytest.raises(ModelFileError):
        ngrams_from_record(record, 3)


def test_what_was_seen_is_known_without_the_text():
    text = "".join(chr(97 + k) for k in np.random.default_rng(0).integers(0, 26, 20_000))
    fitted = fitted_from_record(json.loads(json.dumps(fitted_on(Text.of(text[:18_000])).record())))
    assert has_seen([fitted], Text.of(text[3000:4000])) and has_seen([fitted], Text.of(text))
    assert not has_seen([fitted], Text.of(text[18_000:])) and not has_seen([], Text.of(text))
    assert fitted.begins(Text.of(text)) and not fitted.begins(Text.of(text[1:]))
    assert not has_seen([fitted], Text.of(text[:50][::-1]))
    half = text[17_000:18_000] + text[18_000:19_000]
    assert fitted.share_of(Text.of(half)) == pytest.approx(0.5, abs=0.1)


def test_rare_and_new_characters_share_a_class_and_its_cost_is_honest(trained):
    vocabulary = fit_vocabulary(Text.of("aabbc"), 2)
    assert vocabulary.points == (97, 98) and vocabulary.size == 3
    assert vocabulary.indices(Text.of("abcz")).tolist() == [0, 1, 2, 2]
    assert vocabulary_from_record(vocabulary.record()) == vocabulary
    with pytest.raises(DataError, match="1 different characters occur at least 2 times, 2 are needed"):
        fit_vocabulary(Text.of("aaaab"), 2)
    final = trained.outcome.final
    nats = final.nats(Text.of("tick漢tock"))
    known = final.vocabulary
    assert nats[3] > math.log(CODE_POINTS - len(known.points)) > 13
    evaluation = trained.evaluate({"text": some_text(60, seed=5) + "漢"})
    assert evaluation.facts["unknown"] == 1 and "1 of them have no class" in evaluation.title
    indices = final.vocabulary.indices(Text.of(some_text(60, seed=5) + "漢"))
    for name, own in final.record.ngrams.nats(indices).items():  # the baselines pay as much for what they do not know
        total = own.sum() + known.nats_of_unknown
        assert evaluation.baselines[name]["nats_per_token"] == pytest.approx(total / len(own), rel=1e-12)


def test_parts_are_in_the_order_of_time_and_the_test_is_read_by_no_one():
    text = Text.of(some_text())
    chosen = LanguageSettings(**QUICK)
    parts = divided(text, chosen)
    assert parts.whole == len(text) and parts.known == len(text) - round(0.1 * len(text))
    other = Text.of(text.decoded()[: parts.known] + "☃" * (parts.whole - parts.known))
    one, two = LanguageProblem(text, chosen), LanguageProblem(other, chosen)
    assert one.vocabulary == two.vocabulary
    for a, b in ((one.train(), two.train()), (one.validation(), two.validation())):
        np.testing.assert_array_equal(a.inputs, b.inputs)
        np.testing.assert_array_equal(a.targets, b.targets)
    whole = one.train()
    rows = text.codes[: parts.fit]
    first = [one.vocabulary.points[k] for k in whole.inputs[0]]
    assert first == rows[: len(first)].tolist()
    np.testing.assert_array_equal(whole.inputs[:, 1:], whole.targets[:, :-1])
    np.testing.assert_array_equal(whole.targets[:-1, -1], whole.inputs[1:, 0])  # a row goes on in the next


def test_a_token_costs_what_comes_before_alone_decides(trained):
    final, text = trained.outcome.final, some_text(900, seed=3)
    nats = final.nats(Text.of(text))
    changed = final.nats(Text.of(text[:3000] + "kkkk" + text[3004:]))
    np.testing.assert_array_equal(nats[:2900], changed[:2900])
    assert abs(nats[2999:3004] - changed[2999:3004]).max() > 0.01
    short = final.nats(Text.of(text[:2500]))  # the state is carried from piece to piece
    np.testing.assert_allclose(nats[:2499], short, rtol=1e-5, atol=1e-6)


def test_adapting_begins_as_the_model_and_learns(trained):
    final, text = trained.outcome.final, Text.of("clap buzz " * 60)
    static = final.nats(text)
    np.testing.assert_allclose(adapted_nats(text, final, learning_rate=0.0), static, rtol=1e-4, atol=1e-5)
    adapted = adapted_nats(text, final, learning_rate=3e-3)
    np.testing.assert_allclose(adapted[:32], static[:32], rtol=1e-4, atol=1e-5)
    assert adapted[300:].mean() < static[300:].mean() - 0.05
    np.testing.assert_array_equal(final.nats(text), static)
    found = trained.evaluate({"text": some_text(60, seed=7)}, adapt=True)
    assert found.facts["adapted"].keys() == found.scores.keys() and "Adapted" in found.notes[-1]
    assert found.scores == trained.evaluate({"text": some_text(60, seed=7)}).scores


def test_the_temperature_is_the_best_on_the_validation_part_alone():
    text, chosen = Text.of(some_text(1500)), LanguageSettings(**QUICK)
    problem = LanguageProblem(text, chosen)
    model = elman.LanguageModel(**QUICK, validation=0).fit({"text": some_text(1500)}).model  # no temperature
    sharp = {name: a * 3 if name.startswith(f"{len(model.layers) - 2}.") else a for name, a in model.arrays.items()}
    part = text.part(problem.parts.fit, problem.parts.known)
    found = problem.predictor(sharp, "train").nats(part).mean()
    plain = LanguageProblem(text, LanguageSettings(**QUICK, validation=0)).predictor(sharp, "train")
    by_hand = [with_temperature(plain, t).nats(part).mean() for t in np.linspace(0.6, 3.9, 34)]
    assert found < plain.nats(part).mean() and found <= min(by_hand) + 1e-4
    other = Text.of(text.decoded()[: problem.parts.known] + "k" * (len(text) - problem.parts.known))
    same = LanguageProblem(other, chosen).predictor(sharp, "train")
    np.testing.assert_array_equal(same.nats(part).mean(), found)


def test_writing_follows_the_seed_the_prompt_and_the_choices(trained):
    assert trained.generate("tick ", length=40, seed=3) == trained.generate("tick ", length=40, seed=3)
    assert trained.generate("tick ", length=40, seed=3) != trained.generate("tick ", length=40, seed=4)
    greedy = trained.generate("tick ", length=30, temperature=0)
    assert greedy == trained.generate("tick ", length=30, top_k=1) == trained.generate("tick ", length=30, top_p=1e-9)
    assert len(greedy) == 30 and set(greedy) <= set(some_text())
    # a token at a time it is what the model tells of the whole
    final = trained.outcome.final
    indices = final.vocabulary.indices(Text.of("tick " + greedy))
    output, _ = final.model(np.asarray(indices[None, :-1]))
    best = np.delete(output[0], final.vocabulary.unknown, axis=1).argmax(axis=1)
    assert (best[4:] == indices[5:]).mean() > 0.95  # rounding may turn a tie
    for prompt, said in (("", "the prompt is empty"), ("tick 漢☃漢", "does not know: '漢', '☃'; write it without")):
        with pytest.raises(DataError, match=said):
            trained.generate(prompt)
    with pytest.raises(SettingsError, match="temperature is -1"):
        WritingSettings(temperature=-1)


def test_eight_bit_writing_is_nearly_the_same(trained):
    greedy, rounded = (trained.generate("tick ", length=200, temperature=0, eight_bit=bits) for bits in (False, True))
    assert len(rounded) == 200 and rounded[:20] == greedy[:20]
    model = trained.outcome.final.model
    indices = trained.outcome.final.vocabulary.indices(Text.of(greedy)).tolist()
    exact, coarse = (stepper_of(model, eight_bit=bits) for bits in (False, True))
    with elman.use_backend("reference"):
        slow = stepper_of(model, eight_bit=True)
    states = [model.initial_state(1)] * 3
    differs = False
    for index in indices:
        found = [step(index, state) for step, state in zip((exact, coarse, slow), states, strict=True)]
        outputs, states = zip(*found, strict=True)
        np.testing.assert_allclose(outputs[1], outputs[0], rtol=0, atol=0.01)
        np.testing.assert_allclose(outputs[1], outputs[2], rtol=0, atol=2e-4)
        differs |= bool((outputs[0] != outputs[1]).any())
    assert differs


def test_how_often_a_token_is_drawn_is_its_probability(trained):
    final = trained.outcome.final
    p = trained.stream().step("t")
    p = np.delete(p, final.vocabulary.unknown)
    drawn = Counter(trained.generate("t", length=1, temperature=1, seed=seed) for seed in range(3000))
    for k, point in enumerate(final.vocabulary.points):
        share = drawn[chr(point)] / 3000
        assert abs(share - p[k] / p.sum()) < 4 * math.sqrt(max(p[k], 1e-3) / 3000)


def test_bytes_and_chinese(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = ["人之初，性本善。", "性相近，习相远。", "苟不教，性乃迁。"]
    text = "\n".join(lines[k] for k in np.random.default_rng(0).integers(0, 3, 300))
    Path("a.txt").write_text(text, "utf-8")
    flags = ["--hidden-size", "8", "--num-layers", "1", "--epochs", "2", "--bptt", "8", "--batch-size", "4"]
    assert main(["train", "language", "a.txt", *flags, "--out", "run"]) == 0
    assert main(["generate", "run", "--prompt", "人之", "--length", "9"]) == 0
    written = capsys.readouterr().out.splitlines()
    assert "人之" in "".join(written) and "a.txt: " in written[0]
    flags = [*flags, "--tokens", "bytes"]
    assert main(["train", "language", "a.txt", *flags, "--out", "bytes"]) == 0
    assert main(["generate", "bytes", "--prompt", "☃", "--length", "20", "--out", "new.txt"]) == 0
    assert Path("new.txt").read_text("utf-8").startswith("☃")
    assert json.loads(Path("bytes/metrics.json").read_text())["vocabulary"] == 256
    capsys.readouterr()
    letters = sorted(set(text))
    Path("b.txt").write_text("".join(np.random.default_rng(1).choice(letters, 300)), "utf-8")
    assert main(["evaluate", "bytes", "b.txt"]) == 0  # read as in training
    assert main(["generate", "run", "--prompt", "☃"]) == 2
    assert "does not know: '☃'" in capsys.readouterr().err
    stream = elman.load("bytes").stream()
    assert stream.step(65).shape == (256,)
    for token in ("a", 256, None):
        with pytest.raises(DataError, match="a stream takes a byte a step"):
            stream.step(token)


def test_several_files_standard_input_and_other_tasks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text(some_text(200))
    Path("b.txt").write_text(some_text(200, seed=1))
    flags = ["--hidden-size", "4", "--num-layers", "1", "--epochs", "1", "--bptt", "8", "--batch-size", "4"]
    assert main(["train", "language", "a.txt", "b.txt", *flags, "--out", "run"]) == 0
    assert "a.txt and 1 more" in capsys.readouterr().out
    page = Path("run/report.html").read_text()
    assert "elman train language a.txt b.txt" in page
    assert main(["evaluate", "run", "a.txt", "b.txt"]) == 0
    assert main(["train", "forecast", "a.txt", "b.txt"]) == 2
    Path("s.csv").write_text("y\n" + "\n".join(map(str, range(60))))
    assert main(["train", "forecast", "s.csv", "--epochs", "1", "--out", "other"]) == 0
    capsys.readouterr()
    for words, said in (
        (["generate", "other"], "a run of the task forecast does not write"),
        (["evaluate", "other", "s.csv", "s.csv"], "a run of the task forecast reads one DATA, not 2"),
        (["evaluate", "other", "s.csv", "--adapt"], "--adapt"),
        (["generate", "nowhere"], "no run here"),
        (["generate", "run", "--temperature", "-1"], "temperature is -1.0; it must be at least 0"),
    ):
        assert main(words) == 2
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1


def test_texts_of_their_own_for_choosing_and_testing():
    parts = [{"text": some_text(count, seed=seed)} for count, seed in ((300, 0), (60, 1), (80, 2))]
    model = elman.LanguageModel(**QUICK).fit(parts[0], validation=parts[1], test=parts[2])
    sizes = [len(part["text"]) for part in parts]
    expected = f"fitted on the first {sizes[0]}, chosen by the next {sizes[1]}, the test: the last {sizes[2]}"
    assert expected in model.describe_data()
    assert model.metrics["test_size"] == sizes[2] - 1
    assert model.evaluate(parts[2]).scores == model.outcome.evaluation.scores
    with pytest.raises(DataError, match="were seen in training"):
        model.evaluate(parts[1])  # it chose


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ab" * 10, "leave 18 for training, 20 are needed; give a longer text"),
        ("a" * 2000, "1 different characters occur"),
        ("ab" * 150, "leave 5 for validation, 20 are needed"),
    ],
)
def test_too_little_text(text, said):
    with pytest.raises(DataError, match=said):
        elman.LanguageModel(**QUICK).fit({"text": text})


def test_the_test_is_cut_from_the_text_itself_and_must_not_stand_in_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, count, seed in (("a.txt", 400, 0), ("b.txt", 90, 1)):
        Path(name).write_text(some_text(count, seed=seed))
    train = ["train", "language", "a.txt", "--hidden-size", "4", "--num-layers", "1", "--epochs", "1", "--bptt", "8"]
    sizes = [len(Path(name).read_text()) for name in ("a.txt", "b.txt")]
    assert main([*train, "--validation-file", "b.txt", "--test-size", "0.2", "--out", "run"]) == 0
    out, test = capsys.readouterr().out, round(sizes[0] * 0.2)
    assert f"a.txt: {sizes[0]} characters" in out
    assert f"fitted on the first {sizes[0] - test}, chosen by the next {sizes[1]}, the test: the last {test}" in out
    for words in (["--test", "a.txt"], ["--test", "b.txt", "--validation-file", "b.txt"]):
        assert main([*train, *words, "--out", "new"]) == 2
        err = capsys.readouterr().err
        assert "a good part of this test stands in" in err and err.count("\n") == 1 and not Path("new").exists()
    for words, said in (
        (["train", "language", ""], "'' is no path; give a file's, or a folder's"),
        (["evaluate", "run", "a.txt", "--tokens", "bytes"], "read as bytes, but the model reads char"),
        (["generate", "run", "--prompt", "a\udcff"], "the prompt is not UTF-8 text"),
        (["generate", "run", "--top-p", "5"], "--top-p is 5.0; it must be at most 1"),
    ):
        assert main(words) == 2
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1


def codes_of_prompt(model, prompt):
    from elman.tasks.language.writing import _prompt

    return _prompt(model.outcome.final, WritingSettings(prompt=prompt)).tolist()


def test_without_a_prompt_the_text_begins_after_what_the_model_knows(trained):
    assert "\n" not in some_text()
    assert trained.generate(length=20, seed=1) == trained.generate(" ", length=20, seed=1)


def test_bytes_of_the_command_line_are_bytes_to_a_model_of_bytes():
    model = elman.LanguageModel(**QUICK).fit({"text": some_text()}, tokens="bytes")
    given = [codes_of_prompt(model, prompt) for prompt in ("\udcff", "?")]
    assert given == [[255], [63]]
    with pytest.raises(SettingsError, match="'foo' is not a setting"):
        model.generate("a", foo=1)
    assert len(model.generate("a", length=9, temperature=5e-324)) == 9


def test_a_text_given_as_a_path_is_one_error():
    with pytest.raises(DataError, match="cannot be read|no such file"):
        elman.LanguageModel(**QUICK).fit("the cat sat on the mat. " * 60)
