"""CSV files into tables, by the standard library's ``csv`` everywhere: every installation reads the same numbers."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise

from elman.data.encodings import decode
from elman.data.layout import SAMPLE, Record, table_of, titles
from elman.data.notes import Notes
from elman.data.options import TableOptions
from elman.data.table import Table
from elman.data.text import is_missing, quote
from elman.errors import DataError

__all__ = ["decode", "parse_csv"]

DELIMITERS = ";\t|,"  # a comma comes last, for it may also stand in numbers and words
_BLANKS = re.compile(r"[1-9]\d{0,2}(?: \d{3})+", re.ASCII)
_SAID = re.compile(r'\s*"?sep=(?P<delimiter>[;,|\t])"?[ \t]*(?=\r|\n|$)', re.IGNORECASE)


def parse_csv(
    text: str,
    name: str,
    *,
    has_header: bool | None = None,
    options: TableOptions | None = None,
    notes: Notes | None = None,
) -> Table:
    """The table that a CSV file's text holds.

    The delimiter is found from the first records, if no line ``sep=;`` says it. A first row of data is no header: the
    columns are then counted from 0. Blank lines before the first row and after the last are passed over; in a file of
    one column a blank line between others is a missing value.

    Args:
        text: the whole file.
        name: what messages call it.
        has_header: whether the first row names the columns; None: as ``options`` say, or found by what stands there.
        options: how the file is to be read.
        notes: takes what had to be repaired.

    Raises:
        DataError: there are no rows, rows differ in width, quotes are broken, two columns have one name, or blanks may
            separate columns or thousands.

    >>> parse_csv("day;load\\n2020-01-01;1,5\\n2020-01-02;2\\n", "load.csv").numbers("load")
    array([1.5, 2. ])
    """
    options, notes = options or TableOptions(), notes or Notes()
    if has_header is None and options.header is not None:
        has_header = options.header == "yes"
    if said := _SAID.match(text):
        delimiter, text = said["delimiter"], "\n" * text[: said.end()].count("\n") + text[said.end() :]
        notes.repaired(f"passed over the line that names the delimiter, {delimiter!r}")
    else:
        delimiter = _delimiter(text)
    table = table_of(
        _records(text, delimiter, name),
        name,
        delimiter=delimiter,
        decimal=options.decimal,
        header=has_header,
        notes=notes,
    )
    if len(table.columns) == 1 and '"' not in text:
        _check_blanks(table)
    return table


def _check_blanks(table: Table) -> None:
    """Refuse a file of one column whose blanks may stand between columns as well as between thousands.

    They may if all numbers have as many, and the header does too, or what stands before the first counts the rows. A 0
    behind a blank (``1 050``) shows thousands.
    """
    ((name, column),) = table.columns.items()
    texts = [text.strip() for text in column if not is_missing(text)]
    if len(texts) < 3 or not all(map(_BLANKS.fullmatch, texts)):
        return
    groups = [text.split(" ") for text in texts]
    if len({len(words) for words in groups}) > 1 or any(word[0] == "0" for words in groups for word in words[1:]):
        return
    steps = {int(after[0]) - int(before[0]) for before, after in pairwise(groups)}
    named = not table.unnamed and len(name.split()) == len(groups[0])
    if named or (len(steps) == 1 and steps.pop() > 0):
        row = list(column).index(next(text for text in column if not is_missing(text)))
        raise DataError(
            f"{table.place(row)}: {quote(texts[0])} may be one number or {len(groups[0])} columns; put commas between "
            "columns, or take the blanks out of the numbers"
        )


def _records(text: str, delimiter: str, name: str) -> Iterator[Record]:
    """The records from the first that is no blank line on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    begun = False
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = str(error).replace("\t", "\\t")
            raise DataError(
                f"{name}, line {line}: the quotes or fields are broken ({reason}); correct the line"
            ) from error
        begun = begun or bool(fields)
        if begun:
            yield line, fields


def _delimiter(text: str) -> str:
    """The delimiter that cuts the first records into equally many fields, more than one.

    If none does, the one that does so below lines of titles, or that cuts most records so; else the one that cuts the
    header most, so that the complaint about the uneven line names the right one.
    """
    heads: dict[str, list[Record]] = {}
    for delimiter in DELIMITERS:
        heads[delimiter] = []
        try:
            for record in islice(_records(text, delimiter, ""), SAMPLE):
                heads[delimiter].append(record)
        except DataError:
            continue  # said when the records are read in earnest
    widths = {delimiter: [len(fields) for _, fields in head if fields] for delimiter, head in heads.items()}
    even = [delimiter for delimiter, found in widths.items() if len(set(found)) == 1 and found[0] > 1]
    if even:
        return even[0]
    shares = {delimiter: _share(found) for delimiter, found in widths.items()}
    if mostly := [delimiter for delimiter, head in heads.items() if shares[delimiter] > 0.5 or titles(head)]:
        return max(mostly, key=lambda delimiter: shares[delimiter])
    return max(",;\t|", key=lambda delimiter: widths[delimiter][:1] or [0])


def _share(widths: list[int]) -> float:
    """The share of records of the most common width, 0 if that is 1."""
    if not widths:
        return 0.0
    width, count = Counter(widths).most_common(1)[0]
    return count / len(widths) if width > 1 else 0.0
