"""The forms in which times are written, and which of them a whole column is in.

A form is found for the dates and one for the clocks, each from all the different texts of a column: 12/31/1990 settles
what 1/2/1981 means. Where two forms fit and give other times, the column is refused.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from elman.data.text import Unreadable, quote
from elman.data.time_clocks import cut, cut_all, join, parse_clock
from elman.data.time_styles import MONTHS, WEEKDAYS

_PARTS = {
    "Y": r"(?P<Y>\d{4})",
    "YY": r"(?P<Y>[12]\d{3})",
    "y": r"(?P<y>\d{2})",
    "m": r"(?P<m>\d{1,2})",
    "mm": r"(?P<m>\d{2})",
    "d": r"(?P<d>\d{1,2})",
    "dd": r"(?P<d>\d{2})",
    "b": r"(?P<b>[A-Za-z]{3,9})",
    "q": r"(?P<q>[1-4])",
    "w": r"(?P<w>\d{1,2})",
    "u": r"(?P<u>[1-7])",
}
_TEMPLATES = (
    *(f"{{Y}}{s}{{m}}{s}{{d}}" for s in "-/."),
    *(order.replace(" ", s) for s in "-/" for order in ("{d} {m} {Y}", "{m} {d} {Y}", "{d} {m} {y}", "{m} {d} {y}")),
    *("{d}.{m}.{Y}", "{d}.{m}.{y}", "{y}-{m}-{d}", "{y}/{m}/{d}", "{Y}{mm}{dd}", "{dd}{mm}{YY}", "{mm}{dd}{YY}"),
    *("{d} {b} {Y}", "{d}-{b}-{Y}", "{d}/{b}/{Y}", "{d}.{b}.{Y}", "{d}. {b} {Y}", "{d}{b}{Y}", "{d} {b}, {Y}"),
    *("{d}-{b}-{y}", "{d} {b} {y}", "{d}/{b}/{y}", "{d}{b}{y}"),
    *("{b} {d}, {Y}", "{b} {d} {Y}", "{b}-{d}-{Y}", "{b}. {d}, {Y}", "{Y}-{b}-{d}", "{Y} {b} {d}", "{Y}/{b}/{d}"),
    *("{Y}-{m}", "{Y}/{m}", "{Y}.{mm}", "{m}/{Y}", "{m}-{Y}", "{m}.{Y}", "{Y}{mm}", "{Y}M{m}", "{Y}-M{m}", "{Y}:{mm}"),
    *("{b} {Y}", "{b}-{Y}", "{b}/{Y}", "{b}, {Y}", "{b}. {Y}", "{b}{Y}", "{b}_{Y}", "{b}.{Y}"),
    *("{b}-{y}", "{b} {y}", "{b} '{y}", "{b}/{y}", "{b}{y}"),
    *("{Y}-{b}", "{Y} {b}", "{Y}/{b}", "{Y}{b}", "{Y}_{b}"),
    *("{Y}Q{q}", "{Y}-Q{q}", "{Y} Q{q}", "{Y}:Q{q}", "{Y}.Q{q}", "{Y}/Q{q}", "{Y}_Q{q}"),
    *("Q{q} {Y}", "Q{q}-{Y}", "Q{q}/{Y}", "Q{q}{Y}", "Q{q}, {Y}", "{q}Q{Y}", "{q}Q {Y}", "{q}Q-{Y}"),
    *("Q{q} {y}", "Q{q}-{y}", "Q{q}'{y}", "Q{q}/{y}", "{q}Q{y}"),
    *("{Y}-W{w}", "{Y}W{w}", "{Y} W{w}", "{Y}-W{w}-{u}", "{Y}W{w}{u}", "W{w} {Y}", "W{w}-{Y}", "W{w}/{Y}", "{Y}/W{w}"),
    *("{Y} week {w}", "week {w} {Y}", "week {w}, {Y}", "{Y}"),
)
_EPOCH = date(1970, 1, 1).toordinal()
_MONTH_OF = {name[:n].lower(): k + 1 for k, name in enumerate(MONTHS) for n in (3, len(name))} | {"sept": 9}
_WEEKDAY = re.compile(
    rf"(?P<name>(?:{'|'.join(name[:3] for name in WEEKDAYS)})[a-z]*)(?P<gap>\.?,? +)", re.I | re.ASCII
)
_FULL_WEEKDAYS = frozenset(name.lower() for name in WEEKDAYS)
_DIGITS = re.compile(r"\d+(?:\.0+)?", re.ASCII)
_FLAGS = re.ASCII | re.IGNORECASE
_DAY = 86_400
_FORM = "write all times in one form, or give `time_format`"
_REMEDY = "write ISO dates (2020-01-31, or 2020-01-31 13:00), or give `time_format`"


@dataclass(frozen=True)
class Form:
    """A form of dates: its template, and the pattern made of it."""

    template: str
    pattern: re.Pattern[str]

    @property
    def day_first(self) -> bool | None:
        """Whether the day stands before the month; None where that cannot be mistaken."""
        names = re.findall(r"{(\w)", self.template)
        if names[0] not in "dm" or names[-1] not in "Yy" or len(names) < 3 or "b" in names or "." in self.template:
            return None  # with points the day comes first everywhere
        return bool(names[0] == "d")

    @property
    def has_day(self) -> bool:
        """Whether it names a day, behind which a time of day may stand."""
        return any(part in self.template for part in ("{d}", "{dd}", "{u}"))

    def day(self, text: str) -> int | None:
        """The day that a text names, counted from 1970; None if it is not in this form."""
        found = self.pattern.fullmatch(text)
        return None if found is None else _day(found.groupdict())

    def style(self, texts: Sequence[str]) -> str:
        """How dates are written that are all in this form."""
        groups = [found.groupdict() for text in texts if (found := self.pattern.fullmatch(text))]
        style = self.template.replace("mm", "m").replace("dd", "d").replace("YY", "Y")
        for name in "mdw":
            if f"{{{name}}}" in style:
                written = [group[name] for group in groups]
                bare = not any(w.startswith("0") for w in written) and any(len(w) == 1 for w in written)
                style = style.replace(f"{{{name}}}", ("%-" if bare else "%") + {"w": "V"}.get(name, name))
        if "{b}" in style:
            names = [group["b"] for group in groups]
            letter = "B" if any(len(name) > 4 for name in names) else "b"
            case = "^" if all(map(str.isupper, names)) else "~" if all(map(str.islower, names)) else ""
            style = style.replace("{b}", f"%{case}{letter}")
        if "%V" in style or "%-V" in style:
            style = style.replace("{Y}", "%G")
        style = re.sub(r"{(\w)}", r"%\1", style)
        for letter in "QWM":
            if letter in self.template and texts and letter not in texts[0]:
                style = re.sub(rf"(?<!%){letter}", letter.lower(), style)
        return style


@dataclass(frozen=True)
class Settled:
    """A column's times: seconds from 1970 by text, their style, and whether the day comes first where that was open."""

    seconds: dict[str, int]
    style: str
    day_first: bool | None = None


