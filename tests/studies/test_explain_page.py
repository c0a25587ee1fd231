"""The page in a browser: the model in it against NumPy's, edits, and how it looks and behaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import elman
from elman.cells import CELLS, Cell, get_cell, register_cell
from elman.learning import Answer, Example
from elman.learning.example import Numbers, Symbols, Words
from elman.model import (
    CharacterEncoder,
    Convolution,
    CRFHead,
    Dropout,
    Embedding,
    EnsembleHead,
    Join,
    LastStep,
    Layer,
    Linear,
    Model,
    PointHead,
    Pool,
    RecurrentLayers,
    SoftmaxHead,
)
from elman.recurrence import Layout
from elman.studies.explain import explain
from elman.studies.explain.inside import look_inside
from elman.studies.explain.page import KINDS, page_text
from elman.studies.explain.parts import EQUATIONS, parts_of
from tests.model.helpers import Leak, model_of, toys
from tests.report.browser import PROGRAM, SIZES, Browser, browser
from tests.studies.helpers import trained

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no browser")
STEPS, SIZE, UNITS = 7, 3, 5
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="module")
def program() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


def answer_in(program: Browser, which: str = "now") -> np.ndarray:
    """The page's answer: of a choice its probabilities or scores, else values in the data's units."""
    found = json.loads(program.value(f"JSON.stringify({{d: Array.from(app.{which}.answer.values.data)}})"))
    return np.array(found["d"])


# --- the executor


def recurrent(cell: str, inputs: int = SIZE, **options: Any) -> RecurrentLayers:
    if "zoneout" in options:
        options["zoneout"] = (options["zoneout"],) * len(get_cell(cell).states)
    return RecurrentLayers(Layout(cell, inputs, UNITS, **options))


def ended(layer: RecurrentLayers, *more: Layer) -> tuple[Layer, ...]:
    size = layer.layout.recurrent_size * layer.layout.num_directions
    return (layer, *more, Linear(size, 4), PointHead("mse", 4))


RUNNABLE = [cell for cell in CELLS if cell in EQUATIONS]
MODELS: dict[str, tuple[Layer, ...]] = {
    **{f"cell {cell}": ended(recurrent(cell, num_layers=2)) for cell in RUNNABLE},
    **{
        f"all of {cell}": ended(
            recurrent(cell, num_layers=2, bidirectional=True, layer_norm=True, zoneout=0.3), LastStep(True)
        )
        for cell in RUNNABLE
    },
    "projection": ended(recurrent("lstm", num_layers=2, proj_size=2)),
    "without biases": ended(recurrent("gru", bias=False), LastStep()),
    "convolutions": (Convolution(SIZE, 4, 3), Convolution(4, SIZE, 5, "none"), *ended(recurrent("gru"))),
    "mean": ended(recurrent("gru"), Pool("mean", UNITS), Dropout(0.5)),
    "largest": ended(recurrent("gru"), Pool("max", UNITS)),
    "branches": (
        RecurrentLayers(Layout("lstm", SIZE, UNITS), name="a", reads=("input",)),
        Linear(SIZE, UNITS, name="b", reads=("input",)),
        Join("add", name="c", reads=("a", "b")),
        Join(reads=("a", "c", "static")),
        Linear(2 * UNITS + 2, 4),
        PointHead("mse", 4),
    ),
    "probabilities": (recurrent("gru"), Linear(UNITS, 4), SoftmaxHead(4)),
    "an ensemble": (recurrent("gru"), LastStep(), Linear(UNITS, 12), EnsembleHead(4, 3)),
    "a chain": (recurrent("gru", bidirectional=True), Linear(2 * UNITS, 4), CRFHead(4)),
    "symbols": (Embedding(9, SIZE), recurrent("gru"), Linear(UNITS, 4), SoftmaxHead(4)),
    "words and letters": (
        Embedding(7, 2, name="word", reads=("words",)),
        CharacterEncoder(8, Layout("lstm", 3, 2, bidirectional=True), name="spelling", reads=("letters",)),
        Join(reads=("word", "spelling")),
        recurrent("gru", 6),
        Linear(UNITS, 4),
        CRFHead(4),
    ),
}


def example_for(model: Model, seed: int = 0) -> Example:
    """A sequence of random numbers, symbols or words."""
    random = np.random.default_rng(seed)
    classes = not isinstance(model.head, PointHead)
    answer = Answer(tuple("abcd"), classes=classes, temperature=1.0)
    if "words" in model.wiring.inputs:
        words = tuple(f"{'xyz'[k % 3]}{'abcdef'[k]}q" * (1 + k % 2) for k in range(6))
        reading: Any = Words("words", words, (*words[:4], "m", "n"), True, "letters", "abcxyz", 32)
        spelled = np.zeros((1, 6, 6), np.int64)
        for k, word in enumerate(words):
            spelled[0, k, : len(word)] = [max("abcxyz".find(letter) + 2, 1) for letter in word]
        inputs = {"words": np.array([[0, 1, 2, 3, 6, 6]]), "letters": spelled}
        return Example("words", inputs, reading, answer, words)
    if isinstance(model.layers[0], Embedding):
        codes = random.integers(97, 107, STEPS)  # one of the ten is not known
        reading = Symbols("input", codes, np.arange(97, 105), 8)
        inputs = {"input": np.minimum(codes - 97, 8)[None]}
        return Example("symbols", inputs, reading, answer, tuple(map(chr, codes.tolist())))
    center, spread = random.normal(size=SIZE), random.uniform(0.5, 2, SIZE)
    values = random.normal(size=(STEPS, SIZE))
    inputs = {"input": ((values - center) / spread)[None].astype("f4")}
    if "static" in model.wiring.inputs:
        inputs["static"] = random.normal(size=(1, 2)).astype("f4")
    scales = {} if classes else {"scale": (2.0, 1.0, 3.0, 1.0), "shift": (0.0, 1.0, 2.0, -3.0)}
    answer = Answer(tuple("abcd"), classes=classes, **scales)
    reading = Numbers("input", values, ("p", "q", "r"), center, spread)
    return Example("numbers", inputs, reading, answer, tuple(map(str, range(STEPS))))


def written(page: str, folder: Path) -> Path:
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    return path


def page_of(model: Model, example: Example, path: Path) -> Any:
    inside = look_inside(model, example.inputs, example.state)
    parts = parts_of(model, inside.traces)
    path.write_text(page_text("a model", model, example, inside.output, parts, None, ()), encoding="utf-8")
    return parts


@pytest.mark.parametrize("name", MODELS)
def test_every_layer_and_cell_against_numpy(name: str, program: Browser, tmp_path: Path) -> None:
    model = model_of(MODELS[name], seed=5)
    example = example_for(model)
    parts = page_of(model, example, tmp_path / "page.html")
    program.open(tmp_path / "page.html")
    output, _ = model(example.inputs)
    expected = output[0] if isinstance(model.head, CRFHead) else model.decode(output)[0]
    if example.answer.scale:
        expected = expected * np.array(example.answer.scale) + np.array(example.answer.shift)
    assert_allclose(answer_in(program), expected.ravel(), **CLOSE)
    if isinstance(model.head, CRFHead):
        assert program.value("app.now.answer.best") == model.decode(output)[0].tolist()
    assert program.value("app.now.parts.length") == len(parts)
    for k, part in enumerate(parts):
        for kind in (part.gates, part.states):
            for gate, values in kind.items():
                found = program.value(f"Array.from(app.now.parts[{k}].kept['{gate}'].data)")
                assert_allclose(found, values.ravel(), **CLOSE)
                order = program.value(f"app.orders[{k}][{values.shape[1]}]")
                assert order == part.order(values.shape[1]).tolist()


def test_the_page_and_python_know_the_same_kinds(program: Browser, tmp_path: Path) -> None:
    model = model_of(MODELS["probabilities"])
    page_of(model, example_for(model), tmp_path / "page.html")
    program.open(tmp_path / "page.html")
    assert set(program.value("Object.keys(LAYERS)")) == KINDS
    assert set(program.value("Object.keys(HEADS)")) == {"point", "softmax", "ensemble", "crf"}


def test_missing_values_are_marked(program: Browser, tmp_path: Path) -> None:
    model = model_of((recurrent("gru", 2 * SIZE), LastStep(), Linear(UNITS, 4), SoftmaxHead(4)))
    example = example_for(model)
    values = example.reading.values.copy()  # type: ignore[union-attr]
    values[2, 1] = np.nan
    reading = Numbers("input", values, ("p", "q", "r"), np.zeros(3), np.ones(3), marks_missing=True)
    marks = np.isnan(values)
    inputs = {"input": np.concatenate([np.where(marks, 0, values), marks], axis=1)[None].astype("f4")}
    page_of(model, Example("gaps", inputs, reading, Answer(tuple("abcd"), True), example.steps), tmp_path / "page.html")
    program.open(tmp_path / "page.html")
    assert_allclose(answer_in(program), model.predict(inputs)[0], **CLOSE)


@pytest.mark.parametrize("what", ["a layer", "a cell"])
def test_what_the_page_cannot_run_is_shown_as_recorded(what: str, program: Browser, tmp_path: Path) -> None:
    name = "cell-of-these-tests"
    with toys():
        try:
            if what == "a cell":
                own = get_cell("gru")
                register_cell(Cell(name, own.gates, own.states, own.step, "", keep="z"))
                layers: tuple[Layer, ...] = (recurrent(name), Linear(UNITS, 4), SoftmaxHead(4))
            else:
                layers = (Leak(SIZE), recurrent("gru"), Linear(UNITS, 4), SoftmaxHead(4))
            model = model_of(layers)
            example = example_for(model)
            parts = page_of(model, example, tmp_path / "page.html")
            for size in SIZES:
                view = program.look(tmp_path / "page.html", size)
                assert view.complaints == [] and view.content <= view.width
            message = program.value("document.getElementById('message').textContent")
            named = f"the cell {name}" if what == "a cell" else "a toy-leak layer"
            assert named in message and "recorded" in message
            assert not program.value("document.querySelectorAll('textarea, .dragged').length")
            assert_allclose(answer_in(program), model.predict(example.inputs)[0].ravel(), **CLOSE)
            gate = parts[0].gates["z"]
            found = program.value("Array.from(app.now.parts[0].kept.z.data)")
            assert_allclose(found, gate.ravel(), atol=1 / 255)
        finally:
            CELLS.pop(name, None)


# --- each task's page, edited


def explained(name: str, folder: Path, **settings: Any) -> tuple[Any, Any, Path]:
    estimator, data = trained(name, **settings)
    found = explain(estimator, data)
    return estimator, found, written(found.page(), folder)


def typed(program: Browser, text: str) -> None:
    """As if a reader typed it."""
    program.value(
        "(() => { const field = document.querySelector('textarea');"
        f"field.value = {json.dumps(text)}; field.dispatchEvent(new Event('input')); }})()"
    )


def put(program: Browser, step: int, value: float) -> None:
    program.value(
        f"(() => {{ choose({step}); const field = document.querySelector('#input input[type=number]');"
        f"field.value = '{value}'; field.dispatchEvent(new Event('input')); }})()"
    )


@pytest.mark.parametrize("name", ["forecast", "regress", "classify", "language", "tag"])
def test_a_task_s_page_at_both_sizes(name: str, program: Browser, tmp_path: Path) -> None:
    _, _, page = explained(name, tmp_path)
    for size in SIZES:
        view = program.look(page, size)
        assert view.complaints == [] and view.content <= view.width
        program.value("[...document.querySelectorAll('button')].find(b => b.textContent === 'Change one step').click()")
        program.value("new Promise((done) => setTimeout(done, 100))")
        view = program.view(size)
        assert view.complaints == [] and view.content <= view.width
        assert program.value("app.edit !== null")
        assert [a for a in view.requests if not a.startswith(("file:", "data:"))] == []
        assert len([a for a in view.requests if a.startswith("file:")]) == 1
        assert program.value("document.querySelectorAll('#fade canvas').length") == 2


def test_a_text_that_is_changed(program: Browser, tmp_path: Path) -> None:
    estimator, found, page = explained("language", tmp_path, cell="lstm", num_layers=2)
    program.open(page)
    text = "".join(found.steps)
    for edited in (text.replace("tick", "tock", 1), "new " + text, text[:50], "drip?"):
        typed(program, edited)
        indices = estimator.outcome.final.vocabulary.indices(elman_text(edited)).astype(int)
        expected = estimator.model.predict(indices[None])[0]
        assert_allclose(answer_in(program), expected.ravel(), **CLOSE)
        program.value("draw()")
        shown = program.value("[...document.querySelectorAll('.strip-of-steps small')].map(e => e.textContent)")
        labels = found.example.answer.labels
        assert [s.replace("␣", " ") for s in shown] == [labels[k] for k in expected.argmax(axis=1)]
    typed(program, "")
    assert "type something" in program.value("document.getElementById('message').textContent")
    typed(program, text)
    assert program.value("app.edit") is None and program.value("document.getElementById('message').hidden")


def elman_text(text: str) -> Any:
    from elman.data.texts import Text

    return Text.of(text)


def test_an_edit_fades_as_the_states_do(program: Browser, tmp_path: Path) -> None:
    """What is compared after an insertion are the same letters, behind it."""
    estimator, found, page = explained("language", tmp_path)
    program.open(page)
    text = "".join(found.steps)
    edited = text[:20] + "ab" + text[20:]
    typed(program, edited)
    assert program.value("[app.edit.from, app.edit.to, app.edit.shift]") == [20, 22, 2]
    assert program.value("[19, 20, 21, 22, 40].map(counterpart)") == [19, -1, -1, 20, 38]
    states = []
    for one in (text, edited):
        indices = estimator.outcome.final.vocabulary.indices(elman_text(one)).astype(int)
        states.append(look_inside(estimator.model, {"input": indices[None]}, {}).traces)
    states = [next(iter(traces.values()))["h_l0"] for traces in states]
    h = np.array(program.value("Array.from(app.now.parts[0].kept.h.data)")).reshape(states[1].shape)
    old = np.array(program.value("Array.from(app.base.parts[0].kept.h.data)")).reshape(states[0].shape)
    assert_allclose(h, states[1], **CLOSE)
    assert_allclose(h[22:] - old[20:], states[1][22:] - states[0][20:], atol=2e-5)


def test_words_that_are_changed(program: Browser, tmp_path: Path) -> None:
    estimator, _, page = explained("tag", tmp_path, head="crf", bidirectional=True, cell="lstm")
    program.open(page)
    for sentence in ("d3 eats apple", "Apple inc hires somebody-quite-unknown-to-everybody-who-reads", "apple"):
        typed(program, sentence)
        words = sentence.split()
        expected = estimator.predict({"words": [words]})["prediction"]
        labels = program.value("app.now.answer.best.map((k) => app.page.answer.labels[k])")
        assert estimator.outcome.final.encoding.written(
            [estimator.outcome.final.encoding.tags.index(tag) for tag in labels]
        ) == list(expected)
        inputs, lengths = estimator.outcome.final.encoding.inputs(estimator.read({"words": [words]}), characters=True)
        assert_allclose(answer_in(program), estimator.model(inputs, lengths)[0][0].ravel(), **CLOSE)


def test_a_series_that_is_changed(program: Browser, tmp_path: Path) -> None:
    for scale, level in (("series", "seasonal-last"), ("window", "last"), ("series", "none")):
        estimator, found, page = explained("forecast", tmp_path, scale=scale, level=level)
        program.open(page)
        values = found.example.reading.values.copy()
        whole = estimator.read(trained("forecast", scale=scale, level=level)[1])
        predictor, series = estimator.outcome.final, whole.series[0]
        scaler = predictor.plan.scalers[series.id]
        assert_allclose(answer_in(program), predictor.forecast_windows(values[None], scaler)[0], **CLOSE)
        for step, value in ((len(values) - 1, 250.0), (3, 90.5)):
            put(program, step, value)
            values[step] = value
            expected = predictor.forecast_windows(values[None], scaler)[0]
            assert_allclose(answer_in(program), expected, **CLOSE)
        program.value("[...document.querySelectorAll('button')].find(b => b.textContent === 'As it was').click()")
        assert program.value("app.edit") is None


@pytest.mark.parametrize("name", ["classify", "regress"])
def test_numbers_that_are_changed(name: str, program: Browser, tmp_path: Path) -> None:
    estimator, found, page = explained(name, tmp_path)
    program.open(page)
    values = found.example.reading.values.copy()
    put(program, 2, 7.25)
    values[2, 0] = 7.25
    if name == "classify":
        expected = estimator.predict_proba(values[None])[0]
    else:
        table = {"a": values[:, 0], "b": values[:, 1]}
        expected = np.array(estimator.predict(table)["prediction"])
    assert_allclose(answer_in(program), expected, **CLOSE)


def test_a_point_that_is_dragged(program: Browser, tmp_path: Path) -> None:
    _, found, page = explained("classify", tmp_path)
    program.open(page)
    program.value(
        "(() => { const c = input.canvas, b = c.getBoundingClientRect(), step = (b.width - 54) / 6;"
        "const at = (kind, down) => c.dispatchEvent(new PointerEvent(kind, {clientX: b.left + 46 + 2.5 * step,"
        "clientY: b.top + down * b.height, pointerId: 1, bubbles: true}));"
        "c.setPointerCapture = () => {}; at('pointerdown', 0.5); at('pointermove', 0.2); at('pointerup', 0.2); })()"
    )
    now = program.value("app.now.value")
    before = found.example.reading.values[:, 0]
    assert now[2] > before[2] and np.delete(now, 2).tolist() == np.delete(before, 2).tolist()
    assert program.value("app.step") == 2


@pytest.mark.parametrize("cell", RUNNABLE)
def test_the_equation_with_its_numbers(cell: str, program: Browser, tmp_path: Path) -> None:
    model = model_of(ended(recurrent(cell, num_layers=2, bidirectional=True)), seed=4)
    parts = page_of(model, example_for(model), tmp_path / "page.html")
    program.open(tmp_path / "page.html")
    for k, part in enumerate(parts):
        program.value(f"(() => {{ app.part = {k}; app.unit = 3; choose(4); draw(); }})()")
        text = "[...document.querySelectorAll('.equation div')].map(d => [...d.children].map(e => e.textContent))"
        lines = program.value(text)
        found = {left.split(" = ")[0]: value for left, _, value in lines if " = " in left}
        for gate, values in {**part.gates, **part.states}.items():
            assert_allclose(float(found[gate].replace("−", "-")), values[4, 3], rtol=1e-3, atol=1e-3)
        filled = [middle for left, middle, _ in lines if " = " in left]
        assert all(middle.startswith("= ") or middle == "over all units" for middle in filled)
        assert not any(name in middle for middle in filled for name in ("x_", "h_"))


HOSTILE = "<script>alert(1)</script> & \u202eback\u202c 漢字 🙂 \x1b[31m </textarea> \u2066x ]]>"


@pytest.mark.parametrize("name", ["language", "bytes", "tag"])
def test_hostile_texts(name: str, program: Browser, tmp_path: Path) -> None:
    if name == "tag":
        words = HOSTILE.split()
        tags = [("O", "B-<b>", "B-人")[k % 3] for k in range(len(words))]
        data: Any = {"words": [words] * 20, "tags": [tags] * 20}
        estimator = elman.Tagger(hidden_size=4, epochs=1).fit(data)
    else:
        text = (HOSTILE + "\r\n\\x41\\") * 60
        data = {"text": text if name == "language" else text.encode() + b"\xff\xfe" * 3 + text.encode()[:80]}
        settings = {"hidden_size": 4, "num_layers": 1, "epochs": 1, "bptt": 8, "batch_size": 4}
        estimator = elman.LanguageModel(**settings)
        estimator.fit(data, tokens="bytes" if name == "bytes" else "char")
    last = 0 if name == "tag" else len(estimator.read(data)) // 100
    page = written(explain(estimator, data, example=last).page(), tmp_path)
    text = page.read_text(encoding="utf-8")
    assert text.count("<script") == 3 and "\u202e" not in text and "\x1b" not in text
    for size in SIZES:
        view = program.look(page, size)
        assert view.complaints == [] and view.content <= view.width
    shown = program.value("document.body.innerText")
    assert "\u202e" not in shown and "\x1b" not in shown and "\u2066" not in shown
    # nothing is lost on the way to the field and back
    typed(program, program.value("document.querySelector('textarea').value"))
    assert program.value("app.edit") is None
    typed(program, program.value("document.querySelector('textarea').value") + " 🙂\u202e")
    assert program.value("app.edit !== null")


def test_names_of_columns_are_nothing_but_words(program: Browser, tmp_path: Path) -> None:
    names = [HOSTILE, "b" * 300, "c"]
    random = np.random.default_rng(0)
    table = {name: random.normal(size=60) for name in names}
    regressor = elman.SequenceRegressor(hidden_size=3, epochs=1).fit(table, input=names[:2], target=["c"], time="")
    page = written(explain(regressor, table).page(), tmp_path)
    assert "\u202e" not in page.read_text(encoding="utf-8")
    for size in SIZES:
        view = program.look(page, size)
        assert view.complaints == [] and view.content <= view.width
    assert "\u202e" not in program.value("document.body.innerText")
