"""What a reader did to a source besides reading it, a line each, with counts."""

from __future__ import annotations

from collections.abc import Iterator

from elman.errors import DataError


class Notes:
    """Lines in the order in which they were added, each once.

    >>> notes = Notes()
    >>> notes.repaired("left out 1 line at the end")
    >>> notes.repaired("left out 1 line at the end")
    >>> list(notes)
    ['left out 1 line at the end']
    >>> notes.refuse("sales.csv")
    Traceback (most recent call last):
    ...
    elman.errors.DataError: sales.csv: left out 1 line at the end; correct the file, or read it without `strict`
    """

    def __init__(self) -> None:
        self._lines: dict[str, bool] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def read(self, text: str) -> None:
        """Add how something was read, where it could have been written otherwise."""
        self._lines.setdefault(text, False)

    def repaired(self, text: str) -> None:
        """Add what had to be changed or left out."""
        self._lines[text] = True

    def refuse(self, source: str) -> None:
        """Refuse what had to be repaired.

        Raises:
            DataError: something was; the message names the first of it.
        """
        for text, is_repair in self._lines.items():
            if is_repair:
                raise DataError(f"{source}: {text}; correct the file, or read it without `strict`")


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "line"), counted(3, "line"), counted(2, "copy", "copies")
    ('1 line', '3 lines', '2 copies')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