def settle(texts: Sequence[str], day_first: bool | None = None) -> Settled:
    """The times that different texts name, all in one form.

    Raises:
        Unreadable: one is no time, they are in several forms, or two forms fit and give other times.

    >>> found = settle(["1/2/1981", "12/31/1990"])
    >>> found.style, found.seconds["1/2/1981"] // 86400
    ('%-m/%-d/%Y', 4019)
    """
    if all(map(_DIGITS.fullmatch, texts)):
        return _of_digits(texts, day_first)
    pieces = cut_all(texts)
    with_clock = any(piece.clock for piece in pieces)
    days, style, order = _dates(texts, [piece.date for piece in pieces], day_first, with_clock)
    if not with_clock:
        return Settled({text: _DAY * days[piece.date] for text, piece in zip(texts, pieces, strict=True)}, style, order)
    return Settled(*join(texts, pieces, days, style), order)


def is_time(text: str) -> bool:
    """Whether a text alone is a time in some form, and no number.

    >>> [is_time(text) for text in ("03/04/2020", "Q1 2005", "2020", "March")]
    [True, True, False, False]
    """
    text = text.strip()
    if len(text) > 40 or not text.isascii() or not any(map(str.isdigit, text)) or _DIGITS.fullmatch(text):
        return False
    found = cut(text)
    if re.fullmatch(r"\d+\.\d+", found.date) or (found.clock and parse_clock(found.clock) is None):
        return False
    _, dates = _without_weekdays([found.date])
    if _any_form().fullmatch(dates[0]) is None:  # most words of a header; the forms one by one take ten times as long
        return False
    return any(form.day(dates[0]) is not None for form in _forms() if form.has_day or not found.clock)


