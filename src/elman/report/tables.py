"""Tables of scores in plain text: the same in a terminal, a log and a file."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from elman.learning import Breakdown, Candidate, Evaluation

MISSING = "–"


def score_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Mapping[str, float]]],
    best: str | Mapping[str, str] = "min",
    notes: Iterable[str] = (),
) -> str:
    """A table of scores, a row for each model or baseline, aligned on the decimal points.

    Numbers have four significant digits; integers (counts) all of theirs. The best of each column is marked with ``*``,
    and so is every score that equals it in four digits. A missing score or NaN is shown as ``–``.

    Args:
        title: the line above; "" for none.
        columns: the names of the scores, in order.
        rows: label and scores of each row; a score that is not there is missing.
        best: ``"min"`` or ``"max"`` for all columns, or column → one of these; a column not named has no best.
        notes: lines below.

    Returns:
        Lines joined by newlines, none at the end.

    >>> print(score_table("Test", ["mae", "mase"], [("gru", {"mae": 9.5, "mase": 0.61}), ("naive", {"mae": 12.25})]))
    Test
    <BLANKLINE>
              mae     mase
    ──────────────────────
    gru     9.500*  0.6100
    naive  12.25         –
    <BLANKLINE>
    * best of its column
    """
    directions = dict.fromkeys(columns, best) if isinstance(best, str) else best
    cells = [[shown(scores.get(name)) for name in columns] for _, scores in rows]
    labels = padded(["", *(label for label, _ in rows)])
    blocks = [labels]
    starred = False
    for index, name in enumerate(columns):
        texts = [row[index] for row in cells]
        stars = best_in_column([scores.get(name) for _, scores in rows], texts, directions.get(name))
        starred = starred or any(stars)
        numbers = _on_the_point(texts)
        numbers = [number + ("*" if star else " ") for number, star in zip(numbers, stars, strict=True)]
        blocks.append(padded([name + " ", *numbers], right=True))
    lines = ["  ".join(parts).rstrip() for parts in zip(*blocks, strict=True)]
    lines.insert(1, "─" * max(map(width, lines)))
    head = [title, ""] if title else []
    foot = [*(["* best of its column"] if starred else []), *notes]
    return "\n".join([*head, *lines, *([""] if foot else []), *foot])


def evaluation_text(name: str, evaluation: Evaluation) -> str:
    """What was measured and on what, the scores of the model called ``name`` beside the baselines', the verdict."""
    own = evaluation.labels.get("model", name)
    rows = [(own, evaluation.scores)] + [(evaluation.labels[key], row) for key, row in evaluation.baselines.items()]
    best = {metric.name: "min" if metric.better == "lower" else "max" for metric in evaluation.metrics}
    parts = [score_table(evaluation.title, list(best), rows, best)]
    if evaluation.breakdown is not None:
        parts.append(breakdown_text(evaluation.breakdown))
    return "\n\n".join([*parts, "\n".join((evaluation.verdict, *evaluation.notes))])


def candidates_text(candidates: Sequence[Candidate]) -> str:
    """The models that one was chosen among, and by what.

    >>> rnn, gru = Candidate({"cell": "rnn"}, 900, 0.5, 3), Candidate({"cell": "gru"}, 2700, 0.25, 8, chosen=True)
    >>> print(candidates_text([rnn, gru]))
    Chosen by the loss on the validation part: gru
    <BLANKLINE>
         parameters   epoch   validation loss
    ──────────────────────────────────────────
    rnn         900       3            0.5000
    gru        2700       8            0.2500*
    <BLANKLINE>
    * best of its column
    """
    rows: list[tuple[str, Mapping[str, float]]] = []
    for one in candidates:
        loss = math.nan if one.validation is None else one.validation
        rows.append((one.name, {"parameters": one.parameters, "epoch": one.best_epoch, "validation loss": loss}))
    kept = ", ".join(one.name for one in candidates if one.chosen)
    title = f"Chosen by the loss on the validation part: {kept}"
    return score_table(title, ["parameters", "epoch", "validation loss"], rows, {"validation loss": "min"})


MOST_PARTS = 24  # printed of a breakdown


def breakdown_text(found: Breakdown) -> str:
    """Scores part by part, aligned, with their mean and standard deviation below.

    >>> rows = (("2019", (1.0, 4.0)), ("2020", (3.0, 5.0)))
    >>> print(breakdown_text(Breakdown("MAE by year", ("gru", "naive"), rows)))
    MAE by year
    <BLANKLINE>
                       gru         naive
    ────────────────────────────────────
    2019       1.000        4.000
    2020       3.000        5.000
    mean ± sd  2.000 ± 1.4  4.500 ± 0.71
    """
    labels = [name for name, _ in found.rows[:MOST_PARTS]] + ["mean ± sd"]
    left = len(found.rows) - MOST_PARTS
    columns = []
    for k, (name, (mean, deviation)) in enumerate(zip(found.columns, found.mean(), strict=True)):
        texts = _on_the_point([shown(values[k]) for _, values in found.rows[:MOST_PARTS]] + [shown(mean)])
        spread = "" if math.isnan(deviation) else f" ± {deviation:.2g}"
        last = texts[-1].rstrip() + spread
        behind = " " * max(len(last) - len(texts[-1]), 0)  # the points stay below each other
        rows = [*(text + behind for text in texts[:-1]), last.ljust(len(texts[-1]))]
        columns.append(padded([name, *rows], right=True))
    lines = ["  ".join(parts).rstrip() for parts in zip(padded(["", *labels]), *columns, strict=True)]
    lines.insert(1, "─" * max(map(width, lines)))
    more = [f"… and {left} more"] if left > 0 else []
    return "\n".join([found.title, "", *lines[:-1], *more, lines[-1]])


def shown(value: float | None) -> str:
    """A number as people read it: four significant digits, integers whole, no exponent where there is no need.

    >>> [shown(value) for value in (0.61, 1234567.8, 12345, 0.00001234, None, float("nan"))]
    ['0.6100', '1234568', '12345', '1.234e-05', '–', '–']
    """
    if value is None or math.isnan(value):
        return MISSING
    if isinstance(value, int):
        return str(value)
    if 1000 <= abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value:#.4g}".rstrip(".")


def best_in_column(values: Sequence[float | None], texts: Sequence[str], direction: str | None) -> list[bool]:
    """Which of a column's scores are its best as they are shown; ``direction`` is ``"min"``, ``"max"`` or None."""
    known = [(value, text) for value, text in zip(values, texts, strict=True) if value is not None and value == value]
    if direction is None or len(known) < 2:
        return [False] * len(values)
    winner = {"min": min, "max": max}[direction](known)[1]
    return [text == winner for text in texts]


def _on_the_point(texts: Sequence[str]) -> list[str]:
    """Pads after the number, so that right-aligned numbers have their points below each other."""
    after = [len(text) - text.index(".") if "." in text else 0 for text in texts]
    return [
        text if text == MISSING else text + " " * (max(after) - places)
        for text, places in zip(texts, after, strict=True)
    ]


def padded(texts: Sequence[str], right: bool = False) -> list[str]:
    """Texts of one width, with spaces after them, or with ``right`` before them."""
    widest = max(map(width, texts))
    return [" " * (widest - width(text)) + text if right else text + " " * (widest - width(text)) for text in texts]


def width(text: str) -> int:
    """Columns of a terminal: letters of East Asia take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
