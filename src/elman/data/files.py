"""Files into bytes: unpacked where they are packed, and every way to fail said in one line."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from elman.errors import DataError

GZIP = b"\x1f\x8b"
PIECE = 2**22  # bytes read at once
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
    with readable(name):
        check_no_device(file, name)
        content = file.read_bytes()
    if not content.startswith(GZIP):
        return content
    return b"".join(unpacked(io.BytesIO(content), name, len(content)))


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Whatever keeps a file from being read, as a :class:`DataError` that names it and the remedy."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{name}: there is no such file; check the path") from error
    except IsADirectoryError as error:
        raise DataError(f"{name}: this is a folder; give the file in it that holds the data") from error
    except PermissionError as error:
        raise DataError(f"{name}: permission to read is denied; change the file's permissions") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{name}: cannot be read ({reason}); check the path") from error


def check_no_device(file: Path, name: str) -> None:
    """Check that a file has an end.

    Raises:
        DataError: it is a device.
    """
    if file.is_char_device() or file.is_block_device():
        raise DataError(f"{name}: this is a device, which may never end; give a file or a pipe")


def unpacked(packed: IO[bytes], name: str, size: int = 0) -> Iterator[bytes]:
    """What is in a stream of gzip, a piece at a time.

    Args:
        size: bytes of the stream; 0 for what is not known, as of a pipe.

    Raises:
        DataError: it is damaged, or unpacks to more than :func:`most_unpacked` of what was read of it, or of its size.
    """
    counted, taken = _Counted(packed), 0
    try:
        # a stream: gzip.decompress knows no bound, and copies the rest of the file for each of its members
        with io.BufferedReader(counted) as stream, gzip.GzipFile(fileobj=stream) as file:
            while piece := file.read(PIECE):
                taken += len(piece)
                if taken > (most := most_unpacked(max(size, counted.taken))):
                    raise DataError(
                        f"{name}: the gzip file unpacks to more than {most:,} bytes, far more than data do; if that is "
                        "right, unpack it (gunzip) and give the file that results"
                    )
                yield piece
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{name}: the gzip file is damaged or cut short; fetch or compress it again") from error


class _Counted(io.RawIOBase):
    """A stream that knows how much was read of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.taken = stream, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._stream.read(len(buffer))
        buffer[: len(piece)] = piece
        self.taken += len(piece)
        return len(piece)
