"""Standard streams that are closed, full or a terminal: what is printed is said, or that it could not be."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterable


def open_standard_streams() -> None:
    """Give each standard descriptor that is closed a place, or the next file opened would take it.

    Writing to a closed standard output then fails as it does on a full disk; standard error is sent nowhere.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if descriptor < 2 else os.O_WRONLY)  # takes the lowest that is free
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal without our letters gets "?" in their place
        sys.stdout.reconfigure(errors="replace")


def say(text: str) -> None:
    """Print lines for people: what is not printable in a name becomes ``?``, so that no file steers the terminal."""
    print("\n".join(map(printable, text.split("\n"))))


def give(text: str) -> None:
    """Print data: a terminal gets them as :func:`say` does, a file or pipe as they are."""
    if sys.stdout.isatty():
        say(text)
    else:
        print(text)


def give_pieces(pieces: Iterable[str]) -> None:
    """Print a text as it comes; a terminal is sent no control characters but line ends and tabs."""
    terminal = sys.stdout.isatty()
    for piece in pieces:
        if terminal:
            piece = "".join(c if c.isprintable() or c in "\n\t" else visible(c) for c in piece)
        sys.stdout.write(piece)
        sys.stdout.flush()
    print()


def visible(letter: str) -> str:
    """A character that a terminal might obey, as one that it shows.

    >>> print(visible("\\x1b"), visible("\\u202e"))
    ␛ \\u202e
    """
    code = ord(letter)
    return chr(0x2400 + code) if code < 32 else letter.encode("unicode_escape").decode("ascii")


def complain(text: str) -> None:
    """One line on standard error; where that cannot be written to, nobody can be told."""
    with contextlib.suppress(OSError):
        print(printable(text), file=sys.stderr, flush=True)


def printable(line: str) -> str:
    """A line in which every letter is one that a terminal shows.

    >>> printable("a\\x1b[31mb")
    'a?[31mb'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def discard_output() -> None:
    """Send what cannot be written nowhere, so that it does not fail once more when Python ends."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
