"""What stands before and behind the numbers of a column: currencies and units, which must be the same for all, and what
changes a number: thousands and millions, debits and credits."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from elman.data.notes import counted
from elman.data.number_shapes import IS_CURRENCY, Parts
from elman.data.text import Unreadable, quote

_TIMES = {
    **dict.fromkeys(("k", "K", "Tsd", "thousand"), 1e3),
    **dict.fromkeys(("M", "mn", "mln", "Mio", "million"), 1e6),
    **dict.fromkeys(("B", "bn", "bln", "Mrd", "billion"), 1e9),
    **dict.fromkeys(("T", "tn", "trillion"), 1e12),
}
_FAR = 100.0  # multiplied numbers further than that beyond all bare ones may be of another unit: 293 K beside 273
_MOST_BARE = 0.5  # a unit stands behind at least this share of the values, or is a slip of the pen


class Units(NamedTuple):
    """What the numbers of a column are multiplied by, and what is said of that.

    Args:
        factors: by the number's text; 1 where it is not in it.
        said: a line each.
        alone: the only multiplier of a column in which other numbers have none, else "".
    """

    factors: dict[str, float]
    said: list[str]
    alone: str = ""


def units_of(parts: dict[str, Parts], counts: Counter[str]) -> Units:
    """What currencies and units do to the numbers of a column.

    Raises:
        Unreadable: they are not the same for all, or leave open what is meant.
    """
    currencies = {
        text: [sign for sign in (part.money, part.unit) if sign and IS_CURRENCY.fullmatch(sign)]
        for text, part in parts.items()
    }
    for text, signs in currencies.items():
        if len(signs) > 1:
            raise Unreadable(text, "has two signs of currencies; correct it")
    money = {text: signs[0] for text, signs in currencies.items() if signs}
    with_unit = {text: part.unit for text, part in parts.items() if part.unit and part.unit not in currencies[text]}
    said: list[str] = []
    if money:
        sign = _same(money, "currencies")
        said.append(f"{_number_of(money, counts)} with the sign {quote(sign)}, read without it")
    found = _units(parts, with_unit, counts) if with_unit else Units({}, [])
    return found._replace(said=said + found.said)


def check_bare(values: dict[str, float], units: Units) -> None:
    """See that a multiplier that some numbers have fits those that have none: 950 beside 1.3K, not 273 beside 293 K.

    Args:
        values: the numbers, multiplied, by text.

    Raises:
        Unreadable: most that are multiplied lie far beyond all that are not, so that it may be a unit.
    """
    if not units.alone:
        return
    bare = {text: abs(value) for text, value in values.items() if value and text not in units.factors}
    multiplied = sorted((text for text in units.factors if values[text]), key=lambda text: abs(values[text]))
    usual = multiplied[len(multiplied) // 2] if multiplied else ""
    if usual and bare and abs(values[usual]) > _FAR * max(bare.values()):
        either = f"{values[usual]:.15g} or {values[usual] / units.factors[usual]:.15g}"
        raise Unreadable(
            usual,
            f"may be {either}, for {quote(max(bare, key=bare.__getitem__))} has no {quote(units.alone)}; write all "
            "numbers of the column in one way",
        )


def _units(parts: dict[str, Parts], with_unit: dict[str, str], counts: Counter[str]) -> Units:
    units = list(dict.fromkeys(with_unit.values()))
    said = _number_of(with_unit, counts)
    bare = [text for text, part in parts.items() if text not in with_unit and part.body.strip("0.,")]
    if signs := _debits(units):
        return _debited(parts, with_unit, signs, bare, counts)
    times = {unit: _TIMES.get(unit.rstrip(".")) for unit in units}
    if None not in times.values() and (len(units) > 1 or bare):
        factors = {text: factor for text, unit in with_unit.items() if (factor := times[unit]) is not None}
        names = " and ".join(map(quote, units))
        alone = units[0] if len(units) == 1 else ""
        return Units(factors, [f"{said} with {names}, multiplied by what they stand for"], alone)
    unit = _same(with_unit, "units")
    text = next(iter(with_unit))
    if unit in "%‰" and len(with_unit) < len(parts):
        other = next(text for text in parts if text not in with_unit)
        raise Unreadable(other, f"has no {unit}, as others have; write all numbers of the column in one way")
    if sum(counts[text] for text in with_unit) < _MOST_BARE * sum(counts[text] for text in parts):
        raise Unreadable(text, "is not a number; correct it, or leave it empty if the value is missing")
    return Units({}, [f"{said} with the unit {quote(unit)}, read without it"])


def _debits(units: list[str]) -> dict[str, float]:
    """The sign that each unit stands for if they are those of debits and credits, as banks write them; else nothing."""
    letters = {unit: unit.rstrip(".").upper() for unit in units}
    if set(letters.values()) <= {"CR", "DR"}:
        return {unit: -1.0 if letter == "DR" else 1.0 for unit, letter in letters.items()}
    if set(units) in ({"S", "H"}, {"D", "C"}):  # Soll and Haben, débito and crédito
        return {unit: -1.0 if unit in "SD" else 1.0 for unit in units}
    return {}


def _debited(
    parts: dict[str, Parts], with_unit: dict[str, str], signs: dict[str, float], bare: list[str], counts: Counter[str]
) -> Units:
    """Debits as negative numbers. What is bare beside debits is a credit; beside credits it may be either."""
    for text, unit in with_unit.items():
        if parts[text].negative:
            raise Unreadable(text, f"has a minus and {quote(unit)}; leave out one of them")
    if bare and 1.0 in signs.values():
        names = " or ".join(map(quote, signs))
        raise Unreadable(
            bare[0], f"may be a credit or a debit, for it has no {names}, as others have; write all with their sign"
        )
    said = []
    for unit, sign in signs.items():
        n = _number_of([text for text in with_unit if with_unit[text] == unit], counts)
        said.append(f"{n} with {quote(unit)}, read as {'negative: a debit' if sign < 0 else 'positive: a credit'}")
    return Units({text: signs[unit] for text, unit in with_unit.items()}, said)


def _same(found: dict[str, str], what: str) -> str:
    """The one that all have."""
    first = next(iter(found.values()))
    for text, other in found.items():
        if other != first:
            raise Unreadable(
                text, f"is in {quote(other)}, others are in {quote(first)}; convert them to one of these {what}"
            )
    return first


def _number_of(texts: dict[str, str] | list[str], counts: Counter[str]) -> str:
    return counted(sum(counts[text] for text in texts), "number")
