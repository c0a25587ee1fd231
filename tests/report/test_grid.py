"""Tables of texts in three forms, and a study's page: nothing in a name ends a cell or begins a tag."""

from __future__ import annotations

import numpy as np
import pytest

from elman.learning import Figure, Line
from elman.report.grid import Grid
from elman.report.progress import line_of
from elman.report.study import Study
from elman.training.events import StudyPart

GRID = Grid("Sizes <b>", ("", "units|n"), [("a|b", "1"), ("<i>", "20")], ["a note"])


def test_text_is_aligned():
    lines = GRID.text().splitlines()
    assert lines == ["Sizes <b>", "", "     units|n", "────────────", "a|b        1", "<i>       20", "", "a note"]


def test_markdown_has_as_many_cells_in_each_row():
    rows = [line for line in GRID.markdown().splitlines() if line.startswith("|")]
    assert rows == ["|  | units\\|n |", "| --- | ---: |", "| a\\|b | 1 |", "| &lt;i> | 20 |"]


def test_html_is_escaped():
    assert "<i>" not in GRID.html() and "<b>" not in GRID.html() and "&lt;i&gt;" in GRID.html()


@pytest.fixture
def study() -> Study:
    figure = Figure("one", "A line", "x", "y", (Line("a", np.arange(3), np.arange(3.0)),))
    return Study("A study", ["It is <so>."], [GRID], [figure], ["Measured alone."], "elman memory --seeds 3")


def test_a_study_is_written_whole(study, tmp_path):
    found = study.write(tmp_path, "study")
    assert [path.name for path in found] == ["study.md", "study.html", "one.png"]
    page = (tmp_path / "study.html").read_text()
    assert "It is &lt;so&gt;." in page and "data:image/svg+xml" in page and "<script" not in page
    text = (tmp_path / "study.md").read_text()
    assert "![A line](plots/one.png)" in text and "    elman memory --seeds 3" in text
    assert study.text().splitlines()[-1] == "It is <so>."


def test_without_pictures_there_is_the_text_alone(study, tmp_path):
    assert [path.name for path in study.write(tmp_path, "study", pictures=False)] == ["study.md"]
    assert "![" not in (tmp_path / "study.md").read_text()


def test_the_line_of_a_study():
    assert line_of(StudyPart("gru, lag 5", 0.5, 75.0)) == "gru, lag 5 · 50% · about 1:15 left"
    assert line_of(StudyPart("times", 1.0, float("nan"))) == "times · 100%"
