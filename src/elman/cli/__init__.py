"""Words typed in a shell become calls to :mod:`elman.jobs`; no logic of its own."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

from elman.cli.parser import make_parser
from elman.errors import ElmanError

BAD_INPUT, INTERRUPTED = 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status: 0, 2 for bad input, 130 if interrupted.

    Bad input ends in one line on standard error; ``--debug`` shows where it was found.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    try:
        arguments = make_parser().parse_args([word for word in words if word != "--debug"])
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except (ElmanError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # whoever read our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        if debug:
            raise
        print(f"error: {_one_line(error)}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    # Settings are called by their Python names further down; here they are flags.
    return re.sub(r"^([a-z]+(?:_[a-z]+)*) (?=is )", lambda m: f"--{m[1].replace('_', '-')} ", text)
