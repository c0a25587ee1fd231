"""Times of day behind dates, with the offsets of zones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from elman.data.text import Unreadable, quote
from elman.data.time_styles import offset_of

_FEWEST_DAYS = 3  # that tell which times of day there are
_CLOCK = re.compile(
    r"(?P<H>\d{1,2})(?::(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d+))?)?)?(?P<pgap> ?)(?P<p>[AP]\.?M\.?)?"
    r"(?P<zone> ?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?",
    re.ASCII | re.IGNORECASE,
)
_COMPACT = re.compile(r"(?P<H>\d{2})(?P<M>\d{2})(?P<S>\d{2})?(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?", re.ASCII)
_CUT = re.compile(r"(?P<date>[^:]+?)(?P<gap>T|,? +|:)(?P<clock>\d{1,2}(?::\d{2}| ?[AP]\.?M).*)", re.ASCII | re.I | re.S)
_CUT_COMPACT = re.compile(r"(?P<date>\d{8}|\d{4}-\d\d-\d\d)(?P<gap>T)(?P<clock>\d{4}(?:\d\d)?(?:Z|[+-].*)?)", re.ASCII)


class Piece(NamedTuple):
    """A text cut in two: a date, what stands between, a clock with its zone; "" where there is none."""

    date: str
    gap: str = ""
    clock: str = ""


class Clock(NamedTuple):
    """A time of day: seconds from midnight, its style, the zone as written and the seconds that it is ahead of UTC."""

    seconds: int
    style: str
    zone: str = ""
    offset: int | None = None
    has_fraction: bool = False


def cut(text: str) -> Piece:
    """The date and the clock of a text.

    >>> cut("2022-01-01 12:00 AM")
    Piece(date='2022-01-01', gap=' ', clock='12:00 AM')
    """
    found = _CUT.fullmatch(text) or _CUT_COMPACT.fullmatch(text)
    return Piece(text) if found is None else Piece(found["date"], found["gap"], found["clock"])


def cut_all(texts: Sequence[str]) -> list[Piece]:
    """As :func:`cut` each; at once where all are cut at the same place."""
    date, gap, _ = cut(texts[0])
    if not gap:
        return [cut(text) for text in texts]
    a, b, size = len(date), len(date) + len(gap), len(texts[0])
    alike = all(len(text) == size and text[a:b] == gap for text in texts)
    clocks: dict[str, bool] = {}
    if alike and all(map(str.isascii, texts)):
        for clock in dict.fromkeys(text[b:] for text in texts):
            clocks[clock] = parse_clock(clock) is not None
        if all(clocks.values()) and not any(":" in day for day in dict.fromkeys(text[:a] for text in texts)):
            return [Piece(text[:a], gap, text[b:]) for text in texts]
    return [cut(text) for text in texts]


def parse_clock(text: str) -> Clock | None:
    """The time of day that a text names; None if it names none.

    >>> parse_clock("1:05 pm")
    Clock(seconds=47100, style='%-I:%M %~p', zone='', offset=None, has_fraction=False)
    """
    found, compact = _CLOCK.fullmatch(text), False
    if found is None or (found["M"] is None and found["p"] is None):
        found, compact = _COMPACT.fullmatch(text), True
    if found is None:
        return None
    group = found.groupdict()
    hour, minute, second = int(group["H"]), int(group["M"] or 0), int(group["S"] or 0)
    half = (group.get("p") or "").upper()[:1]
    if minute > 59 or second > 59 or (not 1 <= hour <= 12 if half else hour > 23):
        return None
    try:
        zone = group["zone"] or ""
        offset = offset_of(zone.strip()) if zone else None
    except ValueError:
        return None
    if half:
        hour = hour % 12 + (12 if half == "P" else 0)
    mark = "" if compact else ":"
    letter = "I" if half else "H"
    style = f"%{'-' if len(group['H']) == 1 else ''}{letter}"
    style += (mark + "%M" if group["M"] else "") + (mark + "%S" if group["S"] else "")
    if half:
        style += group["pgap"] + ("%p" if (group["p"] or "").isupper() else "%~p")
    fraction = bool((group.get("f") or "").strip("0"))
    return Clock(3600 * hour + 60 * minute + second, style, zone, offset, fraction)


def join(
    texts: Sequence[str], pieces: Sequence[Piece], days: dict[str, int], date_style: str
) -> tuple[dict[str, int], str]:
    """Seconds from 1970 of texts cut into dates and clocks, and the style of all.

    Several offsets are those of a place that changes its clocks. Where its own time has fewer times of day than UTC
    (the same time on every day, trading hours, four a day), things go by it, and it is taken; else UTC.

    Raises:
        Unreadable: a clock is none, has a fraction of a second, or is written otherwise than the others.
    """
    known: dict[str, Clock] = {}
    first: dict[str, str] = {}  # the first text with each clock
    for text, piece in zip(texts, pieces, strict=True):
        if piece.clock not in known:
            first[piece.clock] = text
            found = parse_clock(piece.clock) if piece.clock else Clock(0, "")
            if found is None:
                raise Unreadable(text, "is not a time; write clocks as 13:00 or 13:00:00, or give `time_format`")
            if found.has_fraction:
                raise Unreadable(text, "has a fraction of a second, which is not supported; round the times")
            known[piece.clock] = found
    clocks = list(known.values())
    style = _common_style(known, first)
    gap = next(piece.gap for piece in pieces if piece.clock)
    local = {
        text: 86_400 * days[piece.date] + known[piece.clock].seconds for text, piece in zip(texts, pieces, strict=True)
    }
    offsets = {clock.offset for clock in clocks}
    if offsets == {None}:
        return local, date_style + gap + style
    zone = next(clock.zone for clock in clocks if clock.zone)
    utc = {text: local[text] - (known[piece.clock].offset or 0) for text, piece in zip(texts, pieces, strict=True)}
    if len({clock.seconds for clock in clocks}) == 1:
        return local, date_style + gap + style + (zone if len(offsets) == 1 else "")
    if len(offsets) > 1:
        zone = "+00:00"
        distinct = len(set(local.values())) == len(set(utc.values()))  # no hour is there twice
        enough = max(utc.values()) - min(utc.values()) >= _FEWEST_DAYS * 86_400  # else an hour may just not have come
        if distinct and enough and _times_of_day(local) < _times_of_day(utc):
            return local, date_style + gap + style
    return utc, date_style + gap + style + (zone if len(offsets) > 1 or offsets == {0} else f"%z{zone}")


def _times_of_day(seconds: dict[str, int]) -> int:
    return len({second % 86_400 for second in seconds.values()})


def _common_style(known: dict[str, Clock], texts: dict[str, str]) -> str:
    """The longest style of the clocks; the others must be its beginning, or none at all on a midnight."""
    first: dict[tuple[str, bool], str] = {}
    for written, clock in known.items():
        first.setdefault((clock.style.replace("%-", "%").replace("~", ""), clock.offset is None), texts[written])
    longest = max(first, key=lambda key: len(key[0]))
    for (style, without_zone), text in first.items():
        half = longest[0].removesuffix("%p").rstrip()
        begins = style in ("", longest[0]) or (
            style.endswith("%p") == longest[0].endswith("%p") and half.startswith(style.removesuffix("%p").rstrip())
        )
        if not begins or without_zone != longest[1]:
            example = first[longest] if text != first[longest] else next(t for t in first.values() if t != text)
            raise Unreadable(text, f"is written otherwise than {quote(example)}; write all times in one form")
    styles = [clock.style for clock in known.values() if clock.style.replace("%-", "%").replace("~", "") == longest[0]]
    padded = any(re.match("0[0-9]", written) for written in known)
    bare = next((style for style in styles if "%-" in style), None)
    return styles[0].replace("%-", "%") if padded or bare is None else bare
