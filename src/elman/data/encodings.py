"""The text of a file of bytes."""

from __future__ import annotations

import re

from elman.data.notes import Notes
from elman.errors import DataError

_BINARY = {
    b"\x89PNG": "a PNG picture; give {wanted}",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save it as .xlsx or CSV",
    b"PK\x03\x04": "a zip archive or a damaged Excel workbook; give the file in it, or save it anew",
    b"%PDF": "a PDF document; give {wanted}",
}
_BOMS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_NAMES = {"utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1252": "Windows-1252", "latin-1": "Latin-1"}
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1b\x7f]")  # in no text of one byte a letter
_END_IN_DOS = b"\x1a"
_SAMPLE = 4096


def decode(content: bytes, name: str, wanted: str = "a CSV or Parquet file") -> str:
    """The text of a file, which must be UTF-8, with or without a byte order mark.

    Raises:
        DataError: it is a binary file, or text of another encoding.
    """
    for bom in _BOMS:
        if content.startswith(bom):
            raise DataError(f"{name}: this is UTF-16 text; save it as UTF-8")
    _check_no_binary(content, name, wanted)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_utf8(content, name, error.start) from error


def decode_table(content: bytes, name: str, notes: Notes) -> str:
    """The text of a file of numbers and names: UTF-8, else UTF-16, Windows-1252 or Latin-1, which is noted.

    Numbers and times are the same in all encodings of one byte; only names may come out otherwise. A Ctrl-Z at the end,
    by which DOS marked it, is left out.

    Raises:
        DataError: it is a binary file.
    """
    for bom, encoding in _BOMS.items():
        if content.startswith(bom):
            return _decoded(content[2:], name, encoding, notes)
    if encoding := _half_empty(content):
        return _decoded(content, name, encoding, notes)
    _check_no_binary(content, name, "a CSV or Parquet file")
    if content.rstrip().endswith(_END_IN_DOS):
        content = content.rstrip().rstrip(_END_IN_DOS)
        notes.repaired("left out the mark at the end of the file (Ctrl-Z)")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if _CONTROL.search(content):
            raise _no_utf8(content, name, error.start) from error
        try:
            text, encoding = content.decode("cp1252"), "cp1252"
        except UnicodeDecodeError:
            text, encoding = content.decode("latin-1"), "latin-1"
        line, byte = _line_and_byte(content, error.start)
        notes.repaired(f"read as {_NAMES[encoding]}, since byte {byte} in line {line} is not UTF-8")
        return text


def _no_utf8(content: bytes, name: str, at: int) -> DataError:
    line, byte = _line_and_byte(content, at)
    return DataError(f"{name}, line {line}: byte {byte} is not UTF-8; save the file with the encoding UTF-8")


def _line_and_byte(content: bytes, at: int) -> tuple[int, str]:
    return content[:at].count(b"\n") + 1, f"0x{content[at]:02x}"


def _half_empty(content: bytes) -> str:
    """The encoding of text whose every other byte is 0, "" for any other."""
    sample = content[:_SAMPLE]
    if len(sample) < 4 or len(content) % 2:
        return ""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    most = len(sample) // 2 * 0.9
    return "utf-16-le" if odd >= most and not even else "utf-16-be" if even >= most and not odd else ""


def _decoded(content: bytes, name: str, encoding: str, notes: Notes) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: the UTF-16 text is damaged or cut short; save the file as UTF-8") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(f"{name}, line {line}: this is a binary file, not text; give a CSV or Parquet file")
    notes.repaired(f"read as {_NAMES[encoding]}")
    return text


def _check_no_binary(content: bytes, name: str, wanted: str) -> None:
    for magic, what in _BINARY.items():
        if content.startswith(magic):
            raise DataError(f"{name}: this is {what.format(wanted=wanted)}")
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise DataError(f"{name}, line {line}: this is a binary file, not text; give {wanted}")
