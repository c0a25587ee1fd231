"""Sentences in columns: what is read, what is refused."""

from __future__ import annotations

import pytest

from elman.data import read_tagged
from elman.data.tagged import parse_columns
from elman.errors import DataError


def test_columns_sentences_and_documents():
    text = "-DOCSTART- -X- O\n\nEU NNP B-ORG\r\nrejects VBZ O\n \t \nPeter NNP B-PER\n\n\n"
    found = parse_columns(text, "a")
    assert found.words == (("EU", "rejects"), ("Peter",)) and found.tags == (("B-ORG", "O"), ("B-PER",))
    assert found.notes == ("1 lines of -DOCSTART- are left out",)
    assert parse_columns(text, "a", tag_column=1).tags == (("NNP", "VBZ"), ("NNP",))
    assert parse_columns("O\tEU\n", "a", 1, 0).words == (("EU",),)
    assert parse_columns("New York\tB-LOC\n", "a").words == (("New York",),)  # with tabs, a word may hold a space
    assert parse_columns("a\u2028b O\n", "a").words == (("a\u2028b",),)
    alone = parse_columns("EU\nrejects\n", "a")
    assert alone.words == (("EU", "rejects"),) and alone.tags is None
    with pytest.raises(DataError, match="there are no tags, only one column; give a file that has both"):
        alone.known_tags()


BROKEN = {
    "missing": (None, "there is no such file; check the path"),
    "empty": (b"", "there are no words; give a file with a word and its tag on each line"),
    "white space": (b" \n\t\n\n", "there are no words"),
    "documents alone": (b"-DOCSTART- O\n\n", "there are no words"),
    "a column too few": (b"I O\nsleep\n", "line 2: 1 columns, but line 1 has 2; correct the line"),
    "a column too many": (b"I O\n\nsleep well O\n", "line 3: 3 columns, but line 1 has 2; correct the line"),
    "no tag": (b"I\tO\nsleep\t\n", "line 2: the tag is empty; fill it in, or delete the line"),
    "no word": (b"I\tO\n\tO\n", "line 2: the word is empty; fill it in, or delete the line"),
    "Latin-1": ("für O\n".encode("latin-1"), "line 1: byte 0xfc is not UTF-8"),
    "UTF-16": ("I O\n".encode("utf-16"), "this is UTF-16 text; save it as UTF-8"),
    "binary": (b"I O\n\0\0 O\n", "line 2: this is a binary file, not text"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files(name, tmp_path):
    content, said = BROKEN[name]
    path = tmp_path / "broken.conll"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        read_tagged(str(path))
    assert said in str(raised.value) and "broken.conll" in str(raised.value) and "\n" not in str(raised.value)


def test_columns_that_are_not_there():
    for given, said in (
        ((2, None), "2 columns, and `word_column` is 2; they are counted from 0"),
        ((1, None), "words and tags are both read from column 1; name two"),
    ):
        with pytest.raises(DataError, match=said):
            parse_columns("I O\n", "a", *given)
    without = parse_columns("I O\n", "a", 0, 2)  # enough to be told
    assert without.words == (("I",),)
    with pytest.raises(DataError, match="a: there are no tags, 2 columns, and `tag_column` is 2; give a file that has"):
        without.known_tags()


def test_documents_and_spaces_of_other_kinds():
    assert parse_columns("-DOCSTART-\n\nNew York\tB-LOC\n", "a").words == (("New York",),)
    assert parse_columns("-DOCSTART-foo O\n", "a").words == (("-DOCSTART-foo",),)
    assert parse_columns("\u00a0\tO\n", "a").words == parse_columns("\u00a0 O\n", "a").words == (("\u00a0",),)


def test_lists():
    words, tags = [["I", "eat"], ["Apple"]], [["O", "O"], ["B-org"]]
    assert read_tagged({"words": words, "tags": tags}).word_count == 3
    for source, said in (
        ({"words": words, "tags": tags[:1]}, "sentence 2"),
        ({"words": words, "tags": [["O"], ["B-org"]]}, "sentence 0"),
        ({"words": ["I eat"]}, "give it as a list of words"),
        ({"words": "I eat"}, "give a list of sentences"),
        ({"words": [[1]]}, "'1' is no text"),
        ({"words": [[]]}, "a sentence without any"),
        ({"text": words}, "given as words and tags"),
        (3, "holds no sentences"),
    ):
        with pytest.raises(DataError, match=said):
            read_tagged(source)
