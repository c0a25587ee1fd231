"""What a word looks like, whatever it says: capitals, digits, signs, links."""

from __future__ import annotations

MENTION, HASHTAG, LINK, SIGNS, NUMBER, MIXED, CAPITAL, CAPITALS, SMALL, TITLE, CAMEL, OTHER = range(12)
COUNT = 12
LINKS = ("http://", "https://", "www.")


def shape_of(word: str) -> int:
    """One of :data:`COUNT` shapes. The page of ``elman explain`` has the same rules in ``readings.js``.

    >>> shape_of("Anne-Marie") == TITLE, shape_of("iPhone") == CAMEL, shape_of("NASA") == CAPITALS
    (True, True, True)
    >>> shape_of("B2B") == MIXED, shape_of("'n'") == SMALL, shape_of("…") == SIGNS, shape_of("@you") == MENTION
    (True, True, True, True)
    """
    if word.startswith(LINKS):
        return LINK
    if len(word) > 1 and word[0] in "@#":
        return MENTION if word[0] == "@" else HASHTAG
    letters = [letter for letter in word if letter.isalpha()]
    digits = any(letter.isdecimal() for letter in word)
    if not letters:
        return NUMBER if digits else SIGNS
    if digits:
        return MIXED
    large = [letter.lower() != letter for letter in letters]
    if all(large):
        return CAPITALS if len(large) > 1 else CAPITAL
    if any(large):
        return TITLE if large[0] and _small_but_for_parts(word) else CAMEL
    return SMALL if any(letter.upper() != letter for letter in letters) else OTHER


def _small_but_for_parts(word: str) -> bool:
    """Whether capitals stand only where letters begin: at the beginning, and after signs."""
    before = " "
    for letter in word:
        if letter.lower() != letter and before.isalpha():
            return False
        before = letter
    return True
