"""What stands before and behind the numbers of a column: currencies and units, which must be the same for all."""

from __future__ import annotations

from collections import Counter

from elman.data.notes import counted
from elman.data.number_shapes import IS_CURRENCY, Parts
from elman.data.text import Unreadable, quote

_TIMES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "bn": 1e9, "T": 1e12}
_MOST_BARE = 0.5  # a unit stands behind at least this share of the values, or is a slip of the pen


def units_of(parts: dict[str, Parts], counts: Counter[str]) -> tuple[dict[str, float], list[str]]:
    """What each value is multiplied by, and what is said of signs and units; they must be the same for all."""
    factors: dict[str, float] = {}
    said: list[str] = []
    money: dict[str, str] = {}
    units: dict[str, str] = {}
    n = sum(counts[text] for text in parts)
    for text, part in parts.items():
        signs = [sign for sign in (part.money, part.unit) if sign and IS_CURRENCY.fullmatch(sign)]
        if len(signs) > 1:
            raise Unreadable(text, "has two signs of currencies; correct it")
        if signs:
            money.setdefault(signs[0], text)
        if part.unit and part.unit not in signs:
            units.setdefault(part.unit, text)
    for what, found in (("currencies", money), ("units", units)):
        if len(found) > 1 and not (found is units and found.keys() <= _TIMES.keys()):
            (one, _), (other, text) = list(found.items())[:2]
            raise Unreadable(
                text, f"is in {quote(other)}, others are in {quote(one)}; convert them to one of these {what}"
            )
    if money:
        (sign,) = money
        count = sum(counts[text] for text, part in parts.items() if sign in (part.money, part.unit))
        said.append(f"{counted(count, 'number')} with the sign {quote(sign)}, read without it")
    with_unit = {text: part.unit for text, part in parts.items() if part.unit in units}
    count = sum(counts[text] for text in with_unit)
    if len(units) > 1:
        factors = {text: _TIMES[unit] for text, unit in with_unit.items()}
        said.append(
            f"{counted(count, 'number')} with {' and '.join(map(quote, units))}, multiplied by what they stand for"
        )
    elif units:
        ((unit, text),) = units.items()
        if unit in "%‰" and count < n:
            other = next(text for text, part in parts.items() if part.unit != unit)
            raise Unreadable(other, f"has no {unit}, as others have; write all numbers of the column in one way")
        if count < _MOST_BARE * n:
            raise Unreadable(text, "is not a number; correct it, or leave it empty if the value is missing")
        said.append(f"{counted(count, 'number')} with the unit {quote(unit)}, read without it")
    return factors, said
