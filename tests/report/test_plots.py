"""Plots: lines, gaps, marks, and that the same data give the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import dates

from elman.errors import MissingDependencyError, RunFolderError
from elman.learning import Figure, Line
from elman.report import draw, draw_all
from elman.report.plots import build
from elman.report.style import looks

MONTHS = (np.datetime64("1949-01") + np.arange(156)).astype("datetime64[s]")
VALUES = (100 + 2.6 * np.arange(156)) * (1 + 0.18 * np.sin(np.arange(156) * np.pi / 6))


def forecast_figure() -> Figure:
    ahead = VALUES[144:]
    return Figure(
        "test",
        "Test: #Passengers",
        "",
        "#Passengers",
        (
            Line("observed", MONTHS[:144], VALUES[:144], "truth"),
            Line("seasonal naive", MONTHS[116:144], VALUES[104:132], "baseline"),
            Line("model", MONTHS[116:144], VALUES[116:144] + 5, "model"),
            Line("forecast", MONTHS[144:], ahead, "model", ahead - 30, ahead + 20),
        ),
        marks=((MONTHS[116], "test begins"), (MONTHS[143], "last observation")),
        note="up to 12 steps ahead",
    )


def one_line(y: np.ndarray, **options: object) -> Figure:
    return Figure("name", "Title", "x", "y", (Line("a", np.arange(len(y)), y, "model"),), **options)  # type: ignore[arg-type]


def drawn(figure: Figure):
    """The matplotlib figure and its axes, laid out as for a file."""
    canvas = build(figure)
    canvas.canvas.draw()
    return canvas, canvas.axes[0]


def tick_texts(axis) -> list[str]:
    low, high = sorted(axis.get_view_interval())
    return [tick.label1.get_text() for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]


def test_every_line_is_drawn_at_its_values():
    figure = forecast_figure()
    _, axes = drawn(figure)
    for line, artist in zip(figure.lines, axes.lines, strict=False):
        np.testing.assert_array_equal(artist.get_ydata(), line.y)
        np.testing.assert_array_equal(artist.get_xdata(orig=False), dates.date2num(line.x))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [line.label for line in figure.lines]


def test_words_are_where_they_belong():
    canvas, axes = drawn(forecast_figure())
    assert canvas.get_suptitle() == "Test: #Passengers"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("", "#Passengers")
    assert canvas.get_supxlabel() == "up to 12 steps ahead"
    assert {text.get_text() for text in axes.texts} == {"test begins", "last observation"}


def test_nothing_overlaps_above_the_axes():
    canvas, axes = drawn(forecast_figure())
    texts = [canvas._suptitle, axes.get_legend(), *axes.texts]
    boxes = [text.get_window_extent() for text in texts] + [axes.get_window_extent()]
    for index, box in enumerate(boxes):
        for other in boxes[index + 1 :]:
            assert not box.overlaps(other)


def test_labels_of_close_marks_do_not_meet():
    marks = tuple((place, f"a rather long label {place}") for place in (0, 1, 2, 50, 51, 98, 99))
    canvas, axes = drawn(one_line(np.zeros(100), marks=marks))
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == len(marks)
    for index, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.x1 <= canvas.bbox.x1
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


def test_marks_stand_at_their_places_even_beyond_the_lines():
    _, axes = drawn(one_line(np.zeros(50), marks=((70, "later"), (10, "earlier"))))
    assert sorted(line.get_xdata()[0] for line in axes.lines[1:]) == [10, 70]
    assert axes.get_xlim()[1] > 70


def test_a_band_is_drawn_between_its_edges():
    _, axes = drawn(forecast_figure())
    (band,) = axes.collections
    edges = band.get_paths()[0].vertices[:, 1]
    assert edges.min() == pytest.approx((VALUES[144:] - 30).min())
    assert edges.max() == pytest.approx((VALUES[144:] + 20).max())


def test_missing_and_infinite_values_break_the_line():
    y = np.sin(np.arange(100.0))
    y[30:40], y[60], y[70] = np.nan, np.inf, 1e200
    _, axes = drawn(one_line(y))
    broken = np.flatnonzero(np.isnan(axes.lines[0].get_ydata()))
    assert broken.tolist() == [*range(30, 40), 60, 70]
    assert axes.get_ylim()[1] < 2


def test_markers_on_short_lines_and_on_points_without_neighbours():
    _, axes = drawn(one_line(np.arange(40.0)))
    assert axes.lines[0].get_markevery() == list(range(40))
    assert axes.lines[0].get_marker() == "o"

    _, axes = drawn(one_line(np.arange(41.0)))
    assert axes.lines[0].get_marker() == "None"

    alone = np.arange(100.0)
    alone[[1, 50, 52, 98]] = np.nan
    _, axes = drawn(one_line(alone))
    assert axes.lines[0].get_markevery() == [0, 51, 99]


def test_several_long_models_have_markers_to_tell_them_apart_in_grey():
    x = np.arange(400)
    lines = tuple(Line(name, x, x * factor, "model") for name, factor in (("rnn", 1.0), ("lstm", 2.0), ("gru", 3.0)))
    _, axes = drawn(Figure("name", "Title", "x", "y", lines))
    assert len({line.get_marker() for line in axes.lines}) == 3
    assert all(len(line.get_markevery()) == 8 for line in axes.lines)


def test_looks_of_a_role_differ_also_without_colour():
    def lightness(colour: str) -> float:
        red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    nothing = np.zeros(0)
    models = [lightness(look.colour) for look in looks(tuple(Line("", nothing, nothing, "model") for _ in range(3)))]
    assert min(abs(a - b) for index, a in enumerate(models) for b in models[index + 1 :]) > 25
    baselines = looks(tuple(Line("", nothing, nothing, "baseline") for _ in range(3)))
    assert len({str(look.dashes) for look in baselines}) == 3
    assert all(look.dashes != "-" and lightness(look.colour) > 110 for look in baselines)


def test_dates_are_concise_and_whole_numbers_stay_whole():
    _, axes = drawn(forecast_figure())
    assert tick_texts(axes.xaxis) == ["1950", "1952", "1954", "1956", "1958", "1960", "1962"]
    leads = Line("model", np.arange(1, 13), np.arange(12.0), "model")
    _, axes = drawn(Figure("name", "Title", "steps ahead", "error", (leads,), y_min=0))
    assert tick_texts(axes.xaxis) == [str(lead) for lead in range(1, 13)]
    assert axes.get_ylim()[0] == 0
    first = Line("loss", np.array([1]), np.array([0.5]))
    _, axes = drawn(Figure("name", "Title", "epoch", "loss", (first,)))
    assert tick_texts(axes.xaxis) == ["1"]


@pytest.mark.parametrize(
    ("y", "texts"),
    [
        (np.geomspace(1, 0.04, 50), ["0.05", "0.1", "0.2", "0.5", "1"]),
        (np.geomspace(1e4, 1e-4, 50), ["0.0001", "0.001", "0.01", "0.1", "1", "10", "100", "1000", "1e+04"]),
        (np.linspace(0.5, 0.6, 50), ["0.5", "0.52", "0.54", "0.56", "0.58", "0.6"]),
    ],
)
def test_a_logarithmic_axis_has_readable_numbers(y, texts):
    _, axes = drawn(one_line(y, y_scale="log"))
    assert axes.get_yscale() == "log"
    assert tick_texts(axes.yaxis) == texts


def test_a_horizontal_axis_may_be_logarithmic():
    line = Line("a", np.array([10, 20, 50, 100, 1000]), np.arange(5.0))
    _, axes = drawn(Figure("name", "Title", "lag", "share", (line,), x_scale="log"))
    assert axes.get_xscale() == "log" and tick_texts(axes.xaxis) == ["10", "20", "50", "100", "200", "500", "1000"]
    _, axes = drawn(Figure("name", "Title", "lag", "share", (Line("a", np.arange(5), np.ones(5)),), x_scale="log"))
    assert axes.get_xscale() == "linear"  # 0 has no place on it


def test_large_and_small_numbers_stand_at_their_ticks():
    for factor in (1e-9, 1e6, 1e12):
        _, axes = drawn(one_line(factor * np.arange(50.0)))
        assert axes.yaxis.get_offset_text().get_text() == ""
        texts = tick_texts(axes.yaxis)
        assert [float(text) for text in texts] == pytest.approx(list(factor * np.arange(0, 51, 10)))


@pytest.mark.parametrize(
    "figure",
    [
        Figure("name", "No lines", "x", "y", ()),
        one_line(np.full(5, np.nan), marks=((3, "mark"),)),
        one_line(-np.arange(5.0), y_scale="log"),
        one_line(np.zeros(50), y_scale="log"),
        one_line(np.array([1.0])),
        one_line(np.array([1e300, -1e300])),
        Figure("name", "Old", "", "y", (Line("a", MONTHS[:2] - MONTHS[0] + np.datetime64("0001-01-01"), np.ones(2)),)),
        Figure(
            "name", "w " * 200, "x" * 200, "y" * 200, (Line("l" * 99, np.arange(5), np.ones(5)),) * 9, note="n " * 999
        ),
    ],
    ids=["no lines", "all missing", "log of negatives", "log of zeros", "one point", "huge", "year 1", "wordy"],
)
def test_degenerate_figures_are_drawn_without_a_warning(figure, tmp_path):
    assert draw(figure, tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_names_are_taken_as_they_are(tmp_path):
    lines = (
        Line("_hidden", np.arange(3), np.ones(3)),
        Line("$a$ and\n{b}", np.arange(3), np.ones(3)),
    )
    figure = Figure("name", "Price ($) to $_", "%s", "Prix ($ à $)", lines, marks=((1, "$^"),), note="$5")
    canvas, axes = drawn(figure)
    assert canvas.get_suptitle() == "Price ($) to $_"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["_hidden", "$a$ and {b}"]
    unknown_to_the_font = replace(figure, title="価格")
    assert draw(unknown_to_the_font, tmp_path / "a.png").exists()


def test_the_same_bytes_in_another_process_whatever_is_configured_there(tmp_path):
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\naxes.grid: False\nfont.size: 20\n")
    code = (
        "import sys; import elman.report\n"
        "assert not {'torch', 'matplotlib', 'rich'} & set(sys.modules), 'imported before they are used'\n"
        "from tests.report.test_plots import forecast_figure\n"
        "elman.report.draw(forecast_figure(), 'there.png')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"), "PYTHONPATH": root}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    here = draw(forecast_figure(), tmp_path / "here.png").read_bytes()
    assert here == (tmp_path / "there.png").read_bytes()
    assert b"Software" not in here
    assert str(tmp_path).encode() not in here


def test_the_callers_settings_are_restored(tmp_path):
    with matplotlib.rc_context({"lines.linewidth": 9.0, "text.parse_math": True}):
        before = dict(matplotlib.rcParams)
        draw(forecast_figure(), tmp_path / "a.png")
        assert dict(matplotlib.rcParams) == before


def test_all_are_drawn_under_their_names_and_nothing_else_is_left(tmp_path):
    folder = tmp_path / "run" / "plots"
    figures = [forecast_figure(), one_line(np.arange(3.0))]
    assert draw_all(figures, folder) == [folder / "test.png", folder / "name.png"]
    assert sorted(path.name for path in folder.iterdir()) == ["name.png", "test.png"]


def test_a_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="file: cannot be made"):
        draw_all([forecast_figure()], tmp_path / "file")
    with pytest.raises(RunFolderError, match=r"missing/a\.png: cannot be written"):
        draw(forecast_figure(), tmp_path / "missing" / "a.png")


def test_without_matplotlib_the_command_that_installs_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.style", None)
    with pytest.raises(
        MissingDependencyError, match=r"drawing pictures needs matplotlib.*pip install 'elman\[train\]'"
    ):
        draw(forecast_figure(), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
