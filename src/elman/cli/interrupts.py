"""Ctrl-C answered at once, also in the midst of a long call into compiled code, where Python itself has to wait.

What Python does with the signal stays the same: an exception in the main thread, as soon as that gets to it. If it does
not within :data:`PATIENCE`, a thread answers in its place: it ends the process where nothing can be lost by it, else it
says that the call under way ends first. A second Ctrl-C then ends the process at any rate; a run goes on from its
checkpoint.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from elman import atomic

STATUS = 130
PATIENCE = 0.25  # seconds: an answer is due in half of one
WAITING = b"interrupted: a computation under way ends first; Ctrl-C once more ends at once, and --resume goes on\n"


@contextlib.contextmanager
def answered(*, keeps: bool) -> Iterator[None]:
    """Answer Ctrl-C inside the block. Outside the main thread, or where a program handles it itself, nothing changes.

    Args:
        keeps: there is something to lose, which the main thread keeps when it gets to the signal.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    reached = threading.Event()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def handle(number: int, frame: FrameType | None) -> None:
        reached.set()
        signal.default_int_handler(number, frame)

    thread = threading.Thread(target=_watch, args=(reader, reached, keeps), daemon=True)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, handle)
    thread.start()
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.set_wakeup_fd(before)
        os.close(writer)
        thread.join()
        os.close(reader)


def ignored() -> None:
    """From here on Ctrl-C does nothing: Python, when it ends, answers with a traceback."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _watch(reader: int, reached: threading.Event, keeps: bool) -> None:
    """Wait for the numbers of signals, which arrive when they are sent, whatever the main thread is at."""
    said = False
    while numbers := os.read(reader, 1):
        if numbers[0] != signal.SIGINT:
            continue
        answered = reached.wait(PATIENCE)
        reached.clear()
        if answered:
            continue
        if keeps and not said:
            said = True
            _write(WAITING)
            continue
        _write(b"interrupted\n")
        atomic.remove_unfinished()
        os._exit(STATUS)


def _write(text: bytes) -> None:
    with contextlib.suppress(OSError):
        os.write(2, text)
