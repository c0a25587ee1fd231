"""What a trained model does with one sequence: gates, states, memory, and what its outputs depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import DataError, MissingDependencyError, SettingsError
from elman.learning import Example
from elman.model import Model, QuantileHead
from elman.model.layer import has_steps
from elman.report.plots import draw
from elman.runs.estimator import Estimator
from elman.studies.explain import folder
from elman.studies.explain.connectivity import Connectivity, connectivity_of
from elman.studies.explain.inside import look_inside
from elman.studies.explain.page import page_text
from elman.studies.explain.parts import Part, parts_of
from elman.studies.explain.pictures import pictures_of
from elman.tasks import load
from elman.training.events import StudyPart

Array = np.ndarray
OnEvent = Callable[[Any], None]
MOST_STEPS, MOST_VALUES = 2000, 20_000  # of a sequence: what a page can hold


@dataclass(frozen=True)
class Explanation:
    """One sequence, seen from inside the model.

    Args:
        title: the run, and the sequence.
        model: the model.
        example: the sequence as the model reads it, and what its outputs mean.
        output: the model's output, (T, K), or (K,) for the whole sequence; float64.
        parts: each direction of each recurrent layer.
        connectivity: what each output depends on; None where a layer's gradient is not known.
        notes: what else there is to know, a sentence each.
        files: what was written, the page first.
    """

    title: str
    model: Model = field(repr=False)
    example: Example = field(repr=False)
    output: Array = field(repr=False)
    parts: tuple[Part, ...]
    connectivity: Connectivity | None = field(repr=False)
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def steps(self) -> tuple[str, ...]:
        """What the T steps that the model reads are called."""
        return self.example.steps[-self.example.read :]

    def page(self) -> str:
        """The page, as the text of an HTML file that needs no other."""
        return page_text(self.title, self.model, self.example, self.output, self.parts, self.connectivity, self.notes)

    def save(self, out: Path | str, on_event: OnEvent | None = None) -> Explanation:
        """Write the pictures and the page into the folder ``out``, in place of an earlier explanation there; gives the
        same explanation, with their paths. Without matplotlib there is the page alone, and a note.

        Args:
            on_event: told what is being done, for a display of progress.

        Raises:
            RunFolderError: the folder holds something else, or cannot be written.
        """
        drawings = pictures_of(self.parts, self.connectivity, self.example, self.steps)
        text, notes = self.page(), self.notes
        with folder.ready(Path(out)) as ready:
            pictures: list[Path] = []
            try:
                for number, drawing in enumerate(drawings):
                    if on_event is not None:
                        on_event(StudyPart("drawing", number / len(drawings)))
                    pictures.append(draw(drawing, ready / f"{drawing.name}.png"))
            except MissingDependencyError as error:
                notes = (*notes, f"no pictures: {error}")
            page = folder.write_page(ready, text, keep=pictures)
        return replace(self, files=(page, *pictures), notes=notes)


def explain(
    run: Estimator | Path | str,
    data: Any,
    *,
    example: int = 0,
    out: Path | str | None = None,
    on_event: OnEvent | None = None,
    **columns: Any,
) -> Explanation:
    """What a trained model does with one sequence of ``data``, without torch.

    Args:
        run: a trained estimator, or its run folder.
        data: whatever the run's task reads.
        example: which sequence, from 0: a series, a sequence, a sentence, or of a text a piece of 100 tokens.
        out: a folder for the pictures and for a page, ``explain.html``, on which the sequence can be changed.
        on_event: told what is being done, for a display of progress.
        columns: the names of the data's columns, by the task's names for them.

    Raises:
        DataError: data that the model cannot read, or no such sequence in them, or one too long to be shown.
        SettingsError: the task does not say what a sequence is, or its model has no recurrent layer.
        RunFolderError: ``out`` holds something else than an explanation, or cannot be written.

    >>> import elman
    >>> wave = np.sin(np.arange(120) * 2 * np.pi / 12)
    >>> forecaster = elman.Forecaster(cell="lstm", horizon=3, hidden_size=8, epochs=2).fit(wave)
    >>> found = elman.explain(forecaster, wave)
    >>> part = found.parts[0]
    >>> list(part.gates), part.states["c"].shape == (len(found.steps), 8), part.time_constants.shape
    (['i', 'f', 'g', 'o'], True, (8,))
    """
    if out is not None:
        folder.check(Path(out))
    estimator = run if isinstance(run, Estimator) else load(run)
    predictor = estimator.outcome.final
    dataset = estimator.read(data, **columns)
    model = predictor.model
    if on_event is not None:
        on_event(StudyPart("reading the sequence", 0.0))
    with np.errstate(over="ignore", invalid="ignore"):  # of absurd values the error below speaks
        shown = predictor.example(dataset, example)
        _check_size(shown)
        inside = look_inside(model, shown.inputs, shown.state, shown.apart)
    if not np.isfinite(inside.output).all():
        raise DataError(f"{shown.name}: its values are too far from those in training; check their units")
    parts = parts_of(model, inside.traces)
    if not parts:
        raise SettingsError("the model has no recurrent layer, and so no gates or states to look at")
    found = Explanation(
        f"{model.task}, {model.cell()}: {shown.name}", model, shown, inside.output, parts, None, shown.notes
    )

    def on_share(share: float) -> None:
        if on_event is not None:
            on_event(StudyPart("gradients", share))

    if inside.cut:
        lost = f"what an output depends on is left out: the gradient of a {inside.cut} layer is not known"
        found = replace(found, notes=(*found.notes, lost))
    else:
        medians = model.head.size if isinstance(model.head, QuantileHead) else None
        found = replace(found, connectivity=connectivity_of(inside, shown, found.steps, on_share, medians))
    return found if out is None else found.save(out, on_event)


def _check_size(example: Example) -> None:
    """A page holds so much and no more: a sequence that goes beyond is not cut in silence."""
    for array in example.inputs.values():
        if has_steps(array) and (array.shape[1] > MOST_STEPS or (array.dtype.kind == "f" and array.size > MOST_VALUES)):
            size = f"{array.shape[1]} steps of {array.shape[2] if array.ndim > 2 else 1} values"
            raise DataError(
                f"{example.name} has {size}, and {MOST_STEPS} steps and {MOST_VALUES} values can be shown; "
                "choose a shorter one by `example`"
            )