def _of_digits(texts: Sequence[str], day_first: bool | None) -> Settled:
    """Years, months, days, seconds from 1970 …, all of digits alone."""
    bare = {text: text.partition(".")[0] for text in texts}
    lengths = {len(digits) for digits in bare.values()}
    if lengths == {12} or lengths == {14}:
        dates = [digits[:8] for digits in bare.values()]
        form = next(form for form in _forms() if form.template == "{Y}{mm}{dd}")
        clocks = [parse_clock(f"{d[8:10]}:{d[10:12]}:{d[12:] or '00'}") for d in bare.values()]
        days = [form.day(text) for text in dates]
        if None not in days and None not in clocks:
            seconds = {
                text: _DAY * day + clock.seconds
                for text, day, clock in zip(texts, days, clocks, strict=True)
                if day is not None and clock is not None
            }
            return Settled(seconds, "%Y%m%d%H%M" + ("%S" if lengths == {14} else ""))
    if min(lengths) >= 9:
        for zeros, sizes in ((0, {9, 10}), (3, {12, 13}), (6, {15, 16}), (9, {18, 19})):
            if lengths <= sizes:
                for text, digits in bare.items():
                    if not digits.endswith("0" * zeros):
                        raise Unreadable(text, "has a fraction of a second, which is not supported; round the times")
                return Settled({t: int(d) // 10**zeros for t, d in bare.items()}, "%s" + "0" * zeros)
    days_of, style, order = _dates(texts, list(bare.values()), day_first)
    return Settled({text: _DAY * days_of[digits] for text, digits in bare.items()}, style, order)


def _dates(
    texts: Sequence[str], written: Sequence[str], day_first: bool | None, with_clock: bool = False
) -> tuple[dict[str, int], str, bool | None]:
    """The day of each date as written, their style, and whether the day came first where that had to be found."""
    distinct = list(dict.fromkeys(written))
    prefix, bare = _without_weekdays(distinct)
    readings: list[tuple[Form, list[int]]] = []
    for form in _forms():
        if day_first is not None and form.day_first not in (None, day_first):
            continue
        if form.day(bare[0]) is None or (with_clock and not form.has_day):
            continue
        days = [form.day(text) for text in bare]
        if None not in days and not _counts_days(form, bare):
            readings.append((form, [day for day in days if day is not None]))
    if not readings:
        opposite = [form for form in _forms() if day_first is not None and form.day_first is (not day_first)]
        if any(all(form.day(text) is not None for text in bare) for form in opposite):
            chosen = [form for form in _forms() if form.day_first is day_first]
            k = next((k for k, text in enumerate(bare) if all(form.day(text) is None for form in chosen)), 0)
            shown = next(text for text, one in zip(texts, written, strict=True) if one == distinct[k])
            place = "first" if day_first else "second"
            raise Unreadable(shown, f"is no date with the day {place}; correct it, or the choice of `day_first`")
        raise _misfit(texts, written, distinct, bare)
    form, days_found = readings[0]
    for other, other_days in readings[1:]:
        for text, one, two in zip(distinct, days_found, other_days, strict=True):
            if one != two:
                shown = next(t for t, w in zip(texts, written, strict=True) if w == text)
                first, second = (date.fromordinal(day + _EPOCH).isoformat() for day in (one, two))
                how = f"say which with `day_first`, or give `time_format` ({_plain(form)} or {_plain(other)})"
                raise Unreadable(shown, f"may be {first} or {second}; {how}")
    return dict(zip(distinct, days_found, strict=True)), prefix + form.style(bare), form.day_first


def _counts_days(form: Form, bare: list[str]) -> bool:
    """Whether what would be a year of two digits counts days: Jan-01, Jan-02 and so on, of no year."""
    if not form.template.startswith("{b}") or not form.template.endswith("{y}") or len(bare) < 3:
        return False
    months = [text[:3].lower() for text in bare]
    return sum(a != b for a, b in itertools.pairwise(months)) < len(bare) / 2


def _plain(form: Form) -> str:
    return re.sub(r"{(\w)\w?}", r"%\1", form.template)


def _misfit(texts: Sequence[str], written: Sequence[str], distinct: list[str], bare: list[str]) -> Unreadable:
    """What to say of dates that are not all in one form: the first that is in another than most."""
    fits = {form: [form.day(text) is not None for text in bare] for form in _forms()}
    best = max(fits.values(), key=sum)
    k = best.index(False)
    shown = next(text for text, date_text in zip(texts, written, strict=True) if date_text == distinct[k])
    if any(best) and any(found[k] for found in fits.values()):
        own = [found for found in fits.values() if found[k]]
        unlike = (j for j, good in enumerate(best) if good and not any(found[j] for found in own))
        fitting = distinct[next(unlike, best.index(True))]
        example = next(text for text, date_text in zip(texts, written, strict=True) if date_text == fitting)
        return Unreadable(shown, f"is written otherwise than {quote(example)}; {_FORM}")
    return Unreadable(shown, f"is not a time; {_REMEDY}")


def _without_weekdays(dates: list[str]) -> tuple[str, list[str]]:
    """The style of the names of weekdays before dates, "" where there are none; and the dates alone."""
    found = [_WEEKDAY.match(text) for text in dates]
    if any(match is None for match in found):
        return "", dates
    matches = [match for match in found if match is not None]
    full = all(match["name"].lower() in _FULL_WEEKDAYS for match in matches)
    return ("%A" if full else "%a") + matches[0]["gap"], [
        text[match.end() :] for text, match in zip(dates, matches, strict=True)
    ]


def _day(group: dict[str, str | None]) -> int | None:
    year = int(group.get("Y") or 0) or _century(int(group.get("y") or 0))
    if group.get("Y") == "0000":
        return None
    try:
        if group.get("w"):
            return date.fromisocalendar(year, int(group["w"] or 0), int(group.get("u") or 1)).toordinal() - _EPOCH
        month = 3 * int(group["q"] or 0) - 2 if group.get("q") else int(group.get("m") or 1)
        if name := group.get("b"):
            if name.lower() not in _MONTH_OF:
                return None
            month = _MONTH_OF[name.lower()]
        return date(year, month, int(group.get("d") or 1)).toordinal() - _EPOCH
    except ValueError:  # a 13th month, a 30th of February
        return None


def _century(year: int) -> int:
    return 2000 + year if year < 69 else 1900 + year  # as POSIX has it


@cache
def _forms() -> tuple[Form, ...]:
    found = []
    for template in _TEMPLATES:
        parts = re.split(r"{(\w+)}", template)
        pattern = "".join(_PARTS[part] if i % 2 else re.escape(part) for i, part in enumerate(parts))
        found.append(Form(template, re.compile(pattern, _FLAGS)))
    return tuple(found)


@cache
def _any_form() -> re.Pattern[str]:
    """All forms at once."""
    return re.compile("|".join(re.sub(r"\?P<\w+>", "?:", form.pattern.pattern) for form in _forms()), _FLAGS)
