"""A picture that is redrawn while a model is trained: a file, and where there is a display a window."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from elman.errors import ElmanError, MissingDependencyError, RunFolderError
from elman.learning import Figure
from elman.report.plots import draw

REFRESH = 1.0  # seconds between two drawings
SHARE = 0.1  # of the time, at most, that goes into drawing


class Watch:
    """Draws what it is called with, but no more often than once a second and for a tenth of the time.

    A context manager, called with functions that make a figure: only those that are drawn are made. The file is
    replaced, so that whoever has it open never reads half a picture; its last state is that of the last call. If the
    block fails, the file goes.

    Args:
        path: the PNG file; its folder is made.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        RunFolderError: the folder cannot be made.
    """

    def __init__(self, path: Path) -> None:
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            raise MissingDependencyError("matplotlib", "a picture to watch", "train") from None
        self._path = path
        self._latest: Callable[[], Figure | None] | None = None
        self._next = 0.0
        self._window = _Window()

    def __enter__(self) -> Watch:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"{self._path.parent}: cannot be made ({error.strerror}); choose another") from error
        return self

    def __call__(self, make: Callable[[], Figure | None]) -> None:
        """Draw, if it is time."""
        self._latest = make
        if time.monotonic() >= self._next:
            self._draw()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._draw()
        self._window.close()
        if isinstance(error, ElmanError | MemoryError):  # nothing half-written is left of a run that failed
            self._path.unlink(missing_ok=True)
            try:
                self._path.parent.rmdir()
            except OSError:
                return  # it holds something else

    def _draw(self) -> None:
        if self._latest is None:
            return
        begin = time.monotonic()
        figure, self._latest = self._latest(), None
        if figure is not None:
            self._window.show(draw(figure, self._path))
        now = time.monotonic()
        self._next = now + max(REFRESH, (now - begin) / SHARE)


class _Window:
    """Shows a picture file in a window, where matplotlib finds a display to open one on."""

    def __init__(self) -> None:
        import matplotlib.pyplot as plt

        self._figure: Any = None
        self._image: Any = None
        try:
            figure = plt.figure(figsize=(9, 4.6))
        except Exception:  # a display that is named and not there: each framework raises its own kind
            return
        if type(figure.canvas).required_interactive_framework is None:
            plt.close(figure)
        else:
            self._figure = figure

    def show(self, path: Path) -> None:
        if self._figure is None:
            return
        import matplotlib.pyplot as plt

        picture = plt.imread(path)
        if self._image is None:
            axes = self._figure.add_axes((0, 0, 1, 1))
            axes.set_axis_off()
            self._image = axes.imshow(picture)
            self._figure.show()
        self._image.set_data(picture)
        self._figure.canvas.draw_idle()
        self._figure.canvas.flush_events()

    def close(self) -> None:
        if self._figure is not None:
            import matplotlib.pyplot as plt

            plt.close(self._figure)
