"""The model in the page against NumPy's: every kind of layer and head, every cell."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose

from elman.cells import CELLS, Cell, get_cell, register_cell
from elman.learning import Answer, Example, HeatMaps
from elman.learning.example import Numbers, Symbols, Words
from elman.model import (
    LAYERS,
    CharacterEncoder,
    Convolution,
    CRFEnsembleHead,
    CRFHead,
    Dropout,
    Embedding,
    EnsembleHead,
    FixedLinear,
    Join,
    LastStep,
    Layer,
    Linear,
    Model,
    PointEnsembleHead,
    PointHead,
    Pool,
    QuantileHead,
    RecurrentLayers,
    Segments,
    SoftmaxHead,
)
from elman.recurrence import Layout
from elman.studies.explain.inside import look_inside
from elman.studies.explain.page import KINDS, page_text
from elman.studies.explain.parts import EQUATIONS, parts_of
from elman.studies.explain.pictures import pictures_of
from elman.tasks.tag.shapes import COUNT, shape_of
from elman.tasks.tag.words import normalised
from tests.model.helpers import Leak, model_of, toys
from tests.report.browser import PROGRAM, SIZES, Browser
from tests.studies.helpers import CLOSE, answer_in

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no browser")
STEPS, SIZE, UNITS = 7, 3, 5
LINES = "[...document.querySelectorAll('.equation div')].map(d => [...d.children].map(e => e.textContent))"


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
    "heads": (
        RecurrentLayers(Layout("slstm", SIZE, 6, num_layers=2, options=(3.0,))),
        Linear(6, 4),
        PointHead("mse", 4),
    ),
    "short steps": ended(RecurrentLayers(Layout("lem", SIZE, UNITS, options=(0.3,)))),
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
    "segments": (
        FixedLinear(SIZE, UNITS, name="highway", reads=("input",)),
        LastStep(name="last"),
        Segments(7, reads=("input",)),
        RecurrentLayers(Layout("gru", 7 * SIZE, UNITS)),
        LastStep(name="a"),
        Join("add", name="b", reads=("a", "last")),
        Join(reads=("a", "b")),
        Linear(2 * UNITS, 8),
        PointEnsembleHead("mae", 4, 2),
    ),
    "quantiles": (recurrent("gru"), LastStep(), Linear(UNITS, 24), QuantileHead((0.1, 0.5, 0.9), 4, 2)),
    "probabilities": (recurrent("gru"), Linear(UNITS, 4), SoftmaxHead(4)),
    "an ensemble": (recurrent("gru"), LastStep(), Linear(UNITS, 12), EnsembleHead(4, 3)),
    "chains": (recurrent("gru", bidirectional=True), Linear(2 * UNITS, 12), CRFEnsembleHead(4, 3)),
    "a chain": (recurrent("gru", bidirectional=True), Linear(2 * UNITS, 4), CRFHead(4)),
    "symbols": (Embedding(9, SIZE), recurrent("gru"), Linear(UNITS, 4), SoftmaxHead(4)),
    "words and letters": (
        Embedding(7, 2, name="word", reads=("words",)),
        CharacterEncoder(8, Layout("lstm", 3, 2, bidirectional=True), name="spelling", reads=("letters",)),
        Embedding(COUNT, 2, name="shape", reads=("shapes",)),
        Join(reads=("word", "spelling", "shape")),
        recurrent("gru", 8),
        Linear(UNITS, 4),
        CRFHead(4),
    ),
}


def example_for(model: Model, seed: int = 0) -> Example:
    """A sequence of random numbers, symbols or words."""
    random = np.random.default_rng(seed)
    classes = not isinstance(model.head, PointHead | PointEnsembleHead | QuantileHead)
    answer = Answer(tuple("abcd"), classes=classes, temperature=1.0)
    if "words" in model.wiring.inputs:
        words = tuple(f"{'xyz'[k % 3]}{'abcdef'[k]}q" * (1 + k % 2) for k in range(6))
        reading: Any = Words("words", words, (*words[:4], "m", "n"), True, True, "letters", "abcxyz", 32, "shapes")
        spelled = np.zeros((1, 6, 6), np.int64)
        for k, word in enumerate(words):
            spelled[0, k, : len(word)] = [max("abcxyz".find(letter) + 2, 1) for letter in word]
        inputs = {"words": np.array([[0, 1, 2, 3, 6, 6]]), "letters": spelled}
        inputs["shapes"] = np.array([[shape_of(word) for word in words]])
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


def page_of(model: Model, example: Example, path: Path) -> Any:
    inside = look_inside(model, example.inputs, example.state)
    parts = parts_of(model, inside.traces)
    path.write_text(page_text("a model", model, example, inside.output, parts, None, ()), encoding="utf-8")
    return parts


def test_shapes_of_words_are_those_of_the_task(program: Browser, tmp_path: Path) -> None:
    model = model_of(MODELS["words and letters"], seed=5)
    page_of(model, example_for(model), tmp_path / "page.html")
    program.open(tmp_path / "page.html")
    words = (
        "@you @ #tag # http://a.b https://x www.a.b httpx … :-) 12 3.5 ٣ B2B A É NASA U.S. it 'n' Anne-Marie Ab iPhone"
    )
    words += " McDonald 你好 你A ǅx ß İ ﬁ 𝐀𝐛 𐐀𐐨 1st x̂"
    found = program.value(f"{json.dumps(words.split())}.map(shapeOf)")
    assert found == [shape_of(word) for word in words.split()] and set(found) == set(range(COUNT))


def test_words_are_looked_up_as_the_task_does(program: Browser, tmp_path: Path) -> None:
    model = model_of(MODELS["words and letters"], seed=5)
    page_of(model, example_for(model), tmp_path / "page.html")
    program.open(tmp_path / "page.html")
    text = "http://a.b https://x www.a.b httpx @you @ #tag # ##t 12 19:30 ٣٣٣ B2B sooooo soo !!!! aaabbbb 𝐀𝐀𝐀 你你你好"
    words = text.split()
    assert program.value(f"{json.dumps(words)}.map(normalised)") == [normalised(word) for word in words]
    known = json.dumps({"lower": True, "normalise": True})
    look = f"lookedUp({{...{known}, places: new Map([['2016', 0]])}}, word)"
    assert program.value(f"['2016', '2017', '#Paris'].map((word) => {look})") == ["2016", "00", "paris"]


@pytest.mark.parametrize("name", MODELS)
def test_every_layer_and_cell_against_numpy(name: str, program: Browser, tmp_path: Path) -> None:
    model = model_of(MODELS[name], seed=5)
    example = example_for(model)
    parts = page_of(model, example, tmp_path / "page.html")
    program.open(tmp_path / "page.html")
    output, _ = model(example.inputs)
    chain = isinstance(model.head, CRFHead | CRFEnsembleHead)
    expected = output[0] if chain else model.decode(output)[0]
    if isinstance(model.head, CRFEnsembleHead):
        expected = model.head.mean(expected)
    if isinstance(model.head, QuantileHead):
        expected = expected[..., 1]  # the median
    if example.answer.scale:
        expected = expected * np.array(example.answer.scale) + np.array(example.answer.shift)
    assert_allclose(answer_in(program), expected.ravel(), **CLOSE)
    if chain:
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
    assert set(program.value("Object.keys(HEADS)")) == {
        *("point", "point-ensemble", "quantile"),
        *("softmax", "ensemble", "crf", "crf-ensemble"),
    }


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


@dataclass(frozen=True)
class Pairs(Layer):
    """Two steps as one: a layer from outside, of which the layers behind it get fewer steps than the model reads."""

    kind: ClassVar[str] = "toy-pairs"
    keeps_time: ClassVar[bool] = False

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def features(self, sizes: Any) -> int | None:
        return None

    def run(self, x: Any, arrays: Any, lengths: Any, state: Any) -> Any:
        return x[0].reshape(1, x[0].shape[1] // 2, -1), {}


def test_layers_of_fewer_steps(program: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LAYERS, Pairs.kind, Pairs)
    model = model_of((Pairs(), *ended(recurrent("lstm", 2 * SIZE), LastStep())))
    example = example_for(model)
    values = np.random.default_rng(0).normal(size=(8, SIZE))
    example = replace(
        example,
        inputs={"input": values[None].astype("f4")},
        reading=Numbers("input", values, ("p", "q", "r"), np.zeros(SIZE), np.ones(SIZE)),
        steps=tuple("abcdefgh"),
    )
    (part,) = page_of(model, example, tmp_path / "page.html")
    assert part.steps == 4 and example.read == 8
    for size in SIZES:
        view = program.look(tmp_path / "page.html", size)
        assert view.complaints == [] and view.content <= view.width
    assert program.value("[app.now.steps, app.now.parts[0].steps, widthOf(app.now.parts[0])]") == [8, 4, 2]
    pictures = {one.name: one for one in pictures_of((part,), None, example, example.steps)}
    states = pictures["states_1"]
    assert isinstance(states, HeatMaps) and states.above is not None
    assert states.columns == tuple("bdfh") and states.maps[0].values.shape == (UNITS, 4)
    assert_allclose(states.above, values[1::2])
    program.value("(() => { choose(5); draw(); })()")  # both steps of a pair show what the layer has at it
    lines = program.value(LINES)
    found, unit = {left: float(value.replace("−", "-")) for left, _, value in lines}, program.value("app.unit")
    for name, gate in part.gates.items():
        assert_allclose(found[name], gate[2, unit], atol=2 / 255)


def test_equations_of_any_kind(program: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that an equation may have: functions of one, two and three values, brackets, signs, a product of its own."""

    def step(x: Any, state: Any, weights: Any, ops: Any) -> Any:
        (h,) = state
        x_a, x_b = ops.input(x, weights)
        (h_a,) = ops.recurrent(h, weights, ("a",))
        a = 1 / (1 + ops.exp(-x_a - h_a))
        (h_b,) = ops.recurrent(-(a * h) / 2, weights, ("b",))
        low = ops.where(x_b > h_b, h_b, x_b)
        b = ops.where(low > 0, ops.relu(low), low - ops.sqrt(low * low + 1))
        return ((1 - a) * (a + b) + a * h,), {"a": a, "b": b}

    cell = Cell("strange", ("a", "b"), ("h",), step, "", keep="a")
    lines = ["a = σ(x_a + h_a)", "h_b = U_b(−(a · h') / 2)", "x_low = min(x_b, h_b)"]
    lines += ["b = where(x_low, max(x_low, 0), x_low − sqrt(x_low · x_low + 1))"]
    monkeypatch.setitem(CELLS, "strange", cell)
    monkeypatch.setitem(EQUATIONS, "strange", [*lines, "h = (1 − a) · (a + b) + a · h'"])
    model = model_of(ended(recurrent("strange")), seed=2)
    example = example_for(model)
    (part,) = page_of(model, example, tmp_path / "page.html")
    program.open(tmp_path / "page.html")
    for gate, values in {**part.gates, **part.states}.items():
        found = program.value(f"Array.from(app.now.parts[0].kept['{gate}'].data)")
        assert_allclose(found, values.ravel(), **CLOSE)
    for broken in ("h = ", "h = (x_h", "h x_h", "h = x_h ? 2", "h = nothing(x_h)", "h = tanh(x_h))"):
        parsed = f"try {{ parseEquation({broken!r}); return '' }} catch (error) {{ return error.message }}"
        assert broken in program.value(f"(() => {{ {parsed} }})()")


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


@pytest.mark.parametrize("cell", RUNNABLE)
def test_the_equation_with_its_numbers(cell: str, program: Browser, tmp_path: Path) -> None:
    model = model_of(ended(recurrent(cell, num_layers=2, bidirectional=True)), seed=4)
    parts = page_of(model, example_for(model), tmp_path / "page.html")
    program.open(tmp_path / "page.html")
    for k, part in enumerate(parts):
        program.value(f"(() => {{ app.part = {k}; app.unit = 3; choose(4); draw(); }})()")
        lines = program.value(LINES)
        found = {left.split(" = ")[0]: value for left, _, value in lines if " = " in left}
        for gate, values in {**part.gates, **part.states}.items():
            assert_allclose(float(found[gate].replace("−", "-")), values[4, 3], rtol=1e-3, atol=1e-3)
        filled = [middle for left, middle, _ in lines if " = " in left]
        assert all(middle.startswith("= ") or middle == "over all units" for middle in filled)
        assert not any(name in middle for middle in filled for name in ("x_", "h_"))
