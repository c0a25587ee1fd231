"""The picture that is redrawn while a model trains: a file that is always whole, and where it can be a window."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest

from elman import SequenceRegressor
from elman.errors import MissingDependencyError, RunFolderError, TrainingError
from elman.learning import Figure, Line
from elman.report.watch import Watch


def figure(height: float = 1.0) -> Figure:
    return Figure("watch", "t", "x", "y", (Line("model", np.arange(3), height * np.arange(3.0), "model"),))


def test_a_file_is_replaced_and_at_the_end_is_the_last(tmp_path: Path) -> None:
    path = tmp_path / "plots" / "watch.png"
    made: list[float] = []

    def make(height: float):
        def made_now() -> Figure:
            made.append(height)
            return figure(height)

        return made_now

    with Watch(path) as watch:
        watch(make(1))
        first = path.read_bytes()
        for height in range(2, 50):  # all of them within the second in which nothing is drawn
            watch(make(height))
    assert made[0] == 1 and made[-1] == 49 and len(made) < 49
    assert path.read_bytes() != first and first.startswith(b"\x89PNG")
    assert list(path.parent.iterdir()) == [path]


def test_nothing_to_draw_is_no_file(tmp_path: Path) -> None:
    with Watch(tmp_path / "watch.png") as watch:
        watch(lambda: None)
    assert not (tmp_path / "watch.png").exists()


def test_a_run_that_fails_leaves_none(tmp_path: Path) -> None:
    with pytest.raises(TrainingError), Watch(tmp_path / "plots" / "watch.png") as watch:
        watch(figure)
        raise TrainingError("x")
    assert not list(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt), Watch(tmp_path / "plots" / "watch.png") as watch:
        watch(figure)
        raise KeyboardInterrupt
    assert (tmp_path / "plots" / "watch.png").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "plots").write_text("")
    with pytest.raises(RunFolderError, match="plots: cannot be made"), Watch(tmp_path / "plots" / "watch.png"):
        pass


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match="a picture to watch needs matplotlib"):
        Watch(tmp_path / "watch.png")


def test_where_there_is_no_display_no_window_is_opened(tmp_path: Path) -> None:
    import matplotlib.pyplot as plt

    with Watch(tmp_path / "watch.png") as watch:
        assert plt.get_fignums() == []
        watch(figure)
        assert plt.get_fignums() == []


def test_a_display_that_is_named_and_not_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib.pyplot as plt

    def no_display(**given: object) -> None:
        raise ImportError("Cannot load backend 'TkAgg' which requires the 'tk' interactive framework")

    monkeypatch.setattr(plt, "figure", no_display)
    with Watch(tmp_path / "watch.png") as watch:
        watch(figure)
    assert (tmp_path / "watch.png").exists()


def test_a_window_shows_what_the_file_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A display that is none: matplotlib's canvas, as one that needs a framework which is there."""
    import matplotlib.pyplot as plt
    from matplotlib.backend_bases import FigureManagerBase
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    flushed: list[np.ndarray] = []

    class FigureManager(FigureManagerBase):
        def show(self) -> None:
            pass

    class FigureCanvas(FigureCanvasAgg):
        required_interactive_framework = "headless"
        manager_class = FigureManager

        def flush_events(self) -> None:
            (image,) = self.figure.axes[0].images
            flushed.append(np.asarray(image.get_array()))

    backend = types.ModuleType("display_of_the_tests")
    backend.FigureCanvas, backend.FigureManager = FigureCanvas, FigureManager
    monkeypatch.setitem(sys.modules, backend.__name__, backend)
    before = plt.get_backend()
    plt.switch_backend(f"module://{backend.__name__}")
    try:
        with Watch(tmp_path / "watch.png") as watch:
            watch(figure)
            assert len(plt.get_fignums()) == 1
            np.testing.assert_array_equal(flushed[-1], plt.imread(tmp_path / "watch.png"))
            watch(lambda: figure(2.0))
        assert plt.get_fignums() == []
        np.testing.assert_array_equal(flushed[-1], plt.imread(tmp_path / "watch.png"))
        assert len(flushed) == 2 and (flushed[0] != flushed[1]).any()
    finally:
        plt.switch_backend(before)


def test_watching_changes_no_number(tmp_path: Path) -> None:
    x = np.sin(np.arange(40.0))
    plain, watched = (SequenceRegressor(hidden_size=4, epochs=3, dropout=0.2, num_layers=2) for _ in range(2))
    plain.fit((x, x))
    watched.fit((x, x), watch=tmp_path / "watch.png")
    assert (tmp_path / "watch.png").exists()
    for name, array in plain.model.arrays.items():
        np.testing.assert_array_equal(watched.model.arrays[name], array)
