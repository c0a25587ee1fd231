"""Files that are there whole or not at all: written under another name, flushed, renamed."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from elman.errors import RunFolderError


def write_file(path: Path | str, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to the disk and rename it over ``path``.

    A process killed at any moment leaves the previous file, or the new one: never a part of either.

    Raises:
        RunFolderError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be written ({error.strerror or error}); choose another folder") from error
    finally:
        temporary.unlink(missing_ok=True)


def leftovers(folder: Path) -> list[Path]:
    """Temporary files in ``folder`` that killed processes left."""
    return [path for path in folder.glob(".*") if re.fullmatch(r"\..+\.[0-9a-f]{8}(\.\w+)?", path.name)]


def write_text(path: Path | str, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8", newline="")

    write_file(path, write)


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write ``content``, atomically."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_file(path, write)
