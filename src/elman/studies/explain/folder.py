"""The folder of an explanation: an empty one, or one that an earlier explanation made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from elman import atomic
from elman.errors import RunFolderError

PAGE = "explain.html"
MARK = '<meta name="generator" content="elman explain">'
OWN = re.compile(r"(states|saturation|time_constants)_\d+\.png|connectivity\.png")


def check(out: Path) -> None:
    """Check that ``out`` may be written to.

    Raises:
        RunFolderError: it is a file, or holds something else than an explanation.
    """
    try:
        if out.exists() and not out.is_dir():
            raise RunFolderError(f"{out}: is a file; give a folder as `out`")
        leftovers = set(atomic.leftovers(out)) if out.exists() else set()
        others = [path for path in out.iterdir() if path not in leftovers] if out.exists() else []
        if others and MARK not in _beginning(out / PAGE):
            raise RunFolderError(f"{out}: not empty, and no explanation; choose another `out`")
    except RunFolderError:
        raise
    except OSError as error:
        raise RunFolderError(f"{out}: cannot be read ({error.strerror}); choose another `out`") from error


@contextmanager
def ready(out: Path) -> Iterator[Path]:
    """``out``, made if it is not there; if writing to it fails and nothing is in it, what was made is removed.

    Raises:
        RunFolderError: as :func:`check`, or it cannot be made.
    """
    check(out)
    made = [path for path in (out, *out.parents) if not path.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{out}: cannot be made ({error.strerror}); choose another `out`") from error
    try:
        yield out
    except BaseException:
        for path in made:
            if path.exists() and not any(path.iterdir()):
                path.rmdir()
        raise


def write_page(out: Path, text: str, *, keep: Sequence[Path]) -> Path:
    """Write the page, and remove the pictures of an earlier explanation that are not among ``keep``."""
    atomic.write_text(out / PAGE, text)
    for path in out.iterdir():
        if OWN.fullmatch(path.name) and path not in keep:
            path.unlink(missing_ok=True)
    return out / PAGE


def _beginning(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(4096)
