"""The forms in which dates are written: templates of years, months, days, quarters and weeks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from elman.data.time_centuries import FIRST_YEAR
from elman.data.time_styles import MONTHS

_PARTS = {
    "Y": r"(?P<Y>\d{4})",
    "YY": r"(?P<Y>(?:1[3-9]|2\d)\d{2})",  # no month and day, as 1231 behind the year 2008
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
EPOCH = date(1970, 1, 1).toordinal()
_MONTH_OF = {name[:n].lower(): k + 1 for k, name in enumerate(MONTHS) for n in (3, len(name))} | {"sept": 9}
_FLAGS = re.ASCII | re.IGNORECASE


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

    def day(self, text: str, first: int = FIRST_YEAR) -> int | None:
        """The day that a text names, counted from 1970; None if it is not in this form.

        Args:
            first: the first of the 100 years that two digits may name.
        """
        found = self.pattern.fullmatch(text)
        return None if found is None else _day(found.groupdict(), first)

    def days(self, texts: Sequence[str], first: int = FIRST_YEAR) -> list[int] | None:
        """The days of texts, as :meth:`day`; None if one is not in this form."""
        days = [self.day(text, first) for text in texts]
        return None if None in days else [day for day in days if day is not None]

    def short_years(self, texts: Sequence[str]) -> list[int]:
        """The years of texts in this form that are written with two digits."""
        found = (self.pattern.fullmatch(text) for text in texts)
        return [int(match["y"]) for match in found if match is not None and "y" in match.groupdict()]

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


def _day(group: dict[str, str | None], first: int) -> int | None:
    year = int(group.get("Y") or 0) or first + (int(group.get("y") or 0) - first) % 100
    if group.get("Y") == "0000":
        return None
    try:
        if group.get("w"):
            return date.fromisocalendar(year, int(group["w"] or 0), int(group.get("u") or 1)).toordinal() - EPOCH
        month = 3 * int(group["q"] or 0) - 2 if group.get("q") else int(group.get("m") or 1)
        if name := group.get("b"):
            if name.lower() not in _MONTH_OF:
                return None
            month = _MONTH_OF[name.lower()]
        return date(year, month, int(group.get("d") or 1)).toordinal() - EPOCH
    except ValueError:  # a 13th month, a 30th of February
        return None


@cache
def all_forms() -> tuple[Form, ...]:
    """All of them, in the order in which they are tried."""
    found = []
    for template in _TEMPLATES:
        parts = re.split(r"{(\w+)}", template)
        pattern = "".join(_PARTS[part] if i % 2 else re.escape(part) for i, part in enumerate(parts))
        found.append(Form(template, re.compile(pattern, _FLAGS)))
    return tuple(found)


@cache
def any_form() -> re.Pattern[str]:
    """All of them as one pattern."""
    return re.compile("|".join(re.sub(r"\?P<\w+>", "?:", form.pattern.pattern) for form in all_forms()), _FLAGS)
