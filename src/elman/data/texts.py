"""Texts of files, folders and standard input as numbers: code points, or bytes; read in pieces, whatever their size."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any
from weakref import WeakSet

import numpy as np

from elman.data.files import display_name, most_unpacked
from elman.errors import DataError, SettingsError

Array = np.ndarray
TOKENS = ("char", "bytes")
STDIN = "-"
SUFFIX = ".txt"
PIECE = 2**22  # bytes read at once
IN_MEMORY = 2**26  # a longer text lies in a temporary file
_GZIP = b"\x1f\x8b"
_taken: WeakSet[Any] = WeakSet()  # standard inputs that were read
_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


@dataclass(frozen=True)
class Text:
    """A text as numbers.

    Args:
        source: the file, or what the text is called in messages.
        tokens: what a number is: a character's code point (char), or a byte (bytes).
        codes: (N,) int32 code points or uint8 bytes; a long text's lie in a temporary file, which ends with it.
        notes: what was found while reading, a sentence each.
        validation_from, test_from: where a text begins that was given apart to choose the epoch, and one for the test;
            None: there is none.
        main_length: tokens without those of texts that were given apart; None: none were.

    >>> Text.of("ab\\n").codes.tolist()
    [97, 98, 10]
    """

    source: str
    tokens: str
    codes: Array = field(repr=False)
    notes: tuple[str, ...] = ()
    validation_from: int | None = None
    test_from: int | None = None
    main_length: int | None = None

    def __len__(self) -> int:
        return len(self.codes)

    @staticmethod
    def of(text: str | bytes, tokens: str = "char", source: str = "the text") -> Text:
        """A text that is in memory already.

        Raises:
            DataError: it is empty, or bytes that are not UTF-8.
        """
        content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
        return _gathered([(source, iter([content]))], tokens, source)

    def part(self, start: int, stop: int | None = None) -> Text:
        """From one token to another."""
        return Text(self.source, self.tokens, self.codes[start:stop])

    @property
    def own_length(self) -> int:
        """Tokens, without those of texts that were given apart."""
        return len(self) if self.main_length is None else self.main_length

    def with_test(self, other: Text) -> Text:
        """Both as one, of which ``other`` is the test.

        Raises:
            DataError: one is of characters, the other of bytes.
        """
        codes = self._with(other, len(self))
        return replace(self, codes=codes, test_from=len(self), main_length=self.own_length)

    def with_validation(self, other: Text, at: int) -> Text:
        """Both as one, of which ``other``, put in at ``at``, where the test begins, is to choose the epoch.

        Raises:
            DataError: one is of characters, the other of bytes.
        """
        codes, test_from = self._with(other, at), at + len(other)
        return replace(self, codes=codes, validation_from=at, test_from=test_from, main_length=self.own_length)

    def _with(self, other: Text, at: int) -> Array:
        if self.tokens != other.tokens:
            raise DataError(f"{other.source}: {other.tokens}, but {self.source} is read as {self.tokens}")
        whole, end = _store(len(self) + len(other), self.codes.dtype), at + len(other)
        whole[:at], whole[at:end], whole[end:] = self.codes[:at], other.codes, self.codes[at:]
        return whole

    def decoded(self) -> str:
        """As text; bytes that are no UTF-8 become �."""
        return text_of(self.codes, self.tokens)


def text_of(codes: Array, tokens: str) -> str:
    """Code points or bytes as text; bytes that are no UTF-8 become �.

    >>> text_of(np.array([104, 228]), "char"), text_of(np.array([195, 164]), "bytes")
    ('hä', 'ä')
    """
    if tokens == "bytes":
        return np.asarray(codes, np.uint8).tobytes().decode("utf-8", "replace")
    return np.asarray(codes, "<u4").tobytes().decode("utf-32-le", "replace")


def codes_of(text: str, tokens: str) -> Array:
    """The other way round; a surrogate that stands alone becomes a question mark.

    >>> codes_of("ä", "char").tolist(), codes_of("ä", "bytes").tolist()
    ([228], [195, 164])
    """
    if tokens == "bytes":
        return np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "replace"), "<u4").astype(np.int32)


def read_text(source: Any, tokens: str = "char") -> Text:
    """Reads a text.

    Args:
        source: the path of a UTF-8 file (optionally compressed with gzip); of a folder, whose files ``*.txt`` are read
            in the order of their names, those in folders below it too; ``"-"`` for standard input; several paths, one
            text after the other; a mapping with the text itself, ``{"text": "…"}``; or a :class:`Text`.
        tokens: char or bytes. Bytes may be those of any file.

    Raises:
        DataError: it cannot be read, is empty, or is no UTF-8; the message names the file, the line and the remedy.
        SettingsError: other ``tokens`` than these.

    >>> read_text({"text": "abc"}).codes.tolist()
    [97, 98, 99]
    """
    if tokens not in TOKENS:
        raise SettingsError(f"tokens is {tokens!r:.40}; choose one of: {', '.join(TOKENS)}")
    if isinstance(source, Text):
        if source.tokens != tokens:
            raise DataError(f"{source.source}: read as {source.tokens}, not as {tokens}; read it again")
        return source
    if isinstance(source, Mapping):
        given = source.get("text")
        if source.keys() != {"text"} or not isinstance(given, str | bytes):
            raise DataError("a text in memory is given as {'text': '…'}: one str or bytes under that name")
        return Text.of(given, tokens)
    paths = list(source) if isinstance(source, list | tuple) else [source]
    if not paths or not all(isinstance(path, str | os.PathLike) for path in paths):
        raise DataError(f"{source!r:.60} is no text; give a file's path, several, or {{'text': '…'}}")
    named = [os.fspath(path) for path in paths]
    if "" in named:
        raise DataError("'' is no path; give a file's, or a folder's")
    if named.count(STDIN) > 1:
        raise DataError(f"standard input ({STDIN}) is given twice; it can be read once")
    files = [file for path in named for file in _files_in(path)]
    shown = display_name(named[0]) if named[0] != STDIN else "standard input"
    name = shown if len(named) == 1 else f"{shown} and {len(named) - 1} more"
    found = _gathered([(_shown(file), _pieces(file)) for file in files], tokens, name)
    if len(files) > 1:
        return Text(name, tokens, found.codes, (f"{len(files)} files, one after the other", *found.notes))
    return found


def _shown(file: str) -> str:
    return "standard input" if file == STDIN else display_name(file)


def _files_in(path: str) -> list[str]:
    folder = Path(path)
    try:
        if path == STDIN or not folder.is_dir():
            return [path]
        files = sorted(str(file) for file in folder.rglob(f"*{SUFFIX}") if file.is_file())
    except (OSError, ValueError):  # said where it is opened
        return [path]
    if not files:
        raise DataError(f"{display_name(path)}: there is no {SUFFIX} file in this folder; give files by name")
    return files


def _gathered(files: Iterable[tuple[str, Iterator[bytes]]], tokens: str, name: str) -> Text:
    kind = np.dtype(np.uint8 if tokens == "bytes" else np.int32)
    parts = _Parts(kind)
    notes = []
    for shown, pieces in files:
        if tokens == "bytes":
            for piece in pieces:
                parts.add(np.frombuffer(piece, np.uint8))
            continue
        decoded = _Decoded(shown)
        for piece in pieces:
            parts.add(_points(decoded.more(piece)))
        parts.add(_points(decoded.more(b"", final=True)))
        if decoded.marked:
            notes.append(f"{shown}: its byte order mark is left out")
    codes = parts.whole()
    if not len(codes):
        raise DataError(f"{name}: the text is empty; give a file with text in it")
    return Text(name, tokens, codes, tuple(notes))


def _points(text: str) -> Array:
    return np.frombuffer(text.encode("utf-32-le"), "<u4").astype(np.int32)


class _Decoded:
    """UTF-8 in pieces; an error names the line."""

    def __init__(self, name: str) -> None:
        self._name, self._lines, self._first = name, 1, True
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.marked = False

    def more(self, piece: bytes, *, final: bool = False) -> str:
        if self._first and piece:
            self._first = False
            for mark, what in _MARKS.items():
                if piece.startswith(mark):
                    raise DataError(f"{self._name}: this is {what} text; save it as UTF-8")
            if piece.startswith(codecs.BOM_UTF8):
                self.marked, piece = True, piece[len(codecs.BOM_UTF8) :]
        pending = self._decoder.getstate()[0]
        try:
            text: str = self._decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            seen = (pending + piece)[: error.start]
            line = self._lines + seen.count(b"\n")
            byte = f"0x{(pending + piece)[error.start]:02x}"
            raise DataError(
                f"{self._name}, line {line}: byte {byte} is not UTF-8; save the file with the encoding UTF-8, or read "
                "it as bytes: `tokens` bytes"
            ) from error
        self._lines += piece.count(b"\n")
        return text


class _Parts:
    """Arrays one after the other; past :data:`IN_MEMORY` bytes in a file that has no name and ends with the process."""

    def __init__(self, kind: np.dtype[Any]) -> None:
        self._kind, self._parts, self._bytes = kind, list[Array](), 0
        self._file: IO[bytes] | None = None

    def add(self, part: Array) -> None:
        self._bytes += part.nbytes
        if self._file is None and self._bytes > IN_MEMORY:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed in whole)
            for earlier in self._parts:
                self._file.write(earlier.tobytes())
            self._parts.clear()
        if self._file is None:
            self._parts.append(part)
        else:
            self._file.write(part.tobytes())

    def whole(self) -> Array:
        if self._file is None:
            return np.concatenate([np.zeros(0, self._kind), *self._parts])
        with self._file:  # the mapping keeps it
            self._file.flush()
            return np.memmap(self._file, self._kind, "r+")


def _store(count: int, kind: np.dtype[Any]) -> Array:
    """Room for ``count`` numbers: in memory, or in a file where they are many."""
    if count * kind.itemsize <= IN_MEMORY:
        return np.empty(count, kind)
    with tempfile.TemporaryFile() as file:  # the mapping keeps it
        return np.memmap(file, kind, "w+", shape=(count,))


def recoded(codes: Array, table: Array, kind: np.dtype[Any]) -> Array:
    """``table[codes]`` as ``kind``, a piece at a time; where codes are many, in a temporary file.

    >>> recoded(np.array([1, 0, 1]), np.array([7, 9]), np.dtype("u1"))
    array([9, 7, 9], dtype=uint8)
    """
    found = _store(len(codes), kind)
    for start in range(0, len(codes), PIECE):
        found[start : start + PIECE] = table[codes[start : start + PIECE]]
    return found


def _pieces(path: str) -> Iterator[bytes]:
    """A file's bytes, unpacked if it is compressed with gzip."""
    name = _shown(path)
    try:
        if path == STDIN:
            if sys.stdin.buffer in _taken:
                raise DataError("standard input is given twice; it can be read once")
            _taken.add(sys.stdin.buffer)
            yield from _plain(sys.stdin.buffer, name)
            return
        file = Path(path)
        if file.is_char_device() or file.is_block_device():
            raise DataError(f"{name}: this is a device, which may never end; give a file or a pipe")
        with file.open("rb") as raw:
            yield from _plain(raw, name)
    except FileNotFoundError as error:
        raise DataError(f"{name}: there is no such file; check the path") from error
    except PermissionError as error:
        raise DataError(f"{name}: permission to read is denied; change the file's permissions") from error
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{name}: cannot be read ({reason}); check the path") from error


