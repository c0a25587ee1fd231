"""Progress: one line on a terminal, removed at the end; no output elsewhere."""

from __future__ import annotations

import io
import os
import pty
import select
import sys

import pytest

from elman.report import Progress
from elman.training.events import EpochEnd, Fit, PhaseEnd, PhaseStart

HIDE, SHOW, ERASE = "\x1b[?25l", "\x1b[?25h", "\x1b[2K"
START = PhaseStart("search", 0, 40)
EPOCH = EpochEnd(
    "search", 3, 40, loss=0.25, validation_loss=0.5, validation_error=None, best_epoch=2, elapsed=6.0, remaining=75.0
)
END = PhaseEnd("search", Fit(2, 3, 0.5))


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    """An ordinary terminal, whatever the tests run in."""
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def tell(stream, *events) -> str:
    with Progress(stream) as progress:
        progress._drawn = float("-inf")
        for event in events:
            progress(event)
            progress._drawn = float("-inf")  # as if some time had passed
    return stream.getvalue()


def test_a_terminal_shows_each_fact_and_is_clean_after():
    text = tell(Terminal(), START, EPOCH, END)
    assert "search · epoch 0/40" in text
    assert "search · epoch 3/40 · loss 0.2500 · validation 0.5000 (best at 2) · up to 1:15 left" in text
    assert text.index(HIDE) < text.index("search") < text.rindex(ERASE)
    assert text.rindex(SHOW) > text.rindex("search")


def test_a_real_terminal():
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as stream:
        with Progress(stream) as progress:
            progress(START)
        stream.flush()
        written = b""
        while SHOW.encode() not in written and select.select([leader], [], [], 5)[0]:
            written += os.read(leader, 10_000)  # a terminal hands over what it has, which may be a part
    os.close(leader)
    text = written.decode()
    assert "search · epoch 0/40" in text
    assert text.rindex(SHOW) > text.rindex("search")


def test_no_output_without_a_terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # colours in a log are not a live line in it
    assert tell(io.StringIO(), START, EPOCH, END) == ""


def test_no_output_on_a_terminal_that_cannot_move_its_cursor(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert tell(Terminal(), START, EPOCH, END) == ""


def test_no_output_without_rich(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert tell(Terminal(), START, EPOCH, END) == ""


def test_no_output_before_and_after_the_block():
    stream = Terminal()
    progress = Progress(stream)
    progress(START)
    assert stream.getvalue() == ""
    with progress:
        pass
    ended = stream.getvalue()
    progress(EPOCH)
    assert stream.getvalue() == ended


def test_an_interruption_passes_and_leaves_a_usable_terminal():
    stream = Terminal()
    with pytest.raises(KeyboardInterrupt), Progress(stream) as progress:
        progress(EPOCH)
        raise KeyboardInterrupt
    assert stream.getvalue().rindex(SHOW) > stream.getvalue().rindex("search")


def test_short_epochs_are_not_all_drawn():
    stream = Terminal()
    with Progress(stream) as progress:
        progress(START)
        progress._drawn = float("inf")  # drawn just now
        for _ in range(1000):
            progress(EPOCH)
        progress(PhaseStart("final", 0, 3))  # a phase that begins is shown at once
    assert "epoch 3/40" not in stream.getvalue()
    assert "final · epoch 0/3" in stream.getvalue()


def test_one_line_however_narrow_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    text = tell(Terminal(), EPOCH)
    assert "search · epoch 3/40 · loss 0.…" in text


def test_names_are_not_markup_and_unknown_facts_are_left_out():
    event = EpochEnd("[bold]search[/x]", 1, 2, 0.5, None, None, best_epoch=1, elapsed=1.0, remaining=float("inf"))
    text = tell(Terminal(), event)
    assert "[bold]search[/x] · epoch 1/2 · loss 0.5000" in text
    assert "validation" not in text
    assert "left" not in text
