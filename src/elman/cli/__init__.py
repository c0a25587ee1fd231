"""Words typed in a shell become calls to :mod:`elman.runs` and :mod:`elman.studies`; no logic of its own."""

from __future__ import annotations

import io
import os
import re
import sys
import traceback
from collections.abc import Sequence

from elman.cli.parser import make_parser
from elman.errors import ElmanError

BAD_INPUT, INTERRUPTED = 2, 130
FLAGS = {"start_from": "from"}  # where flag and argument differ by more than dashes


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status: 0, 2 for bad input, 130 if interrupted.

    Bad input ends in one line on standard error; ``--debug`` shows where it was found.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    if isinstance(sys.stdout, io.TextIOWrapper):  # "?" for letters that the terminal lacks
        sys.stdout.reconfigure(errors="replace")
    try:
        arguments = make_parser().parse_args([word for word in words if word != "--debug"])
        status: int = arguments.run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader has closed the pipe
        _discard_output()
        return 0
    except (ElmanError, OSError, MemoryError) as error:
        if debug:
            traceback.print_exc()
        print(f"error: {_one_line(error)}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _discard_output() -> None:
    """Discard buffered output, so that writing it cannot fail again when Python exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _one_line(error: Exception) -> str:
    # a name in a file must not steer the terminal
    text = "".join(c if c.isprintable() else "?" for c in " ".join(str(error).split()))
    if isinstance(error, MemoryError):
        text = f"not enough memory ({text}); give less data or smaller sizes"
    elif isinstance(error, OSError) and not isinstance(error, ElmanError):
        text = f"{error.filename or 'output'}: {error.strerror or text}; choose another path"
    # Messages of the floors below name Python arguments; here these are flags.
    text = re.sub(r"^([a-z]+(?:_[a-z]+)*) (?=is )", r"`\1` ", text)
    return re.sub(r"`([a-z]+(?:_[a-z]+)*)`", lambda m: "--" + FLAGS.get(m[1], m[1]).replace("_", "-"), text)
