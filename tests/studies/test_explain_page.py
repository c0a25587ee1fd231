"""The page in a browser: edits against NumPy, and how it looks and behaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import elman
from elman.studies.explain import explain
from elman.studies.explain.inside import look_inside
from elman.tasks.forecast.forecasts import median_of, network_forecasts
from tests.report.browser import PROGRAM, SIZES, Browser
from tests.studies.helpers import CLOSE, answer_in, trained, written

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no browser")


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
        inputs, lengths = estimator.outcome.final.encoding.inputs(
            estimator.read({"words": [words]}), estimator.model.wiring.inputs
        )
        assert_allclose(answer_in(program), estimator.model(inputs, lengths)[0][0].ravel(), **CLOSE)


@pytest.mark.parametrize("level", ["seasonal-last", "last", "none"])
@pytest.mark.parametrize(
    "more", [{}, {"scale": "window", "transform": "log", "ensemble": 2, "segment": 2, "window": 26}]
)
def test_a_series_that_is_changed(level: str, more: dict[str, Any], program: Browser, tmp_path: Path) -> None:
    settings = {"scale": "series", "transform": "none", "level": level, "window": 26, **more}
    estimator, found, page = explained("forecast", tmp_path, **settings)
    program.open(page)
    values, predictor = found.example.reading.values.copy(), estimator.outcome.final
    whole = estimator.read(trained("forecast", **settings)[1])
    plan, scaler = predictor.plan, predictor.plan.scalers[whole.series[0].id]

    def expected() -> np.ndarray:
        return median_of(network_forecasts(predictor.model, plan, values[None], [scaler], plan.horizon))[0]

    assert_allclose(answer_in(program), expected(), **CLOSE)
    for step, value in ((len(values) - 1, 250.0), (3, 90.5)):
        put(program, step, value)
        values[step] = value
        assert_allclose(answer_in(program), expected(), **CLOSE)
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
