"""Which of the forms of times a whole column is in.

A form is found for the dates and one for the clocks, each from all the different texts of a column: 12/31/1990 settles
what 1/2/1981 means. Where two forms fit and give other times, the column is refused.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from elman.data.text import Unreadable, quote
from elman.data.time_centuries import first_year
from elman.data.time_clocks import cut, cut_all, join, parse_clock
from elman.data.time_forms import EPOCH, Form, all_forms, any_form
from elman.data.time_styles import WEEKDAYS

_WEEKDAY = re.compile(
    rf"(?P<name>(?:{'|'.join(name[:3] for name in WEEKDAYS)})[a-z]*)(?P<gap>\.?,? +)", re.I | re.ASCII
)
_FULL_WEEKDAYS = frozenset(name.lower() for name in WEEKDAYS)
_DIGITS = re.compile(r"\d+(?:\.0+)?", re.ASCII)
_DAY = 86_400
_FORM = "write all times in one form, or give `time_format`"
_REMEDY = "write ISO dates (2020-01-31, or 2020-01-31 13:00), or give `time_format`"


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
    if any_form().fullmatch(dates[0]) is None:  # most words of a header; the forms one by one take ten times as long
        return False
    return any(form.day(dates[0]) is not None for form in all_forms() if form.has_day or not found.clock)


def _of_digits(texts: Sequence[str], day_first: bool | None) -> Settled:
    """Years, months, days, seconds from 1970 …, all of digits alone."""
    bare = {text: text.partition(".")[0] for text in texts}
    lengths = {len(digits) for digits in bare.values()}
    if (settled := _days_with_clocks(bare)) is not None:
        return settled
    short_years = [f"20{digits}" for digits in bare.values()]
    if lengths == {6} and len(bare) > 2 and _even(bare.values(), "{Y}{mm}") and _even(short_years, "{Y}{mm}{dd}"):
        text, digits = next(iter(bare.items()))
        first, second = f"{digits[:4]}-{digits[4:]}", f"20{digits[:2]}-{digits[2:4]}-{digits[4:]}"
        raise Unreadable(text, f"may be {first} or {second}; give `time_format` (%Y%m or %y%m%d)")
    if min(lengths) >= 9:
        for zeros, sizes in ((0, {9, 10}), (3, {12, 13}), (6, {15, 16}), (9, {18, 19})):
            if lengths <= sizes:
                for text, digits in bare.items():
                    if not digits.endswith("0" * zeros):
                        raise Unreadable(text, "has a fraction of a second, which is not supported; round the times")
                return Settled({t: int(d) // 10**zeros for t, d in bare.items()}, "%s" + "0" * zeros)
    days_of, style, order = _dates(texts, list(bare.values()), day_first)
    return Settled({text: _DAY * days_of[digits] for text, digits in bare.items()}, style, order)


def _days_with_clocks(bare: dict[str, str]) -> Settled | None:
    """Days with hours, perhaps minutes and seconds; as seconds from 1970 those of ten digits were of 2030 to 2036."""
    lengths = {len(digits) for digits in bare.values()}
    style = {10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(min(lengths))
    if style is None or len(lengths) > 1:
        return None
    (form,) = (form for form in all_forms() if form.template == "{Y}{mm}{dd}")
    seconds = {}
    for text, digits in bare.items():
        day = form.day(digits[:8])
        clock = parse_clock(f"{digits[8:10]}:{digits[10:12] or '00'}:{digits[12:] or '00'}")
        if day is None or clock is None or (len(digits) == 10 and not 1900 <= int(digits[:4]) <= 2100):
            return None
        seconds[text] = _DAY * day + clock.seconds
    return Settled(seconds, style)


def _even(dates: Iterable[str], template: str) -> bool:
    """Whether dates are in a form, one at a distance of so many days or months from the other."""
    (form,) = (form for form in all_forms() if form.template == template)
    if (found := form.days(list(dates))) is None:
        return False
    days = np.array(sorted(found)).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    of_month = (days - months).astype(np.int64)
    return len(set(np.diff(days).tolist())) == 1 or (len(set(np.diff(months).tolist())) == 1 and not np.ptp(of_month))


def _dates(
    texts: Sequence[str], written: Sequence[str], day_first: bool | None, with_clock: bool = False
) -> tuple[dict[str, int], str, bool | None]:
    """The day of each date as written, their style, and whether the day came first where that had to be found."""
    distinct = list(dict.fromkeys(written))
    prefix, bare = _without_weekdays(distinct)
    flaw = ""  # why the dates are not meant so that are in a form
    readings: list[tuple[Form, list[int]]] = []
    for form in all_forms():
        if day_first is not None and form.day_first not in (None, day_first):
            continue
        if form.day(bare[0]) is None:
            continue
        if (days := form.days(bare)) is None:
            continue
        if found := _against(form, bare, with_clock):
            flaw = flaw or found
        else:
            readings.append((form, _of_one_century(form, bare, texts[0]) if "{y}" in form.template else days))
    if not readings and flaw:
        raise Unreadable(texts[0], flaw)
    if not readings:
        raise _misfit(texts, written, distinct, bare, day_first)
    form, days_found = readings[0]
    for k, text in enumerate(distinct):
        others = [other for other, days in readings if days[k] != days_found[k]]
        if others:
            shown = next(t for t, w in zip(texts, written, strict=True) if w == text)
            moments = dict.fromkeys(date.fromordinal(days[k] + EPOCH).isoformat() for _, days in readings)
            how = f"give `time_format` ({' or '.join(map(_plain, [form, *others]))})"
            if all(one.day_first is not None for one in (form, *others)):
                how = f"say which with `day_first`, or {how}"
            raise Unreadable(shown, f"may be {' or '.join(moments)}; {how}")
    return dict(zip(distinct, days_found, strict=True)), prefix + form.style(bare), form.day_first


def _of_one_century(form: Form, bare: list[str], shown: str) -> list[int]:
    """The days of dates whose years have two digits."""
    first = first_year(form.short_years(bare), lambda first: form.days(bare, first))
    if first is None or (days := form.days(bare, first)) is None:
        raise Unreadable(shown, "and the rest may be of two centuries; write years with four digits")
    return days


def _against(form: Form, bare: list[str], with_clock: bool) -> str:
    """Why dates are not meant so that are in a form; "" if nothing speaks against it."""
    how = 'add it, or, if the oldest row comes first, count the rows as steps (`time` "")'
    if with_clock and not form.has_day:
        return f"names no day; {how}"
    if len(bare) < 3:
        return ""
    if form.template.startswith("{b}") and form.template.endswith("{y}"):  # Jan-01, Jan-02 and so on
        months = [text[:3].lower() for text in bare]
        rarely = sum(a != b for a, b in itertools.pairwise(months)) < len(bare) / 2
        if rarely and all(1 <= year <= 31 for year in form.short_years(bare)):
            return f"names no year; {how}"
    if form.template in ("{Y}-{m}", "{Y}/{m}") and all((int(text[:4]) + 1) % 100 == int(text[5:]) for text in bare):
        return "names two years, as a season does; write the one in which it begins"  # 2000/01, 2001/02 and so on
    return ""


def _plain(form: Form) -> str:
    return re.sub(r"{(\w)\w?}", r"%\1", form.template)


def _misfit(
    texts: Sequence[str], written: Sequence[str], distinct: list[str], bare: list[str], day_first: bool | None
) -> Unreadable:
    """What to say of dates that are not all in one form: the first that is in another than most."""
    opposite = [form for form in all_forms() if day_first is not None and form.day_first is (not day_first)]
    if any(all(form.day(text) is not None for text in bare) for form in opposite):
        chosen = [form for form in all_forms() if form.day_first is day_first]
        k = next((k for k, text in enumerate(bare) if all(form.day(text) is None for form in chosen)), 0)
        shown = next(text for text, one in zip(texts, written, strict=True) if one == distinct[k])
        place = "first" if day_first else "second"
        return Unreadable(shown, f"is no date with the day {place}; correct it, or the choice of `day_first`")
    fits = {form: [form.day(text) is not None for text in bare] for form in all_forms()}
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