def _all_of(raw: IO[bytes]) -> Iterator[bytes]:
    while piece := raw.read(PIECE):
        yield piece


class _Whole(io.RawIOBase):
    """A stream of which the first piece was read already: a pipe cannot be opened again."""

    def __init__(self, first: bytes, rest: IO[bytes]) -> None:
        self._first, self._rest, self.taken = first, rest, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._first[: len(buffer)] or self._rest.read(len(buffer))
        self._first = self._first[len(piece) :]
        buffer[: len(piece)] = piece
        self.taken += len(piece)
        return len(piece)


def _plain(raw: IO[bytes], name: str) -> Iterator[bytes]:
    """What comes out of a stream, unpacked if it is compressed with gzip."""
    first = raw.read(PIECE)
    if first.startswith(_GZIP):
        yield from _unpacked(_Whole(first, raw), name)
        return
    yield first
    yield from _all_of(raw)


def _unpacked(raw: _Whole, name: str) -> Iterator[bytes]:
    taken = 0
    try:
        with io.BufferedReader(raw) as packed, gzip.GzipFile(fileobj=packed) as file:
            for piece in _all_of(file):  # type: ignore[arg-type]
                taken += len(piece)
                if taken > (most := most_unpacked(raw.taken)):
                    raise DataError(
                        f"{name}: the gzip file unpacks to more than {most:,} bytes, far more than texts do; if that "
                        "is right, unpack it (gunzip) and give the file that results"
                    )
                yield piece
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{name}: the gzip file is damaged or cut short; fetch or compress it again") from error


def shown_token(code: int, tokens: str) -> str:
    """A token in a table: the character where it can be printed, else its escape; a byte as its number.

    >>> shown_token(97, "char"), shown_token(10, "char"), shown_token(97, "bytes")
    ('a', '\\\\n', '97')
    """
    if tokens == "bytes":
        return str(code)
    with suppress(ValueError):
        letter = chr(code)
        return letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
    return "\ufffd"
