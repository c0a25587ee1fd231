"""The baselines of writing: how often tokens follow one another, counted."""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from elman.errors import ModelFileError

Array = np.ndarray
ORDER = 5
MOST_COUNTED = 4_000_000  # of a longer text, its last tokens are counted
MOST_BYTES = 8 * MOST_COUNTED
PIECE = 2**20  # tokens scored at once
LABELS = {"unigram": "frequencies", f"ngram{ORDER}": f"{ORDER}-gram"}


@dataclass(frozen=True)
class Ngrams:
    """Counts of all runs of one to five tokens, interpolated as Witten and Bell (1991) do.

    Of a context seen n times and followed by t different tokens, a token that followed it c times has the probability
    (c + t · p) / (n + t), where p is its probability after the context without its first token; after no context at
    all p is the same for every token.

    Args:
        size: the number of classes.
        keys: for each length k, in order: (the place of the run of the first k - 1 tokens among those of length k - 1)
            · size + the last token.
        counts: how often each of them occurs.
    """

    size: int
    keys: tuple[Array, ...] = field(repr=False)
    counts: tuple[Array, ...] = field(repr=False)

    def nats(self, indices: Array) -> dict[str, Array]:
        """What each token but the first costs, by baseline: (N - 1,) nats."""
        parts = []
        for start in range(1, len(indices), PIECE):
            first = max(0, start - ORDER + 1)  # the tokens before, as contexts
            part = self._nats(np.asarray(indices[first : start + PIECE], np.int64))
            parts.append({name: own[start - first - 1 :] for name, own in part.items()})
        return {name: np.concatenate([part[name] for part in parts]) for name in LABELS}

    def _nats(self, tokens: Array) -> dict[str, Array]:
        own = np.zeros(len(tokens), np.int64)  # the place of the run that ends here; -1 for one never seen
        found = {}
        p = np.full(len(tokens), 1 / self.size)
        for order in range(ORDER):
            if not len(self.keys[order]):
                break
            before = np.zeros(len(tokens), np.int64) if order == 0 else np.concatenate([[-1], own[:-1]])
            key = before * self.size + tokens
            place = np.minimum(np.searchsorted(self.keys[order], key), len(self.keys[order]) - 1)
            seen = (before >= 0) & (self.keys[order][place] == key)
            contexts = self.keys[order] // self.size
            count = max(1, len(self.keys[order - 1])) if order else 1
            times = np.bincount(contexts, self.counts[order], minlength=count)
            kinds = np.bincount(contexts, minlength=count)
            n, t = times[before], kinds[before]
            known = (before >= 0) & (n > 0)
            followed = np.where(seen, self.counts[order][place], 0)
            p = np.where(known, (followed + t * p) / np.where(known, n + t, 1), p)
            own = np.where(seen, place, -1)
            if order == 0:
                found["unigram"] = -np.log(p[1:])
        found[f"ngram{ORDER}"] = -np.log(p[1:])
        return found

    def record(self) -> dict[str, Any]:
        """JSON values, for the model file."""
        return {
            "size": self.size,
            "keys": [_packed(np.diff(keys, prepend=0)) for keys in self.keys],
            "counts": [_packed(counts) for counts in self.counts],
        }


def fit_ngrams(indices: Array, size: int) -> Ngrams:
    """Counts over a text, or over the end of a long one.

    >>> model = fit_ngrams(np.array([0, 1] * 20), 2)
    >>> bool(model.nats(np.array([0, 1, 0, 1]))["ngram5"].max() < 0.2)
    True
    """
    tokens = np.asarray(indices[-MOST_COUNTED:], np.int64)
    keys, counts = [], []
    own = np.zeros(len(tokens), np.int64)
    for order in range(ORDER):
        key = tokens if order == 0 else own[:-1] * size + tokens[order:]
        unique, own, count = np.unique(key, return_inverse=True, return_counts=True)
        keys.append(unique)
        counts.append(count)
    return Ngrams(size, tuple(keys), tuple(counts))


def ngrams_from_record(record: Any, size: int) -> Ngrams:
    """What :meth:`Ngrams.record` wrote.

    Raises:
        ModelFileError: it is not that.
    """
    if not isinstance(record, dict) or record.keys() != {"size", "keys", "counts"} or record["size"] != size:
        raise ModelFileError("its record of the baselines is malformed")
    if any(not isinstance(record[name], list) or len(record[name]) != ORDER for name in ("keys", "counts")):
        raise ModelFileError("its record of the baselines is malformed")
    keys = [np.cumsum(_unpacked(text)) for text in record["keys"]]
    counts = [_unpacked(text) for text in record["counts"]]
    before = 1
    for own, times in zip(keys, counts, strict=True):
        if len(own) != len(times) or not len(own) or not _possible(own, times, before * size):
            raise ModelFileError("its record of the baselines has impossible values")
        before = len(own)
    return Ngrams(size, tuple(keys), tuple(counts))


def _possible(keys: Array, counts: Array, bound: int) -> bool:
    return bool(keys[0] >= 0 and keys[-1] < bound and (np.diff(keys) > 0).all() and (counts > 0).all())


def _packed(values: Array) -> str:
    return base64.b64encode(zlib.compress(values.astype("<i8").tobytes(), 6)).decode("ascii")


def _unpacked(text: Any) -> Array:
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(base64.b64decode(text, validate=True), MOST_BYTES)
        if not unpacker.eof or len(content) % 8:
            raise ValueError
    except (TypeError, ValueError, binascii.Error, zlib.error) as error:
        raise ModelFileError("its record of the baselines is damaged") from error
    values: Array = np.frombuffer(content, "<i8").astype(np.int64)
    if len(values) and not 0 <= values.min() <= values.max() < 2**48:
        raise ModelFileError("its record of the baselines has impossible values")
    return values
