"""One live line on a terminal while a model is trained; no output anywhere else."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import Any, TextIO

from elman.report.tables import shown
from elman.training.events import EpochEnd, EpochPart, Event, PhaseEnd, PhaseStart, StudyPart

REFRESH = 0.1  # seconds between two drawings: short epochs cost nothing


class Progress:
    """Shows training events in one line, which is removed at the end.

    A context manager, called with each event of :mod:`elman.training.events`. It prints nothing outside the ``with``
    block, on a stream that is no terminal or cannot move its cursor, and without rich.

    Args:
        stream: where to write; by default standard error, so that standard output holds results alone.

    >>> with Progress() as progress:
    ...     pass  # trainer(..., on_event=progress)
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live: Any = None
        self._drawn = -math.inf

    def __enter__(self) -> Progress:
        if self._stream.isatty():
            self._live = _live(self._stream)
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def __call__(self, event: Event) -> None:
        """Shows an event; a line drawn less than a tenth of a second ago stays, unless a phase begins."""
        if self._live is None or isinstance(event, PhaseEnd):
            return
        now = time.monotonic()
        if isinstance(event, PhaseStart) or now - self._drawn >= REFRESH:
            from rich.text import Text

            self._live.update(Text(line_of(event), no_wrap=True, overflow="ellipsis"), refresh=True)
            self._drawn = now


def _live(stream: TextIO) -> Any:
    try:
        from rich.console import Console
        from rich.live import Live
    except ImportError:
        return None
    console = Console(file=stream)
    if console.is_dumb_terminal or not console.is_terminal:
        return None
    # No thread draws by itself. Warnings go above the line; standard output goes where it is sent.
    warned = stream is sys.stderr
    return Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=warned)


def line_of(event: PhaseStart | EpochPart | EpochEnd | StudyPart) -> str:
    """What is shown of an event. The time left is that of all epochs: early stopping may end sooner.

    >>> line_of(EpochEnd("fit", 3, 40, 0.25, 0.5, None, best_epoch=2, elapsed=6.0, remaining=75.0))
    'fit · epoch 3/40 · loss 0.2500 · validation 0.5000 (best at 2) · up to 1:15 left'
    """
    if isinstance(event, StudyPart):
        left = [f"about {clock(event.remaining)} left"] if math.isfinite(event.remaining) else []
        return " · ".join([event.what, f"{event.share:.0%}", *left])
    parts = [event.phase, f"epoch {event.epoch}/{event.epochs}"]
    if isinstance(event, EpochPart):
        parts.append(f"{event.share:.0%} of it")
    if isinstance(event, EpochEnd):
        parts.append(f"loss {shown(event.loss)}")
        chosen = event.validation_loss if event.validation_error is None else event.validation_error
        if chosen is not None:
            parts.append(f"validation {shown(chosen)} (best at {event.best_epoch})")
        if math.isfinite(event.remaining):
            parts.append(f"up to {clock(event.remaining)} left")
    return " · ".join(parts)


def clock(seconds: float) -> str:
    """A duration as minutes and seconds, with hours where there are any.

    >>> clock(75), clock(3725)
    ('1:15', '1:02:05')
    """
    minutes, second = divmod(max(round(seconds), 0), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
