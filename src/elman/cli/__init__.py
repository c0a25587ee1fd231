"""Words typed in a shell become calls to :mod:`elman.runs` and :mod:`elman.studies`; no logic of its own."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Sequence

from elman.cli import commands
from elman.cli.interrupts import answered, ignored
from elman.cli.parser import make_parser
from elman.cli.streams import complain, discard_output, open_standard_streams
from elman.errors import ElmanError

BAD_INPUT, INTERRUPTED = 2, 130
KEEPING = {commands.train}  # commands that save what they have when interrupted
FLAGS = {"start_from": "from"}  # where flag and argument differ by more than dashes


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status: 0, 2 for bad input, 130 if interrupted.

    Bad input ends in one line on standard error; ``--debug`` shows where it was found.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    open_standard_streams()
    try:
        return _run(words)
    except BrokenPipeError:  # the reader has closed the pipe
        discard_output()
        return 0
    except (ElmanError, OSError, MemoryError) as error:
        if "--debug" in words:
            traceback.print_exc()
        complain(f"error: {_one_line(error)}")
        discard_output()
        return BAD_INPUT
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    finally:
        if argv is None:  # the process is about to end
            ignored()


def _run(words: Sequence[str]) -> int:
    try:
        arguments = make_parser().parse_args([word for word in words if word != "--debug"])
    except SystemExit:  # help or version, printed
        sys.stdout.flush()
        raise
    with answered(keeps=arguments.run in KEEPING):
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    return status


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        text = f"not enough memory ({text}); give less data or smaller sizes"
    elif isinstance(error, OSError) and not isinstance(error, ElmanError):
        text = f"{error.filename or 'standard output'}: {error.strerror or text}; choose another path"
    # Messages of the floors below name Python arguments; here these are flags.
    text = re.sub(r"^([a-z]+(?:_[a-z]+)*) (?=is )", r"`\1` ", text)
    return re.sub(r"`([a-z]+(?:_[a-z]+)*)`", lambda m: "--" + FLAGS.get(m[1], m[1]).replace("_", "-"), text)
