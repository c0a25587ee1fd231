"""Matrices and galleries as they are drawn: what stands in them, and that nothing a user wrote breaks them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from elman.learning import Gallery, HeatMap, HeatMaps, Matrix, Picture
from elman.report.plots import build, draw

COUNTS = np.array([[5, 0, 1], [2, 7, 0], [0, 0, 0]])


def texts(canvas) -> list[str]:
    return [text.get_text() for axes in canvas.axes for text in axes.texts]


def test_a_matrix_shows_its_counts_and_names():
    canvas = build(Matrix("m", "Confusion", "prediction", "true class", COUNTS, ("a", "b", "c")))
    (axes,) = canvas.axes
    assert texts(canvas) == ["5", "1", "2", "7"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("prediction", "true class")
    (image,) = axes.images
    assert_array_equal(np.asarray(image.get_array()), COUNTS / np.array([[6], [9], [1]]))


def test_a_large_matrix_shows_some_names_and_no_counts():
    names = tuple(f"class {k}" for k in range(100))
    canvas = build(Matrix("m", "Confusion", "prediction", "true class", np.eye(100), names))
    shown = [label.get_text() for label in canvas.axes[0].get_yticklabels()]
    assert not texts(canvas) and 20 <= len(shown) <= 40 and set(shown) <= set(names)


def test_a_gallery_shows_images_curves_and_texts():
    image, curves = np.arange(12.0).reshape(3, 4), np.arange(10.0).reshape(5, 2)
    pictures = (Picture("one", image, True), Picture("two", curves), Picture("three", "ACGT"))
    canvas = build(Gallery("g", "Mistakes", pictures))
    first, second, third = canvas.axes
    assert [axes.get_title() for axes in canvas.axes] == ["one", "two", "three"]
    assert_array_equal(np.asarray(first.images[0].get_array()), image)
    assert_array_equal([line.get_ydata() for line in second.lines], curves.T)
    assert [text.get_text() for text in third.texts] == ["ACGT"]


def test_maps_show_their_values_below_what_they_come_from():
    first, second = HeatMap("gate z", np.random.default_rng(0).random((5, 7)), 0, 1), HeatMap("h", -np.eye(4, 7), -1, 1)
    canvas = build(HeatMaps("s", "States", "step", tuple("abcdefg"), (first, second), np.ones((7, 2)), "values"))
    above, one, two = [axes for axes in canvas.axes if axes.get_label() != "<colorbar>"]
    assert len(above.lines) == 2 and [axes.get_ylabel() for axes in (above, one, two)] == ["values", "gate z", "h"]
    assert_array_equal(np.asarray(one.images[0].get_array()), first.values)
    assert_array_equal(np.asarray(two.images[0].get_array()), second.values)
    assert [image.get_clim() for axes in (one, two) for image in axes.images] == [(0, 1), (-1, 1)]
    assert [label.get_text() for label in two.get_xticklabels()] == list("abcdefg")


@pytest.mark.parametrize("text", ["", "$x^2$", "two\nlines", "字" * 200, "<b>&", "\\frac"])
def test_any_text_is_drawn(tmp_path, text):
    matrix = Matrix("m", text, text, text, COUNTS, (text, "b", "c"), note=text)
    gallery = Gallery("g", text, (Picture(text, text), Picture(text, np.full((4, 4), np.nan), True)), note=text)
    maps = HeatMaps("s", text, text, (text, "b"), (HeatMap(text, np.array([[1.0, np.nan]]), 0, 1),) * 5, note=text)
    for drawing in (matrix, gallery, maps):
        first = draw(drawing, tmp_path / "a.png").read_bytes()
        assert first[:4] == b"\x89PNG" and draw(drawing, tmp_path / "b.png").read_bytes() == first


@pytest.mark.parametrize(("name", "count"), [("7", 10), ("ORG.NOM", 8), ("O", 15), ("a-long-class-n", 4)])
def test_names_below_a_matrix_do_not_meet(name: str, count: int) -> None:
    canvas = build(Matrix("m", "Confusion", "prediction", "true class", np.eye(count), (name,) * count))
    canvas.draw_without_rendering()
    boxes = [label.get_window_extent() for label in canvas.axes[0].get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
