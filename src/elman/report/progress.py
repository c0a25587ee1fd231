"""One live line on a terminal while a model is trained; nothing anywhere else."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import Any, TextIO

from elman.report.tables import shown

REFRESH = 0.1  # seconds between two drawings: short epochs cost nothing


class Progress:
    """Shows training events as one line that is gone at the end.

    A context manager, called with each event of :mod:`elman.training.events`. Silent outside the ``with`` block, where
    the stream is no terminal that can move its cursor, and where rich is not installed.

    Args:
        stream: where to write; by default standard error, so that standard output holds results alone.

    >>> with Progress() as progress:
    ...     pass  # trainer(..., on_event=progress)
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live: Any = None
        self._phase = ""
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

    def __call__(self, event: Any) -> None:
        """Shows an event; a line drawn less than a tenth of a second ago stays, unless a new phase begins."""
        if self._live is None:
            return
        now = time.monotonic()
        phase = str(getattr(event, "phase", self._phase))
        if phase != self._phase or now - self._drawn >= REFRESH:
            from rich.text import Text

            text = Text(line_of(event), no_wrap=True, overflow="ellipsis")
            self._live.update(text, refresh=True)
            self._phase, self._drawn = phase, now


def _live(stream: TextIO) -> Any:
    try:
        from rich.console import Console
        from rich.live import Live
    except ImportError:
        return None
    console = Console(file=stream)
    if console.is_dumb_terminal or not console.is_terminal:
        return None
    # No thread draws by itself, and what others print goes where they send it.
    return Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)


def line_of(event: Any) -> str:
    """What is shown of an event: those of its facts that are known.

    >>> from types import SimpleNamespace
    >>> line_of(SimpleNamespace(phase="fit", epoch=3, epochs=40, loss=0.25, validation_loss=0.5, remaining=75.0))
    'fit · epoch 3/40 · loss 0.2500 · validation 0.5000 · 1:15 left'
    """
    facts = {
        name: getattr(event, name, None)
        for name in ("epoch", "epochs", "loss", "validation_loss", "best_epoch", "remaining")
    }
    known = {name: value for name, value in facts.items() if value is not None and value == value}
    parts = [str(getattr(event, "phase", ""))]
    if "epoch" in known:
        parts.append(f"epoch {known['epoch']}" + (f"/{known['epochs']}" if "epochs" in known else ""))
    if "loss" in known:
        parts.append(f"loss {shown(known['loss'])}")
    if "validation_loss" in known:
        best = f" (best at {known['best_epoch']})" if "best_epoch" in known else ""
        parts.append(f"validation {shown(known['validation_loss'])}{best}")
    if "remaining" in known and math.isfinite(known["remaining"]):
        parts.append(f"{clock(known['remaining'])} left")
    return " · ".join(part for part in parts if part)


def clock(seconds: float) -> str:
    """A duration as minutes and seconds, with hours where there are any.

    >>> clock(75), clock(3725)
    ('1:15', '1:02:05')
    """
    minutes, second = divmod(max(round(seconds), 0), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
