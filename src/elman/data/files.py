"""Files into bytes: unpacked where they are packed, and every way to fail said in one line."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from pathlib import Path

from elman.errors import DataError

_GZIP = b"\x1f\x8b"
_MOST_TIMES, _ALWAYS = 100, 16 * 2**20


def most_unpacked(packed: int) -> int:
    """How many bytes a compressed file of ``packed`` bytes may unpack to: 100 times its size, at least 16 MiB.

    Data pack to a third or a twentieth of their size; a file made to fill the memory, to a thousandth.

    >>> most_unpacked(70_000), most_unpacked(10_000_000)
    (16777216, 1000000000)
    """
    return max(_MOST_TIMES * packed, _ALWAYS)


def display_name(path: str | bytes | os.PathLike[str]) -> str:
    """A path as messages show it: on one line, whatever is in it.

    >>> display_name("sales.csv"), display_name("two\\nlines.csv")
    ('sales.csv', "'two\\\\nlines.csv'")
    """
    text = os.fsdecode(path)
    return text if text and text.isprintable() else repr(text)


def read_content(path: str | bytes | os.PathLike[str]) -> bytes:
    """A file's bytes, unpacked if it is compressed with gzip; of a pipe, all that comes out of it.

    Raises:
        DataError: the file cannot be read, is damaged, is a device, or unpacks to more than :func:`most_unpacked`; the
            message names it and the remedy.
    """
    name = display_name(path)
    file = Path(os.fsdecode(path))
    try:
        is_device = file.is_char_device() or file.is_block_device()
        content = b"" if is_device else file.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{name}: there is no such file; check the path") from error
    except IsADirectoryError as error:
        raise DataError(f"{name}: this is a folder; give the file in it that holds the data") from error
    except PermissionError as error:
        raise DataError(f"{name}: permission to read is denied; change the file's permissions") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{name}: cannot be read ({reason}); check the path") from error
    if is_device:
        raise DataError(f"{name}: this is a device, which may never end; give a file or a pipe")
    return _unpack(content, name) if content.startswith(_GZIP) else content


def _unpack(content: bytes, name: str) -> bytes:
    most = most_unpacked(len(content))
    try:
        # Read as a stream: gzip.decompress knows no bound, and copies the rest of the file for each of its members.
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            unpacked = file.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name}: the gzip file is damaged or cut short; fetch or compress it again") from error
    if len(unpacked) > most:
        raise DataError(
            f"{name}: the gzip file unpacks to more than {most:,} bytes, far more than data do; if that is right, "
            "unpack it (gunzip) and give the file that results"
        )
    return unpacked
