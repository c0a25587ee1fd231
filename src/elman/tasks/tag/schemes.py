"""Tags of entities: BIO, IOB1 and BIOES, read as conlleval reads them, and written in any of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from elman.errors import DataError

BIO, IOB1, BIOES, PLAIN = "bio", "iob1", "bioes", "plain"
SCHEMES = ("auto", BIO, IOB1, BIOES, PLAIN)
OUTSIDE = "O"
_PREFIXES = frozenset("BIESLU")


class Span(NamedTuple):
    """An entity: its words from ``start`` up to ``stop``, which is not one of them, and its type."""

    start: int
    stop: int
    type: str


class Reading(NamedTuple):
    """How the tags of a file are to be understood, and how many of them break its rules."""

    scheme: str
    illegal: int


def split(tag: str) -> tuple[str, str]:
    """Prefix and type of a tag.

    >>> split("B-creative-work"), split("O")
    (('B', 'creative-work'), ('O', ''))
    """
    prefix, dash, kind = tag.partition("-")
    return (prefix, kind) if dash and kind else (tag, "")


def spans_of(tags: Sequence[str]) -> list[Span]:
    """The entities of a sentence.

    An entity begins at B or S, where the type changes, and after O, E or S; it ends before the next begins, before O,
    and after E or S. So does the script conlleval of the CoNLL tasks, whatever the scheme.

    >>> spans_of(["B-per", "I-per", "O", "I-loc", "B-loc"])
    [Span(start=0, stop=2, type='per'), Span(start=3, stop=4, type='loc'), Span(start=4, stop=5, type='loc')]
    """
    found: list[Span] = []
    start, before, kind = -1, OUTSIDE, ""
    for place, tag in enumerate([*tags, OUTSIDE]):
        prefix, own = split(tag)
        begins = prefix != OUTSIDE and (prefix in ("B", "S") or before in ("O", "E", "S") or own != kind)
        if start >= 0 and (begins or prefix == OUTSIDE):
            found.append(Span(start, place, kind))
            start = -1
        if begins:
            start = place
        before, kind = prefix, own
    return found


def tags_of(spans: Iterable[Span], length: int, scheme: str) -> list[str]:
    """Entities as the tags of ``length`` words.

    >>> tags_of([Span(0, 2, "per"), Span(2, 3, "per")], 4, "iob1")
    ['I-per', 'I-per', 'B-per', 'O']
    >>> tags_of([Span(0, 2, "per"), Span(2, 3, "per")], 4, "bioes")
    ['B-per', 'E-per', 'S-per', 'O']
    """
    tags = [OUTSIDE] * length
    last = Span(-1, -1, "")
    for span in sorted(spans):
        start, stop, kind = span
        for place in range(start, stop):
            tags[place] = f"I-{kind}"
        if scheme == IOB1:
            if last.stop == start and last.type == kind:
                tags[start] = f"B-{kind}"
        else:
            tags[start] = f"B-{kind}"
        if scheme == BIOES:
            tags[stop - 1] = f"S-{kind}" if stop - start == 1 else f"E-{kind}"
        last = span
    return tags


def reading_of(sentences: Sequence[Sequence[str]], scheme: str, source: str) -> Reading:
    """The scheme of all the tags together, and how many break it.

    Args:
        scheme: auto, or the one that is known.

    Raises:
        DataError: tags that are none of the scheme, or that are partly of a scheme of entities and partly not.

    >>> reading_of([["I-per", "B-per", "O"]], "auto", "a.conll")
    Reading(scheme='iob1', illegal=0)
    """
    kinds = {split(tag) for tags in sentences for tag in tags}
    entity = {(prefix, kind) for prefix, kind in kinds if kind and prefix in _PREFIXES}
    others = sorted(f"{p}-{k}" if k else p for p, k in kinds - entity if (p, k) != (OUTSIDE, ""))
    if scheme == PLAIN or (scheme == "auto" and not entity):
        return Reading(PLAIN, 0)
    if others:
        examples = ", ".join(repr(f"{p}-{k}") for p, k in sorted(entity)[:2])
        raise DataError(
            f"{source}: the tags are of entities ({examples or 'none'}) and not ({others[0]!r:.40}); correct them, or "
            "set `scheme` to plain"
        )
    prefixes = {prefix for prefix, _ in entity}
    if unknown := sorted(prefixes & set("LU")):
        raise DataError(f"{source}: tags begin with {unknown[0]}, as of BILOU; write E for L, and S for U")
    if scheme == "auto" and prefixes & set("ES"):
        scheme = BIOES
    if scheme == "auto":
        as_bio, as_iob1 = (_illegal(sentences, one) for one in (BIO, IOB1))
        return Reading(BIO, as_bio) if as_bio <= as_iob1 else Reading(IOB1, as_iob1)
    if scheme != BIOES and prefixes & set("ES"):
        raise DataError(f"{source}: tags begin with E or S, which {scheme} does not have; set `scheme` to bioes")
    return Reading(scheme, _illegal(sentences, scheme))


def in_scheme(sentences: Sequence[Sequence[str]], scheme: str, source: str) -> list[list[str]]:
    """Tags of another file in the scheme of the training file.

    Raises:
        DataError: entities where there are plain tags, or the other way round.

    >>> in_scheme([["S-per", "O"]], "bio", "a.conll")
    [['B-per', 'O']]
    """
    reading = reading_of(sentences, "auto" if scheme != PLAIN else PLAIN, source)
    if scheme != PLAIN and reading.scheme == PLAIN and any(tag != OUTSIDE for tags in sentences for tag in tags):
        example = next(tag for tags in sentences for tag in tags if tag != OUTSIDE)
        raise DataError(
            f"{source}: the tag {example!r:.40} is not of an entity, as those in training are; give tags of the scheme "
            f"{scheme}"
        )
    if scheme == PLAIN or reading.scheme == PLAIN:
        return [list(tags) for tags in sentences]
    return [tags_of(spans_of(tags), len(tags), scheme) for tags in sentences]


def _illegal(sentences: Iterable[Sequence[str]], scheme: str) -> int:
    """Tags that the scheme's own writing of the same entities would have otherwise."""
    return sum(
        own != right
        for tags in sentences
        for own, right in zip(tags, tags_of(spans_of(tags), len(tags), scheme), strict=True)
    )
