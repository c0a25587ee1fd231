"""A trained tagger: its record parsed once, its tags, its test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from elman.data.tagged import TaggedSentences
from elman.errors import DataError, ElmanError, ModelFileError, SettingsError
from elman.learning import Columns, Evaluation, Example, Predictor
from elman.model import CRFEnsembleHead, CRFHead, EnsembleHead, Model, SoftmaxHead, Stream, stream_of
from elman.tasks.tag.encoding import WORDS, Encoding
from elman.tasks.tag.explaining import example_of
from elman.tasks.tag.layers import score_layers
from elman.tasks.tag.record import Record, record_from
from elman.tasks.tag.schemes import OUTSIDE, PLAIN, in_scheme
from elman.tasks.tag.scores import evaluation_of

Array = np.ndarray
AT_ONCE = 128  # sentences of about one length
CHAINS = (CRFHead, CRFEnsembleHead)


class Outputs(NamedTuple):
    """Scores of some sentences' tags: which they are, (N, T, K) or of each member (N, T, M · K), and their lengths."""

    rows: Array
    scores: Array
    lengths: Array


class TagPredictor(Predictor):
    """Tags with ``model``, which was trained for the task ``tag``.

    Raises:
        ModelFileError: another task's model, a malformed record, or layers that do not do what it says: found when a
            file is read, not when it is used.
    """

    def __init__(self, model: Model, record: Record | None = None) -> None:
        if model.task != "tag":
            raise ModelFileError(f"it was trained for {model.task!a:.40}, not to tag")
        self.model, self.record = model, record_from(model.encoding) if record is None else record
        self.reads = model.wiring.inputs
        encoding = self.record.encoding
        last = encoding.characters[-1:] or "a"
        probe = TaggedSentences("the model", ((last, "\0"),))
        try:
            inputs, lengths = encoding.inputs(probe, self.reads)
            inputs[WORDS][0] = len(encoding.words)
            with np.errstate(over="ignore", invalid="ignore"):
                output, _ = model(inputs, lengths)
        except (ElmanError, ValueError, IndexError) as error:
            raise ModelFileError(f"its layers do not read its words ({str(error)!a:.80})") from error
        known = isinstance(model.head, (*CHAINS, SoftmaxHead, EnsembleHead))
        if not known or output.shape != (1, 2, len(encoding.tags) * self.members):
            raise ModelFileError("its layers do not tell its tags")
        if self.record.shift and len(score_layers(model)) != self.members:
            raise ModelFileError("it has a shift, and no last linear layer")

    @property
    def encoding(self) -> Encoding:
        """Words and tags."""
        return self.record.encoding

    @property
    def members(self) -> int:
        """How many networks it has side by side."""
        head = self.model.head
        return head.members if isinstance(head, CRFEnsembleHead | EnsembleHead) else 1

    def tags(self, data: TaggedSentences) -> list[list[str]]:
        """A tag for each word, in the scheme of the training files.

        Raises:
            DataError: the arithmetic overflows.
        """
        return self.told(data, self.outputs(data))

    def outputs(self, data: TaggedSentences) -> Iterator[Outputs]:
        """What the model says of ``data``, sentences of about one length at once.

        Raises:
            DataError: the arithmetic overflows.
        """
        order = np.argsort([len(words) for words in data.words], kind="stable")
        for start in range(0, len(order), AT_ONCE):
            rows = order[start : start + AT_ONCE]
            inputs, lengths = self.encoding.inputs(data.select(rows), self.reads)
            with np.errstate(over="ignore", invalid="ignore"):
                output, _ = self.model(inputs, lengths)
            if not np.isfinite(output).all():
                raise DataError(f"{data.source}: the model's scores are not finite; train it again")
            yield Outputs(rows, output, lengths)

    def told(self, data: TaggedSentences, outputs: Iterable[Outputs]) -> list[list[str]]:
        """The tags of ``data`` by :meth:`outputs`."""
        found: list[list[str]] = [[] for _ in data.words]
        for rows, output, lengths in outputs:
            with np.errstate(over="ignore", invalid="ignore"):
                answer = self.model.decode(output, lengths)
            best = answer if isinstance(self.model.head, CHAINS) else answer.argmax(axis=-1)
            for row, own, length in zip(rows, best, lengths, strict=True):
                found[row] = self.encoding.written(own[:length].tolist())
        return found

    def predict(self, data: TaggedSentences) -> Columns:
        """``sentence`` and ``token``, both from 1, ``word``, and its ``prediction``."""
        return self._table(data, self.tags(data))

    def _table(self, data: TaggedSentences, said: list[list[str]]) -> Columns:
        return {
            "sentence": [k for k, words in enumerate(data.words, start=1) for _ in words],
            "token": [k for words in data.words for k in range(1, len(words) + 1)],
            "word": [word for words in data.words for word in words],
            "prediction": [tag for tags in said for tag in tags],
        }

    def evaluate(self, test: TaggedSentences) -> Evaluation:
        """Scores on ``test``, which has tags.

        Raises:
            DataError: it has none.
        """
        encoding = self.encoding
        true = in_scheme(test.known_tags(), encoding.scheme, test.source)
        test, said = replace(test, tags=tuple(map(tuple, true))), self.tags(test)
        known_tags = self._tags()
        new = sum(tag not in known_tags for tags in true for tag in tags)
        known = set(encoding.words)
        unknown = sum(encoding.looked_up(word) not in known for words in test.words for word in words)
        table = self._table(test, said)
        rows = {name: table[name] for name in ("sentence", "token", "word")}
        rows |= {"y": [tag for tags in test.known_tags() for tag in tags], "prediction": table["prediction"]}
        notes = (f"{new} words have a tag that training did not have: it is never told.",) if new else ()
        found = evaluation_of(test, encoding.scheme, said, self.record.baseline.told(test), rows, unknown)
        return replace(found, notes=(*found.notes, *notes))

    def _tags(self) -> frozenset[str]:
        """Those that it can tell, in the scheme of its files."""
        encoding = self.encoding
        if encoding.scheme == PLAIN:
            return frozenset(encoding.tags)
        kinds = {tag[2:] for tag in encoding.tags if tag != OUTSIDE}
        return frozenset([OUTSIDE, *(f"{prefix}-{kind}" for kind in kinds for prefix in "BIES")])

    def has_seen(self, test: TaggedSentences) -> bool:
        return any(one.has(test) for one in self.record.seen)

    def stream(self) -> Stream:
        """One word in, the probability of each tag out, (K,) float32.

        Raises:
            SettingsError: the model also reads backwards, or tells the best sequence of a whole sentence.
        """
        if not self.model.wiring.causal:
            raise SettingsError(
                "this model has no single step: it reads a sentence to its end first; train one that is not "
                "`bidirectional`, with a `head` of softmax"
            )

        def read(word: Any) -> dict[str, Array]:
            if not isinstance(word, str) or not word:
                raise DataError(f"a stream takes one word a step, not {word!r:.60}")
            inputs, _ = self.encoding.inputs(TaggedSentences("", ((word,),)), self.reads)
            return {name: array[0, 0] for name, array in inputs.items()}

        return stream_of(self.model, read)

    def example(self, data: TaggedSentences, number: int) -> Example:
        return example_of(self.encoding, data, number, self.reads)

    def describe(self) -> list[str]:
        encoding = self.encoding
        tags = ", ".join(encoding.tags[:12]) + (" …" if len(encoding.tags) > 12 else "")
        return [
            f"{len(encoding.tags)} tags ({encoding.scheme}): {tags}",
            f"knows {len(encoding.words)} words and {len(encoding.characters)} characters",
            *self.shift_told(),
            f"fitted on {sum(one.count for one in self.record.seen)} sentences",
        ]

    def shift_told(self) -> list[str]:
        """A line on how much more or less readily ``O`` is told than training left it, or none."""
        shift = self.record.shift
        how = "lower" if shift > 0 else "higher"
        return [f"the score of O is {how} by {abs(shift):g}, for the best F1 on the validation part"] if shift else []


def with_record(model: Model, record: Record) -> TagPredictor:
    """A predictor of ``model`` that knows ``record``."""
    return TagPredictor(replace(model, encoding=record.to_record()), record)
