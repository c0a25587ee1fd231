"""Columns of numbers as people write them: marks between the thousands, a decimal comma, units, signs of currencies.

One format is taken for a whole column: the one that all of its numbers fit. Where two fit and give other values, the
column is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from elman.data.notes import counted
from elman.data.number_shapes import IS_CURRENCY, Parts, TypedNumber, taken_apart, unmarked, without_blanks
from elman.data.number_units import check_bare, units_of
from elman.data.text import Unreadable, is_missing, parse_number, quote

_PLAIN = {
    ".": re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII),
    ",": re.compile(r"(?:\d+(?:,\d*)?|,\d+)(?:[eE][+-]?\d+)?", re.ASCII),
}
_GROUPED = {  # by the decimal mark; Indian groups have two digits before the last
    ".": re.compile(r"[1-9]\d{0,2}(?:,\d{2,3})*,\d{3}(?:\.\d*)?", re.ASCII),
    ",": re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d*)?", re.ASCII),
}
_ONE_GROUP = re.compile(r"[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
_OTHER = {".": ",", ",": "."}


class Numbers(NamedTuple):
    """The numbers of a column, NaN where one is missing, and what had to be taken off them, a line each."""

    values: list[float]
    repairs: tuple[str, ...] = ()


def read_numbers(
    texts: Sequence[str], *, decimal: str | None, delimiter: str, elsewhere: Callable[[], set[str]] = set
) -> Numbers:
    """The numbers of a column.

    Args:
        texts: its fields.
        decimal: the decimal mark, if it is known.
        delimiter: what separates the file's fields. Beside commas a decimal mark is the point unless the column or the
            others show the contrary; beside other delimiters it may as well be the comma.
        elsewhere: the decimal marks that other columns of the file show.

    Raises:
        Unreadable: a field is no number, or the column has two readings; it holds what :func:`unmarked` makes of the
            field.

    >>> read_numbers(["995", "1.019"], decimal=None, delimiter=";").values
    [995.0, 1019.0]
    >>> read_numbers(["$1,234.50", "($2)", "n/a"], decimal=None, delimiter=",").values
    [1234.5, -2.0, nan]
    """
    texts = [unmarked(text) if isinstance(text, TypedNumber) else text.strip() for text in texts]
    plain = [parse_number(text) for text in texts]
    if None not in plain and not _doubtful(texts, decimal, delimiter):
        return Numbers([number for number in plain if number is not None])

    counts = Counter(texts)
    values: dict[str, float] = {}
    parts: dict[str, Parts] = {}
    for text in counts:
        if is_missing(text) or text.lstrip("+-").lower() in ("inf", "infinity"):
            values[text] = parse_number(text) or 0.0
        elif (found := taken_apart(text)) is not None:
            parts[text] = found
        else:
            raise Unreadable(text, "is not a number; correct it, or leave it empty if the value is missing")
    units = units_of(parts, counts)
    bodies = {text: without_blanks(part.body) for text, part in parts.items()}
    readings = {mark: {text: _value(body, mark) for text, body in bodies.items()} for mark in ".,"}
    mark = _mark(parts, bodies, readings, decimal, delimiter, elsewhere)
    for text, number in readings[mark].items():
        assert number is not None, "the mark is one that all bodies fit"
        values[text] = (-number if parts[text].negative else number) * units.factors.get(text, 1.0)
    check_bare({text: values[text] for text in parts}, units)
    return Numbers([values[text] for text in texts], (*units.said, *_marks_said(parts, bodies, counts, mark, values)))


def loose_number(text: str) -> bool:
    """Whether a text alone could be a number: plain, with marks, a sign of a currency or of percent; but no unit."""
    if is_missing(text):
        return False
    found = taken_apart(text.strip())
    if found is None or (found.unit and not IS_CURRENCY.fullmatch(found.unit) and found.unit not in "%‰"):
        return False
    body = without_blanks(found.body)
    return any(_value(body, mark) is not None for mark in ".,")


def marks_shown(texts: Iterable[str]) -> set[str]:
    """The decimal mark that a column shows beyond doubt, if it does."""
    bodies = []
    for text in dict.fromkeys(text.strip() for text in texts if not isinstance(text, TypedNumber)):
        if not is_missing(text):
            if (part := taken_apart(text)) is None:
                return set()
            bodies.append(without_blanks(part.body))
    fits = {mark for mark in ".," if all(_value(body, mark) is not None for body in bodies)}
    return fits if len(fits) == 1 and any("." in body or "," in body for body in bodies) else set()


def _doubtful(texts: Sequence[str], decimal: str | None, delimiter: str) -> bool:
    """Whether plain numbers may be meant otherwise: every point stands before three last digits."""
    if decimal is not None:
        return decimal == "," and any("." in text for text in texts)
    some = False
    for text in texts:
        if "." in text and not is_missing(text):
            some = True
            if not _ONE_GROUP.fullmatch(text.strip().lstrip("+-")):
                return False
    return some


def _mark(
    parts: dict[str, Parts],
    bodies: dict[str, str],
    readings: dict[str, dict[str, float | None]],
    decimal: str | None,
    delimiter: str,
    elsewhere: Callable[[], set[str]],
) -> str:
    """The decimal mark that all numbers fit."""
    tried = ".," if decimal is None else decimal
    misfits = {mark: [text for text, value in readings[mark].items() if value is None] for mark in tried}
    fits = [mark for mark in tried if not misfits[mark]]
    if not fits:
        text = min(misfits.values(), key=len)[0]
        why = "does not fit the marks of the others; write all numbers of the column in one way"
        if decimal is not None:
            why = f"is not a number with the decimal mark {quote(decimal)}; correct it, or the choice of `decimal`"
        raise Unreadable(text, why)
    if len(fits) == 1:
        return fits[0]
    differing = {text: body for text, body in bodies.items() if readings["."][text] != readings[","][text]}
    if not differing:
        return fits[0]
    if (settled := _settled(list(bodies.values()), list(differing.values()), delimiter)) is not None:
        return settled
    if len(shown := elsewhere()) == 1:
        return shown.pop()
    money = any(part.money or IS_CURRENCY.fullmatch(part.unit) for part in parts.values())
    if delimiter == "," and (usual := _usual(list(bodies.values()), list(differing.values()), money)) is not None:
        return usual
    text = next(iter(differing))
    either = " or ".join(f"{readings[mark][text]:.15g}" for mark in ".,")
    raise Unreadable(text, f"may be {either}; say which mark is the decimal one (`decimal`)")


def _settled(bodies: list[str], differing: list[str], delimiter: str) -> str | None:
    """The decimal mark of numbers that all fit both: a single mark, before three last digits; None: both are possible.

    With marks between thousands only what is below 1000 has none; with three decimals always written, everything has
    the mark; with decimals written as needed, none ends in 0.
    """
    marks = {"." if "." in body else "," for body in differing}
    if len(marks) > 1:
        return None
    (mark,) = marks
    below, beyond, hundreds = _whole(bodies)
    ends_in_0 = any(body.endswith("0") for body in differing)
    if not beyond and below and (ends_in_0 or (hundreds and (delimiter != "," or mark == ","))):
        return _OTHER[mark]
    return None


def _usual(bodies: list[str], differing: list[str], money: bool) -> str | None:
    """The decimal mark where commas stand between columns, and neither the column nor the others settle it: a point.

    None: both are possible still. A point beside hundreds without one, and a comma beside thousands without one, may be
    either; so may a comma behind a single digit everywhere (a rate such as 1,051), unless they are sums of money or one
    ends in 0, which programs that write decimals as needed leave out.
    """
    if all("." in body for body in differing):
        _, beyond, hundreds = _whole(bodies)
        return None if hundreds and not beyond else "."
    if any("." in body for body in differing):
        return None
    below, beyond, _ = _whole(bodies)
    rates = not below and not money and not any(body.endswith("0") for body in differing)
    return None if beyond or (rates and all(body.index(",") == 1 for body in differing)) else "."


def _whole(bodies: list[str]) -> tuple[bool, bool, bool]:
    """Whether some numbers without marks, 0 aside, are below 1000, beyond it, and of three digits."""
    sizes = {len(body) for body in bodies if body.isdigit() and body.strip("0")}
    return any(size <= 3 for size in sizes), any(size > 3 for size in sizes), 3 in sizes


def _value(body: str, mark: str) -> float | None:
    if _PLAIN[mark].fullmatch(body):
        return float(body.replace(",", "."))
    if _GROUPED[mark].fullmatch(body):
        return float(body.replace(_OTHER[mark], "").replace(",", "."))
    return None


def _marks_said(
    parts: dict[str, Parts], bodies: dict[str, str], counts: Counter[str], mark: str, values: dict[str, float]
) -> list[str]:
    said = []
    grouped = [text for text, body in bodies.items() if body != parts[text].body or _OTHER[mark] in body]
    if grouped:
        n = sum(counts[text] for text in grouped)
        example = f"{quote(grouped[0])} is {values[grouped[0]]:.15g}"
        said.append(f"{counted(n, 'number')} with marks between the thousands ({example})")
    if accounting := [text for text, part in parts.items() if part.accounting]:
        n = sum(counts[text] for text in accounting)
        said.append(f"{counted(n, 'number')} in parentheses, read as negative")
    if no_cents := [text for text, part in parts.items() if part.no_cents]:
        n = sum(counts[text] for text in no_cents)
        example = f"{quote(no_cents[0])} is {values[no_cents[0]]:.15g}"
        said.append(f"{counted(n, 'number')} with a dash in place of decimals ({example})")
    return said
