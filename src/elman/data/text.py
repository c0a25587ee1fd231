"""Texts of data files: parsing numbers and missing values, quoting for messages."""

from __future__ import annotations

MISSING = frozenset(
    {"", "na", "n/a", "n.a.", "nan", "-nan", "nat", "null", "none", "<na>", "-", "--", "—", "–", "?", ".", ".."}
    | {"...", "#n/a", "#na", "#value!", "#div/0!", "#ref!", "#name?", "#null!", "#num!"}
)


class Unreadable(ValueError):
    """A column that is not one of numbers, or of times.

    Args:
        text: the first field that is to blame.
        reason: what is wrong with it and what can be done: "is not a number; correct it".
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(reason)
        self.text, self.reason = text, reason


def is_missing(text: str) -> bool:
    """Whether a text stands for a value that is not there.

    >>> [is_missing(text) for text in ("", " NA ", "null", "0")]
    [True, True, True, False]
    """
    return text.strip().lower() in MISSING


def parse_number(text: str) -> float | None:
    """The number that a text is, NaN where it is a missing token, None where it is something else.

    >>> [parse_number(text) for text in ("1.5", " -2e3", "n/a", "1_000", "1,5", "abc")]
    [1.5, -2000.0, nan, None, None, None]
    """
    text = text.strip()  # float() strips fewer kinds of space
    try:
        number = float(text)
    except ValueError:
        return float("nan") if is_missing(text) else None
    # Python's own spellings of numbers are not the spellings of data files.
    return number if "_" not in text and text.isascii() and (number == number or is_missing(text)) else None


def quote(text: str) -> str:
    """A text as an error message shows it: in quotes, on one line, at most 40 characters.

    >>> quote("two\\nlines")
    "'two\\\\nlines'"
    """
    return repr(text if len(text) <= 40 else text[:37] + "...")
