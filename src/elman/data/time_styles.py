"""Styles of times, and times written in them.

A style is a format of ``strftime`` in English, with more directives: ``%q`` is the quarter; ``%-m``, ``%-d``,
``%-H``, ``%-I``, ``%-V`` have no leading zero; ``%^b`` is in capitals, ``%~b`` in small letters; ``%s`` counts seconds
from 1970; ``%z+01:00`` at the end shifts by an offset and writes it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DIRECTIVE = re.compile(r"%([-^~]?[a-zA-Z%])")
_EPOCH = datetime(1970, 1, 1)


def format_times(times: np.ndarray, style: str) -> list[str]:
    """Times as texts in a style.

    >>> format_times(np.array(["2020-04-01"], dtype="datetime64[s]"), "%YQ%q")
    ['2020Q2']
    """
    style, _, zone = style.partition("%z")
    moments: list[datetime] = times.astype("datetime64[s]").tolist()
    shift = timedelta(seconds=offset_of(zone.strip())) if zone else timedelta()
    parts = _DIRECTIVE.split(style)
    return [_format(moment + shift, parts) + zone for moment in moments]


def offset_of(zone: str) -> int:
    """Seconds by which a zone is ahead of UTC.

    Raises:
        ValueError: its hours or minutes are not those of an offset.

    >>> offset_of("+0130"), offset_of("Z"), offset_of("-05")
    (5400, 0, -18000)
    """
    if zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"{zone} is no offset")
    ahead = 3600 * hours + 60 * minutes
    return ahead if zone[0] == "+" else -ahead


def _format(moment: datetime, parts: list[str]) -> str:
    """``parts``: texts and directives in turn."""
    return "".join(_directive(moment, part) if i % 2 else part for i, part in enumerate(parts))


def _directive(moment: datetime, name: str) -> str:
    letter = name[-1]
    match letter:
        case "Y":
            text = f"{moment.year:04}"
        case "y":
            text = f"{moment.year % 100:02}"
        case "m":
            text = f"{moment.month:02}"
        case "d":
            text = f"{moment.day:02}"
        case "H":
            text = f"{moment.hour:02}"
        case "I":
            text = f"{(moment.hour - 1) % 12 + 1:02}"
        case "M":
            text = f"{moment.minute:02}"
        case "S":
            text = f"{moment.second:02}"
        case "p":
            text = "AM" if moment.hour < 12 else "PM"
        case "b":
            text = MONTHS[moment.month - 1][:3]
        case "B":
            text = MONTHS[moment.month - 1]
        case "a":
            text = WEEKDAYS[moment.weekday()][:3]
        case "A":
            text = WEEKDAYS[moment.weekday()]
        case "q":
            text = str((moment.month + 2) // 3)
        case "G":
            text = f"{moment.isocalendar().year:04}"
        case "V":
            text = f"{moment.isocalendar().week:02}"
        case "s":
            text = str(round((moment - _EPOCH).total_seconds()))
        case _:
            text = moment.strftime(f"%{letter}")
    if name[0] == "-":
        return text.lstrip("0") or "0"
    return text.upper() if name[0] == "^" else text.lower() if name[0] == "~" else text
