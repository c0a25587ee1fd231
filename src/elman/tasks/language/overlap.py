"""Whether a model was fitted on a text, or on a part of it, though no text is kept."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from elman.data.files import PIECE
from elman.data.texts import Text
from elman.errors import DataError, ModelFileError

Array = np.ndarray
WIDTH = 64  # tokens of a window: texts of different authors share hardly any
KEPT = 16_384  # windows at most whose digests are kept
SEEN = 0.2  # share of a text's windows that stand in the training text, from which on it was seen
KEYS = {"length", "digest", "bound", "windows"}


@dataclass(frozen=True)
class Fitted:
    """What is remembered of a text that a model was fitted on.

    Args:
        length: its tokens.
        digest: of all of them.
        windows: digests of some of its windows of 64 tokens, in order: those that are below ``bound``, which has
            nothing to do with what stands in them, so that any text's share of them can be estimated.
    """

    length: int
    digest: str
    bound: int
    windows: Array = field(repr=False)

    def record(self) -> dict[str, Any]:
        """JSON values, for the model file."""
        windows = base64.b64encode(self.windows.astype("<u8").tobytes()).decode("ascii")
        return {"length": self.length, "digest": self.digest, "bound": self.bound, "windows": windows}

    def begins(self, text: Text) -> bool:
        """Whether ``text`` is this one, or begins with it."""
        return len(text) >= self.length and digest_of(text.part(0, self.length)) == self.digest

    def share_of(self, text: Text) -> float:
        """The share of the text's windows that this one has too, estimated."""
        own = _below(text, self.bound)
        if not len(own):
            return float(len(text) == self.length and digest_of(text) == self.digest)
        return float(np.isin(own, self.windows).mean())


def fitted_on(text: Text) -> Fitted:
    """What is to be remembered of ``text``."""
    count = max(len(text) - WIDTH + 1, 1)
    bound = min(2**64 - 1, int(2**64 / count * KEPT * 0.9))
    return Fitted(len(text), digest_of(text), bound, np.unique(_below(text, bound))[:KEPT])


def has_seen(fitted: Sequence[Fitted], text: Text) -> bool:
    """Whether any of the texts that a model was fitted on has a good part of ``text``."""
    return any(one.share_of(text) > SEEN for one in fitted)


def check_apart(known: Text, test: Text) -> None:
    """Check that a test does not stand in what is known before it.

    Raises:
        DataError: a good part of it does.
    """
    if has_seen([fitted_on(known)], test):
        raise DataError(
            f"{test.source}: a good part of this test stands in {known.source} as well, so a score on it would say "
            "nothing; give another one"
        )


def digest_of(text: Text) -> str:
    """SHA-256 of the tokens, in hexadecimal digits."""
    found = hashlib.sha256(text.tokens.encode())
    for start in range(0, len(text), PIECE):
        found.update(np.ascontiguousarray(text.codes[start : start + PIECE], "<i4").tobytes())
    return found.hexdigest()


def _below(text: Text, bound: int) -> Array:
    """Digests, below ``bound``, of all windows: of 1, 2, 4 … 64 tokens, each from the two halves'."""
    parts = [np.zeros(0, np.uint64)]
    for start in range(0, len(text) - WIDTH + 1, PIECE):
        digests = _mixed(np.asarray(text.codes[start : start + PIECE + WIDTH - 1]).astype(np.uint64))
        width = 1
        while width < WIDTH:
            digests = _mixed(digests[:-width] * np.uint64(0x9E3779B97F4A7C15) + digests[width:])
            width *= 2
        parts.append(digests[digests < np.uint64(bound)])
    return np.concatenate(parts)


def _mixed(values: Array) -> Array:
    """Every bit of a number spread over all (Steele et al. 2014, "SplitMix")."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Array = values ^ (values >> np.uint64(31))
    return mixed


def fitted_from_record(record: Any) -> Fitted:
    """What :meth:`Fitted.record` wrote.

    Raises:
        ModelFileError: it is not that.
    """
    if not isinstance(record, dict) or record.keys() != KEYS:
        raise ModelFileError("its record of what was seen in training is malformed")
    try:
        content = base64.b64decode(record["windows"], validate=True)
        windows = np.frombuffer(content, "<u8").astype(np.uint64)
    except (TypeError, ValueError, binascii.Error) as error:
        raise ModelFileError("its record of what was seen in training is damaged") from error
    length, digest, bound = record["length"], record["digest"], record["bound"]
    if type(length) is not int or length < 0 or not isinstance(digest, str) or type(bound) is not int:
        raise ModelFileError("its record of what was seen in training is malformed")
    if not 0 <= bound < 2**64:
        raise ModelFileError("its record of what was seen in training has impossible values")
    return Fitted(length, digest, bound, windows)
