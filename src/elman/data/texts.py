"""Texts of files, folders and standard input as numbers: code points, or bytes; read in pieces, whatever their size."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any
from weakref import WeakSet

import numpy as np

from elman.data.files import GZIP, PIECE, check_no_device, display_name, readable, unpacked
from elman.data.stores import Parts, store
from elman.errors import DataError, SettingsError

Array = np.ndarray
TOKENS = ("char", "bytes")
STDIN = "-"
SUFFIX = ".txt"
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
        whole, end = store(len(self) + len(other), self.codes.dtype), at + len(other)
        whole[:at], whole[at:end], whole[end:] = self.codes[:at], other.codes, self.codes[at:]
        return whole

    def decoded(self) -> str:
        """As text; bytes that are no UTF-8 become �."""
        if self.tokens == "bytes":
            return self.codes.tobytes().decode("utf-8", "replace")
        return self.codes.astype("<u4").tobytes().decode("utf-32-le", "replace")


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
    parts = Parts(kind)
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


def _pieces(path: str) -> Iterator[bytes]:
    """A file's bytes, unpacked if it is compressed with gzip."""
    name = _shown(path)
    with readable(name):
        if path == STDIN:
            if sys.stdin.buffer in _taken:
                raise DataError("standard input is given twice; it can be read once")
            _taken.add(sys.stdin.buffer)
            yield from _plain(sys.stdin.buffer, name, 0)
            return
        check_no_device(Path(path), name)
        with Path(path).open("rb") as raw:
            yield from _plain(raw, name, os.fstat(raw.fileno()).st_size)


def _plain(raw: IO[bytes], name: str, size: int) -> Iterator[bytes]:
    first = raw.read(PIECE)
    if first.startswith(GZIP):
        yield from unpacked(_Whole(first, raw), name, size)
        return
    yield first
    while piece := raw.read(PIECE):
        yield piece


class _Whole(io.BytesIO):
    """A stream of which the first piece was read already: a pipe cannot be opened again."""

    def __init__(self, first: bytes, rest: IO[bytes]) -> None:
        super().__init__(first)
        self._rest = rest

    def read(self, size: int | None = -1) -> bytes:
        return super().read(size) or self._rest.read(-1 if size is None else size)
