"""Texts as numbers: every way to give one, every way to be refused."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import elman.data.stores as stores
import elman.data.texts as texts
from elman.data import Text, read_text
from elman.errors import DataError, SettingsError

MIXED = "naïve 漢字 🙂\u202e\x1b[31m\r\n\ttail"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.integers(1, 9))
def test_a_text_is_read_as_python_decodes_it(text, size):
    content = text.encode()
    pieces = iter([content[k : k + size] for k in range(0, len(content), size)])
    found = texts._gathered([("t", pieces)], "char", "t")
    expected = text.removeprefix("\ufeff")
    assert found.decoded() == expected
    assert Text.of(text, "bytes").decoded() == text


def test_files_folders_and_standard_input(tmp_path, monkeypatch):
    (tmp_path / "b.txt").write_text("second", "utf-8")
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + MIXED.encode())
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.txt").write_bytes(gzip.compress(b"third"))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    whole = read_text(tmp_path)
    assert whole.decoded() == MIXED + "second" + "third"
    assert whole.notes[0] == "3 files, one after the other" and "byte order mark is left out" in whole.notes[1]
    both = read_text([str(tmp_path / "b.txt"), str(tmp_path / "deep")])
    assert both.decoded() == "secondthird"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(MIXED.encode())))
    assert read_text("-").decoded() == MIXED
    assert read_text({"text": MIXED}).decoded() == read_text({"text": MIXED.encode()}).decoded() == MIXED
    assert read_text({"text": MIXED}, "bytes").codes.tolist() == list(MIXED.encode())
    assert read_text(whole) is whole


def test_a_long_text_lies_in_a_file_and_is_the_same(tmp_path, monkeypatch):
    content = "".join(chr(c) for c in np.random.default_rng(0).integers(32, 0x3000, 5000))
    (tmp_path / "a.txt").write_text(content, "utf-8")
    small = read_text(tmp_path / "a.txt")
    monkeypatch.setattr(stores, "IN_MEMORY", 3000)
    monkeypatch.setattr(stores, "PIECE", 1000)
    monkeypatch.setattr(texts, "PIECE", 1000)
    large = read_text(tmp_path / "a.txt")
    assert isinstance(large.codes, np.memmap) and not isinstance(small.codes, np.memmap)
    np.testing.assert_array_equal(large.codes, small.codes)
    table = np.arange(0x110000) % 251
    recoded = stores.recoded(large.codes, table, np.dtype("i4"))
    assert isinstance(recoded, np.memmap)
    np.testing.assert_array_equal(recoded, small.codes % 251)
    both = large.with_test(small).with_validation(small.part(0, 7), 5000)
    assert both.decoded() == content + content[:7] + content and both.own_length == 5000
    assert (both.validation_from, both.test_from) == (5000, 5007)


BROKEN = {
    "missing": (None, "there is no such file; check the path"),
    "empty": (b"", "the text is empty; give a file with text in it"),
    "a mark alone": (b"\xef\xbb\xbf", "the text is empty; give a file with text in it"),
    "Latin-1": ("eins\nzwei\nfünf".encode("latin-1"), "line 3: byte 0xfc is not UTF-8; save the file"),
    "cut in a character": ("漢字".encode()[:-1], "line 1: byte 0xe5 is not UTF-8"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0", "line 1: byte 0x89 is not UTF-8"),
    "UTF-16": ("text".encode("utf-16"), "this is UTF-16 text; save it as UTF-8"),
    "UTF-16, big": (b"\xfe\xff\0t\0e", "this is UTF-16 text; save it as UTF-8"),
    "surrogates": (b"a\xed\xa0\x80", "line 1: byte 0xed is not UTF-8"),
    "gzip, cut": (gzip.compress(b"text" * 100)[:-5], "the gzip file is damaged or cut short"),
    "gzip, damaged": (b"\x1f\x8b\x08\0" + b"\xff" * 30, "the gzip file is damaged or cut short"),
    "gzip, immense": (gzip.compress(bytes(2**25)), "far more than data do"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_texts(name, tmp_path):
    content, said = BROKEN[name]
    path = tmp_path / "broken.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        read_text(str(path))
    assert said in str(raised.value) and "broken.txt" in str(raised.value) and "\n" not in str(raised.value)


def test_what_is_no_text(tmp_path):
    (tmp_path / "folder").mkdir()
    for source, said in (
        (str(tmp_path / "folder"), "there is no .txt file in this folder"),
        (["-", "-"], "standard input (-) is given twice"),
        ([], "is no text; give a file's path"),
        (3, "is no text; give a file's path"),
        ({"words": "a"}, "a text in memory is given as"),
        ({"text": ""}, "the text is empty"),
        ("/dev/zero", "this is a device, which may never end"),
    ):
        with pytest.raises(DataError) as raised:
            read_text(source)
        assert said in str(raised.value)
    with pytest.raises(SettingsError, match="tokens is 'word'; choose one of: char, bytes"):
        read_text({"text": "a"}, "word")
    with pytest.raises(DataError, match="read as char, not as bytes"):
        read_text(Text.of("a"), "bytes")


def test_pipes_may_be_compressed(tmp_path, monkeypatch):
    packed = gzip.compress(MIXED.encode() * 1000)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(packed))
    writer.start()
    assert read_text(str(tmp_path / "pipe")).decoded() == MIXED * 1000
    writer.join()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(packed)))
    assert read_text("-").decoded() == MIXED * 1000
    with pytest.raises(DataError, match="standard input is given twice; it can be read once"):
        read_text("-")
