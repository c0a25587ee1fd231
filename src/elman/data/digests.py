"""Short digests of sequences and sentences, by which a model knows what it was fitted on, though none is kept."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from elman.errors import ModelFileError

Array = np.ndarray
DIGEST = 6  # bytes: of a million contents, two differ and look equal once in 500 cases


def digests(contents: Iterable[bytes]) -> Array:
    """(N,) uint64, of each content.

    >>> a, b, c = digests([b"one", b"two", b"one"]).tolist()
    >>> a == c, a == b
    (True, False)
    """
    found = (hashlib.blake2b(content, digest_size=DIGEST).digest() for content in contents)
    return np.array([int.from_bytes(digest, "big") for digest in found], np.uint64)


def packed(values: Sequence[int] | Array) -> str:
    """Digests as text, in their order."""
    numbers = np.asarray(values, np.uint64).tolist()
    return base64.b64encode(b"".join(value.to_bytes(DIGEST, "big") for value in numbers)).decode("ascii")


def unpacked(text: Any) -> Array:
    """What :func:`packed` wrote.

    Raises:
        ModelFileError: it is damaged.

    >>> unpacked(packed([3, 1])).tolist()
    [3, 1]
    """
    try:
        content = base64.b64decode(text, validate=True)
        if len(content) % DIGEST:
            raise ValueError("cut short")
    except (TypeError, ValueError) as error:  # binascii.Error is a ValueError
        raise ModelFileError("its record of what was seen in training is malformed") from error
    parts = [content[k : k + DIGEST] for k in range(0, len(content), DIGEST)]
    return np.array([int.from_bytes(part, "big") for part in parts], np.uint64)
