"""Files into bytes: unpacked where they are packed, and every way to fail said in one line."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from elman.errors import DataError

_GZIP = b"\x1f\x8b"


def display_name(path: str | bytes | os.PathLike[str]) -> str:
    """A path as messages show it: on one line, whatever is in it.

    >>> display_name("sales.csv"), display_name("two\\nlines.csv")
    ('sales.csv', "'two\\\\nlines.csv'")
    """
    text = os.fsdecode(path)
    return text if text and text.isprintable() else repr(text)


def read_content(path: str | bytes | os.PathLike[str]) -> bytes:
    """A file's bytes, unpacked if it is compressed with gzip.

    Raises:
        DataError: the file cannot be read or is damaged; the message names it and the remedy.
    """
    name = display_name(path)
    try:
        content = Path(os.fsdecode(path)).read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{name}: there is no such file; check the path") from error
    except IsADirectoryError as error:
        raise DataError(f"{name}: this is a folder; give the file in it that holds the data") from error
    except PermissionError as error:
        raise DataError(f"{name}: permission to read is denied; change the file's permissions") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{name}: cannot be read ({reason}); check the path") from error
    return _unpack(content, name) if content.startswith(_GZIP) else content


def _unpack(content: bytes, name: str) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name}: the gzip file is damaged or cut short; fetch or compress it again") from error
