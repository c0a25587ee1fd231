"""One number as people write it, taken apart: its sign, its digits with their marks, what stands before and behind."""

from __future__ import annotations

import re
from typing import NamedTuple

_CURRENCY = (
    r"[$€£¥₹₽₩₪₺₫฿₴₦]|(?:US|A|C|NZ|HK|S|R)\$|Rs\.?|kr\.?|zł|Kč|Fr\.|Ft|USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|"
    r"DKK|PLN|CZK|HUF|RUB|BRL|MXN|ZAR|TRY|KRW|SGD|HKD"
)
_SPACES = " \u00a0\u2009\u202f"
_BETWEEN = re.compile(f"[{_SPACES}'’]")
_GROUPED_BY_SPACE = rf"[1-9]\d{{0,2}}(?:[{_SPACES}'’]\d{{3}})+(?:[.,]\d*)?"
_SHAPE = re.compile(
    rf"(?P<open>\(\s*)?(?P<sign>[-+−–])?[{_SPACES}]*(?:(?P<money>{_CURRENCY})[{_SPACES}]*)?(?P<inner>[-+−–])?"
    rf"(?P<body>(?:{_GROUPED_BY_SPACE}|[\d.,]*\d[\d.,]*)(?:[eE][+-]?\d+)?)"
    r"(?P<no_cents>(?<=[.,])(?:--|[-–—−]))?"
    rf"(?:[{_SPACES}]?(?P<unit>{_CURRENCY}|%|‰|[A-Za-zµμ°Ω][A-Za-z\dµμ°Ω²³/·.]{{0,11}}))?"
    r"(?P<trailing>-)?(?P<close>\s*\))?",
    re.ASCII,
)
IS_CURRENCY = re.compile(_CURRENCY)
_MARKED = re.compile(r"(-?\d+)\.(\d+)(?:[eE]([+-]?\d+))?", re.ASCII)


class TypedNumber(str):
    """The text of what its source holds as a number, as the cells of a workbook do: a point is the decimal mark in it,
    whatever the texts beside it show, or an option says of them."""


def unmarked(text: str) -> str:
    """A text without blanks around it; a typed number without its mark, so that it is the same with either mark.

    >>> unmarked(TypedNumber("1.051")), unmarked(" 1.051")
    ('1051e-3', '1.051')
    """
    found = _MARKED.fullmatch(text) if isinstance(text, TypedNumber) else None
    return text.strip() if found is None else f"{found[1]}{found[2]}e{int(found[3] or 0) - len(found[2])}"


class Parts(NamedTuple):
    """A number's parts: ``accounting`` if it is negative by parentheses, ``no_cents`` if a dash stands for its decimals
    (``102,-``)."""

    negative: bool
    body: str
    money: str
    unit: str
    accounting: bool
    no_cents: bool


def taken_apart(text: str) -> Parts | None:
    """The parts of a number, None if it is none.

    >>> taken_apart("-$1,234.50")
    Parts(negative=True, body='1,234.50', money='$', unit='', accounting=False, no_cents=False)
    """
    if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    elif len(text) > 3 and text.startswith('="') and text.endswith('"'):  # how a spreadsheet keeps a number as text
        text = text[2:-1].strip()
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    signs = [sign for sign in (found["sign"], found["inner"], found["trailing"]) if sign]
    accounting = found["open"] is not None
    if accounting != (found["close"] is not None) or len(signs) + accounting > 1:
        return None
    negative, no_cents = accounting or any(s != "+" for s in signs), found["no_cents"] is not None
    return Parts(negative, found["body"], found["money"] or "", found["unit"] or "", accounting, no_cents)


def without_blanks(body: str) -> str:
    """Digits and their marks without what is no point and no comma between the thousands."""
    return _BETWEEN.sub("", body)
