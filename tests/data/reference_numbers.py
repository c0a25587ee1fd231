"""Slow readings of columns of numbers and of times, written from docs/forecasting.md; nothing shared with elman."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

MISSING = {
    *("", "na", "n/a", "n.a.", "nan", "-nan", "nat", "null", "none", "<na>", "-", "--", "—", "–", "?", ".", ".."),
    *("...", "#n/a", "#na", "#value!", "#div/0!", "#ref!", "#name?", "#null!", "#num!"),
}
NAN = float("nan")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
MONEY = [*"$€£¥₹", "USD", "EUR", "GBP", "CHF"]
SPACES = " \u00a0\u202f\u2009'’"


def number(text: str) -> float | None:
    """The number a text is, NaN for a missing value, None for anything else."""
    if text.lower() in MISSING:
        return NAN
    return float(text) if NUMBER.fullmatch(text) else None


def column_of_numbers(fields: list[str], delimiter: str, others: list[list[str]]) -> list[float] | None:
    """A column's numbers, NaN where one is missing; None if it is none, or has two readings.

    Args:
        others: the file's columns, whose decimal marks may settle this one's.
    """
    texts = [field.strip() for field in fields]
    present = [text for text in texts if text.lower() not in MISSING]
    stripped = [taken_apart(text) for text in present]
    if any(part is None for part in stripped):
        return None
    parts = [part for part in stripped if part is not None]
    if len({money for _, _, money, _ in parts if money}) > 1 or len({unit for *_, unit in parts if unit}) > 1:
        return None
    with_unit = [unit for *_, unit in parts if unit]
    if with_unit and (len(with_unit) < len(parts) / 2 or (with_unit[0] == "%" and len(with_unit) < len(parts))):
        return None
    bodies = [body for _, body, _, _ in parts]
    point, comma = values(bodies, "."), values(bodies, ",")
    if point is None and comma is None:
        return None
    mark = (
        "." if comma is None else "," if point is None else "." if point == comma else settled_mark(bodies, delimiter)
    )
    if mark is None:
        shown = {shown for column in others if (shown := mark_of(column)) is not None}
        mark = shown.pop() if len(shown) == 1 else None
    if mark is None and delimiter == ",":
        mark = usual_mark(bodies, any(money for _, _, money, _ in parts))
    found = {".": point, ",": comma, None: None}[mark]
    if found is None:
        return None
    signed = iter(-value if negative else value for value, (negative, *_) in zip(found, parts, strict=True))
    return [NAN if text.lower() in MISSING else next(signed) for text in texts]


def taken_apart(text: str) -> tuple[bool, str, str, str] | None:
    """Whether a number is negative, its digits and marks, the sign of its currency, its unit; None if it is none."""
    for mark in "\"'":
        if len(text) > 2 and text.startswith(mark) and text.endswith(mark):
            text = text[1:-1].strip()
            break
    else:
        if len(text) > 3 and text.startswith('="') and text.endswith('"'):
            text = text[2:-1].strip()
    signs, money, unit = [], "", ""
    if text.startswith("(") and text.endswith(")"):
        text, signs = text[1:-1].strip(), ["-"]
    if text[:1] in ("+", "-", "−", "–"):
        signs.append(text[0])
        text = without_spaces(text[1:])
    for sign in MONEY:
        if text.startswith(sign):
            money, text = sign, without_spaces(text[len(sign) :])
            if text[:1] in ("+", "-", "−", "–"):
                signs.append(text[0])
                text = text[1:]
            break
    else:
        if text[:1] in ("+", "-", "−", "–"):
            signs.append(text[0])
            text = text[1:]
    if text.endswith("-") and not re.search("[.,]-{1,2}$", text):
        signs.append("-")
        text = text[:-1]
    found = re.fullmatch(
        rf"((?:[1-9][0-9]{{0,2}}(?:[{SPACES}][0-9]{{3}})+(?:[.,][0-9]*)?|[0-9.,]*[0-9][0-9.,]*)(?:[eE][+-]?[0-9]+)?)"
        r"(?:(?<=[.,])(?:--|[-–—−]))?"
        r"[ \u00a0\u202f\u2009]?(%|[$€£¥₹]|[A-Za-z°µΩ][A-Za-z0-9°µΩ²³/·.]{0,11})?",
        text,
    )
    if found is None or len(signs) > 1:
        return None
    body, unit = found[1], found[2] or ""
    if unit in MONEY:
        if money:
            return None
        money, unit = unit, ""
    return any(sign != "+" for sign in signs), "".join(c for c in body if c not in SPACES), money, unit


def without_spaces(text: str) -> str:
    while text[:1] and text[0] in " \u00a0\u202f\u2009":
        text = text[1:]
    return text


def values(bodies: list[str], mark: str) -> list[float] | None:
    """The numbers that digits with marks are if ``mark`` is the decimal one; None if one is none then."""
    found = []
    for body in bodies:
        other = "," if mark == "." else "."
        whole, _, rest = body.partition(mark)
        if other in whole:
            groups = whole.split(other)
            sizes = {3} if other == "." else {2, 3}
            good = groups[0].isdigit() and len(groups[0]) <= 3 and groups[0][0] != "0"
            good = good and all(g.isdigit() and len(g) in sizes for g in groups[1:]) and len(groups[-1]) == 3
            if not good or not (rest == "" or rest.isdigit()):
                return None
            whole = "".join(groups)
        text = whole + ("." + rest if mark in body else "")
        if not NUMBER.fullmatch(text):
            return None
        found.append(float(text))
    return found


def settled_mark(bodies: list[str], delimiter: str) -> str | None:
    """Which mark is the decimal one where all numbers fit both; None if the column leaves that open."""
    marked, bare = marked_and_bare(bodies)
    marks = {"." if "." in body else "," for body in marked}
    if len(marks) == 2 or not bare or any(len(body) > 3 for body in bare):
        return None
    (mark,) = marks
    enough = any(len(body) == 3 for body in bare) and not (delimiter == "," and mark == ".")
    return {".": ",", ",": "."}[mark] if enough or any(body[-1] == "0" for body in marked) else None


def usual_mark(bodies: list[str], money: bool) -> str | None:
    """Which mark is the decimal one in a file with commas between its columns that shows nothing; None if open."""
    marked, bare = marked_and_bare(bodies)
    large = any(len(body) > 3 for body in bare)
    if all("." in body for body in marked):
        return None if any(len(body) == 3 for body in bare) and not large else "."
    if any("." in body for body in marked) or large:
        return None
    rate = not bare and not money and all(body[1] == "," and body[-1] != "0" for body in marked)
    return None if rate else "."


def marked_and_bare(bodies: list[str]) -> tuple[list[str], list[str]]:
    marked = [body for body in bodies if not body.isdigit() and values([body], ".") != values([body], ",")]
    return marked, [body for body in bodies if body.isdigit() and int(body) > 0]


def mark_of(fields: list[str]) -> str | None:
    """The decimal mark that a column shows beyond doubt."""
    texts = [text for field in fields if (text := field.strip()).lower() not in MISSING]
    if any(alone(text) is not None and number(text) is None for text in [f.strip() for f in fields[:3]]):
        return None  # times
    parts = [taken_apart(text) for text in texts]
    if any(part is None for part in parts):
        return None
    bodies = [part[1] for part in parts if part is not None]
    point, comma = values(bodies, "."), values(bodies, ",")
    if (point is None) == (comma is None) or not any("." in body or "," in body for body in bodies):
        return None
    return "." if comma is None else ","


ORDERS = ("YMD", "DMY", "MDY")


def alone(text: str) -> datetime | None:
    """A time in some form, whichever fits first; None if none does."""
    day, gap, clock = cut(text)
    dates = [found for form in forms(bool(clock)) if (found := form(day)) is not None]
    if not dates or (clock and clock_of(day, gap, clock) is None):
        return None
    return dates[0]


def column_of_times(texts: list[str]) -> list[datetime] | None:
    """The times of a column, in UTC, or by its own clocks where they always show the same time of day; None if they are
    none, or have two readings."""
    cuts = [cut(text) for text in texts]
    if any(re.search("[.,][0-9]*[1-9]", clock) for _, _, clock in cuts):
        return None  # a fraction of a second
    clocks = [clock_of(*piece) if piece[2] else (timedelta(), None) for piece in cuts]
    readings = []
    for k in range(40):
        found = []
        for day, _, _ in cuts:
            tried = forms(any(clock for _, _, clock in cuts))
            found.append(tried[k](day) if k < len(tried) else None)
        if found and None not in found:
            readings.append(found)
    if not readings or None in clocks or any(found != readings[0] for found in readings):
        return None
    times = [clock for clock in clocks if clock is not None]
    own = len({moment for moment, _ in times}) == 1
    try:
        return [
            date + moment - (timedelta() if own or zone is None else zone)
            for date, (moment, zone) in zip(readings[0], times, strict=True)
        ]
    except OverflowError:
        return None


def cut(text: str) -> tuple[str, str, str]:
    for k, letter in enumerate(text):
        if letter in "T ":
            if letter == " " and re.match("Q[1-4]$", text[k + 1 :]):
                continue
            return text[:k], letter, (text[k + 1 :].lstrip(" ") if letter == " " else text[k + 1 :]) or "none"
    return text, "", ""


def clock_of(day: str, gap: str, clock: str) -> tuple[timedelta, timedelta | None] | None:
    zone = "(Z|[+-][0-9]{2}:?[0-9]{0,2})?"
    found = re.fullmatch(rf"([0-9]{{1,2}}):([0-9]{{2}})(?::([0-9]{{2}})(?:[.,]([0-9]+))?)? ?{zone}", clock)
    if found is None and gap == "T" and re.fullmatch("[0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}", day):
        found = re.fullmatch(f"([0-9]{{2}})([0-9]{{2}})([0-9]{{2}})?()?{zone}", clock)  # 1300, 130000
    if found is None:
        return None
    hour, minute, second = (int(part or 0) for part in found.groups()[:3])
    zone = (found[5] or "Z").replace("Z", "+00").replace(":", "").ljust(5, "0")
    if hour > 23 or minute > 59 or second > 59 or int(zone[1:3]) > 23 or int(zone[3:]) > 59:
        return None
    ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:])) * (1 if zone[0] == "+" else -1)
    return timedelta(hours=hour, minutes=minute, seconds=second), ahead if found[5] else None


def forms(with_clock: bool) -> list:
    """Ways to read a date, one that has a day if a time of day follows."""
    found = [lambda text, mark=mark, order=order: parts(text, mark, order) for mark in "-/" for order in ORDERS]
    found += [lambda text: parts(text, ".", "YMD"), lambda text: parts(text, ".", "DMY")]
    if with_clock:
        return [*found, lambda text: digits(text) if len(text) == 8 else None]
    return [*found, lambda text: months(text), lambda text: digits(text)]


def parts(text: str, mark: str, order: str) -> datetime | None:
    fields = text.split(mark)
    if len(fields) != 3 or not all(field.isascii() and field.isdigit() for field in fields):
        return None
    by_name = dict(zip(order, fields, strict=True))
    year, month, day = by_name["Y"], by_name["M"], by_name["D"]
    short = len(year) == 2 and not (mark == "." and order == "YMD")
    if (len(year) != 4 and not short) or len(month) > 2 or len(day) > 2:
        return None
    full = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < 69 else 1900)
    return date(full, int(month), int(day))


def months(text: str) -> datetime | None:
    if found := re.fullmatch(r"([0-9]{4})[-/]([0-9]{1,2})|([0-9]{1,2})[-/.]([0-9]{4})|([0-9]{4})[.:]([0-9]{2})", text):
        a, b, c, d, e, f = found.groups()
        return date(int(a or d or e), int(b or c or f), 1)
    if found := re.fullmatch(r"([0-9]{4})[-/.:_ ]?[Qq]([1-4])", text):
        return date(int(found[1]), 3 * int(found[2]) - 2, 1)
    return None


def digits(text: str) -> datetime | None:
    text = re.sub(r"\.0+$", "", text)
    if not (text.isascii() and text.isdigit()):
        return None
    match len(text):
        case 4:
            return date(int(text), 1, 1)
        case 6:
            return date(int(text[:4]), int(text[4:]), 1)
        case 8:
            orders = (text[:4], text[4:6], text[6:]), (text[4:], text[2:4], text[:2]), (text[4:], text[:2], text[2:4])
            found = {
                moment
                for k, order in enumerate(orders)
                if (moment := date(*map(int, order))) is not None and (k == 0 or "1300" <= order[0] < "3000")
            }
            return found.pop() if len(found) == 1 else None
        case 9 | 10:
            by_hour = date(*map(int, (text[:4], text[4:6], text[6:8], text[8:] or 0)))
            if len(text) == 10 and "1900" <= text[:4] <= "2100" and by_hour is not None:
                return by_hour
            return datetime(1970, 1, 1) + timedelta(seconds=int(text))
        case _:
            return None


def date(*fields: int) -> datetime | None:
    try:
        return datetime(*fields)
    except ValueError:
        return None
