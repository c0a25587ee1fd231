"""A run's page: what it holds, that nothing in it comes from elsewhere or is run, and how a browser shows it."""

from __future__ import annotations

import base64
import html.parser
import re
import shlex
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from elman.learning import Evaluation, Figure, Gallery, Line, Matrix, Metric, Picture
from elman.report.page import Page, page_text
from elman.report.plots import svg
from elman.tasks import TASKS, get_task, load
from tests.report.browser import PROGRAM, SIZES, browser
from tests.tasks.samples import SAMPLES

HOSTILE = "<script>alert(1)</script>\"'& \u202eevil\u2066 汉字 😀 \x00\x1b[31m </svg> ]]> -->"
LONG = "x" * 400


class Elements(html.parser.HTMLParser):
    """The tags of a page, their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def page(text: str) -> Page:
    """A page with ``text`` wherever a user's words can stand."""
    line = Line(text, np.arange(4), np.array([1.0, 2.0, np.nan, 3.0]), "model")
    figures = (
        Figure("a", text, text, text, (line, line), marks=((1, text),), note=text),
        Matrix("b", text, text, text, np.array([[3, 1], [0, 2]]), (text, "b"), note=text),
        Gallery("c", text, (Picture(text, text), Picture(text, np.ones((3, 3)), True), Picture(text, np.ones((5, 1))))),
    )
    evaluation = Evaluation(
        title=text,
        metrics=(Metric("mae"), Metric(text, "higher")),
        scores={"mae": 1.0, text: 0.5},
        baselines={"mean": {"mae": 2.0, text: float("nan")}},
        labels={"mean": text},
        facts={"size": 3, "name": text, "list": [1]},
        verdict=text,
        figures=figures,
        worst={text: [text, 1.5, None]},
        notes=(text,),
    )
    return Page(text, text, text, [text], [text], evaluation, figures, {"loss": text, "epochs": 3}, frozenset({"loss"}))


@pytest.mark.parametrize("text", [HOSTILE, LONG, "plain"])
def test_a_users_words_are_nothing_but_words(text: str) -> None:
    found, plain = Elements(page_text(page(text))), Elements(page_text(page("a")))
    assert found.tags == plain.tags  # no word has become a tag
    assert [name for name, _ in found.attributes] == [name for name, _ in plain.attributes]
    shown = text.replace("\u202e", r"\u202e").replace("\u2066", r"\u2066").replace("\x00", r"\x00")
    assert shown.replace("\x1b", r"\x1b") in found.text


def test_nothing_comes_from_elsewhere_and_nothing_is_run() -> None:
    found = Elements(page_text(page(HOSTILE)))
    assert not {"script", "iframe", "object", "embed", "form", "base"} & set(found.tags)
    links = [value for name, value in found.attributes if name in ("src", "href", "action", "srcset")]
    assert links and all(link.startswith("data:") for link in links)
    assert not any(name.startswith("on") for name, _ in found.attributes)
    policy = next(value for name, value in found.attributes if value.startswith("default-src"))
    assert "default-src 'none'" in policy


@pytest.mark.parametrize("text", [HOSTILE, "plain"])
def test_pictures_are_svg_whatever_stands_in_them(text: str) -> None:
    for figure in page(text).figures:
        drawn = svg(figure)
        assert drawn == svg(figure)
        root = ElementTree.fromstring(drawn)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert not [e for e in root.iter() if e.tag.endswith("}script")]
        links = [v for e in root.iter() for k, v in e.attrib.items() if k.endswith("href")]
        assert all(link.startswith(("#", "data:")) for link in links)


def test_scores_stand_beside_the_baselines_and_the_best_is_marked() -> None:
    rows = re.findall(r"<tr><th>.*?</tr>", page_text(page("word")))
    assert re.findall(r'class="number( best)?">([^<]*)<', rows[0]) == [(" best", "1.000*"), ("", "0.5000")]
    assert re.findall(r'class="number( best)?">([^<]*)<', rows[1]) == [("", "2.000"), ("", "–")]


