"""Words as they are looked up: what is written in a thousand ways, and means one thing, is one word."""

from __future__ import annotations

import functools
import re

from elman.tasks.tag.shapes import LINKS

LINK, MENTION = "www.", "@user"
_DIGIT, _REPEATED = re.compile(r"\d"), re.compile(r"(.)\1{2,}", re.DOTALL)


@functools.lru_cache(maxsize=1 << 16)
def normalised(word: str) -> str:
    """All links are one word, and all mentions; a hashtag is the word behind its sign; digits are 0; of a character
    that is repeated two are left. The page of ``elman explain`` has the same rules in ``readings.js``.

    >>> [normalised(word) for word in ("https://a.b/c", "@anna", "#paris", "19:30", "2016", "sooooo")]
    ['www.', '@user', 'paris', '00:00', '00', 'soo']
    """
    if word.startswith(LINKS):
        return LINK
    if len(word) > 1 and word[0] == "@":
        return MENTION
    if len(word) > 1 and word[0] == "#":
        word = word[1:]
    return _REPEATED.sub(r"\1\1", _DIGIT.sub("0", word))