def test_parts_that_are_empty_are_left_out() -> None:
    text = page_text(Page("t", "m", "", [], [], None, (), {}, frozenset()))
    assert "<h2>" not in text and "There was no test" in text


@pytest.mark.parametrize("name", TASKS)
def test_the_page_of_each_task(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from elman.cli import main
    from elman.settings import flag_of

    sample = SAMPLES[name]
    monkeypatch.chdir(tmp_path)
    data, _, _ = sample.write(tmp_path)
    words = [w for key, v in sample.settings.items() for w in _flag(flag_of(key), v)]
    assert main(["train", name, data.name, *words, "--out", "run"]) == 0
    text = Path("run/report.html").read_text(encoding="utf-8")
    found = Elements(text)
    for title in ("Result", "Furthest off", "Read", "Model", "Settings", "Do it again"):
        assert f"<h2>{title}</h2>" in text
    estimator = load("run")
    assert str(estimator.metrics["verdict"]) in found.text
    assert f"elman train {name} {data.name}" in found.text
    pictures = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", text)
    assert len(pictures) == len(list(Path("run/plots").glob("*.png")))
    for picture in pictures:
        ElementTree.fromstring(base64.b64decode(picture))
    # its command makes the same model again
    command = next(line for line in found.text.splitlines() if line.startswith(f"elman train {name} "))
    assert main([*shlex.split(command)[1:], "--out", "again"]) == 0
    assert Path("again/model.safetensors").read_bytes() == Path("run/model.safetensors").read_bytes()
    # a copy of the run has its page; another run in its place has not
    estimator.save("copy")
    assert Path("copy/report.html").read_text(encoding="utf-8") == text
    get_task(name).estimator(**sample.settings).fit(data).save("copy")
    assert not Path("copy/report.html").exists()
    if PROGRAM is not None:
        with browser() as program:
            for size in SIZES:
                view = program.look(Path("run/report.html"), size)
                assert view.complaints == [] and view.content <= view.width
                assert [a for a in view.requests if not a.startswith(("file:", "data:"))] == []
                assert len([a for a in view.requests if a.startswith("file:")]) == 1


def _flag(flag: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [flag if value else "--no-" + flag.removeprefix("--")]
    return [flag, str(value)]


@pytest.mark.skipif(PROGRAM is None, reason="there is no browser")
@pytest.mark.parametrize("text", [HOSTILE, LONG])
def test_hostile_words_in_a_browser(text: str, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(page_text(page(text)), encoding="utf-8")
    with browser() as program:
        for size in SIZES:
            view = program.look(path, size)
            assert view.complaints == [] and view.content <= view.width
            assert all(address.startswith(("file:", "data:")) for address in view.requests)


STRANGE = "<script>alert(1)</script> & \u202eback\u202c 漢字 🙂 \x1b[31m"


@pytest.mark.parametrize("name", ["language", "tag"])
def test_hostile_texts(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from elman.cli import main

    monkeypatch.chdir(tmp_path)
    if name == "language":
        Path("data").write_text((STRANGE + "\n") * 60, encoding="utf-8")
        words = ["--hidden-size", "4", "--num-layers", "1", "--epochs", "1", "--bptt", "8", "--batch-size", "4"]
    else:
        lines = [
            f"{word} {tag}"
            for word, tag in zip(STRANGE.split(), ["B-<b>", "I-<b>", "O", "B-人", "O", "O"], strict=True)
        ]
        Path("data").write_text("\n\n".join(["\n".join(lines)] * 40), encoding="utf-8")
        words = ["--hidden-size", "4", "--epochs", "1"]
    assert main(["train", name, "data", *words, "--out", "run"]) == 0
    text = Path("run/report.html").read_text(encoding="utf-8")
    assert "<script" not in text and "\x1b" not in text and "\u202e" not in text
    assert "漢" in text
    if PROGRAM is not None:
        with browser() as program:
            for size in SIZES:
                view = program.look(Path("run/report.html"), size)
                assert view.complaints == [] and view.content <= view.width
                assert all(address.startswith(("file:", "data:")) for address in view.requests)
