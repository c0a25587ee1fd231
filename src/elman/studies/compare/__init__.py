"""``elman compare``: which cell suits these data, at equal parameters, updates and data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elman import atomic, jsontext
from elman.errors import RunFolderError
from elman.runs.files import read_json, without_nan
from elman.runs.folder import ROOT, locked
from elman.runs.page import command_line
from elman.settings import to_record
from elman.studies.compare.plan import Data, Plan, make_plan, mismatch
from elman.studies.compare.report import study_of
from elman.studies.compare.summary import summary
from elman.studies.compare.timing import measure_times
from elman.studies.compare.training import MEASURED, measured
from elman.studies.settings import CompareSettings
from elman.tasks import get_task
from elman.training.course import Course

NAME, PLAN, RUNS = "compare", "plan.json", "runs"


@dataclass(frozen=True)
class Comparison:
    """A comparison that was made.

    Args:
        folder: where its files are.
        record: what ``compare.json`` holds.
        text: the tables and conclusions, as the command line prints them.
        files: that were written.
    """

    folder: Path
    record: dict[str, Any] = field(repr=False)
    text: str = field(repr=False)
    files: tuple[Path, ...] = field(repr=False)

    @property
    def conclusions(self) -> list[str]:
        """What the numbers bear, a sentence each."""
        return list(self.record["conclusions"])


def compare(
    task: str,
    data: Any,
    *,
    cells: str | Sequence[str] = CompareSettings.cells,
    seeds: int = CompareSettings.seeds,
    match: str = CompareSettings.match,
    budget: int | None = None,
    out: Path | str | None = None,
    columns: Mapping[str, Any] | None = None,
    test: Any = None,
    validation_data: Any = None,
    pictures: bool = True,
    on_event: Callable[[Any], None] | None = None,
    **settings: Any,
) -> Comparison:
    """Train each cell from several seeds on the same data, and measure sizes, scores, gradients and times.

    Every run is a run folder of its own, in ``out/runs/``; the same call again goes on where one was interrupted, and
    further cells and seeds join what is there.

    Args:
        task: a name of the task table.
        data: what the task reads.
        cells: names of registered cells, the first being the reference.
        seeds: runs of each cell, from seed 0 on.
        match: what is equal: ``"parameters"``, the recurrent ones, those of the reference at its hidden size; or
            ``"hidden"``, the hidden size.
        budget: updates of each run, rounded down to whole epochs; without it the settings' ``epochs``.
        out: the folder; by default ``runs/compare-TASK``.
        columns: the names of the data's columns, by the task's names for them.
        test, validation_data: separate data, the ``test`` and ``validation`` of ``fit``.
        pictures: whether to draw, and to make the page that shows them.
        on_event: called with the events of :mod:`elman.training.events`.
        settings: of every run; without ``patience`` none stops early.

    Raises:
        SettingsError: a setting out of range, or one that the comparison chooses itself.
        DataError: data that cannot be used.
        RunFolderError: the folder holds another comparison, or cannot be written.

    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     few = {"seeds": 1, "horizon": 2, "epochs": 2}
    ...     found = compare("forecast", np.sin(np.arange(90)), cells="rnn,gru", out=folder, **few)
    ...     sorted(path.name for path in found.folder.glob("*.*"))
    ['compare.html', 'compare.json', 'compare.md', 'plan.json']
    >>> found.conclusions[0]
    'Not separated: 1 seed cannot tell cells apart; give at least 3.'
    """
    named = cells if isinstance(cells, str) else ",".join(cells)
    chosen, known = CompareSettings(cells=named, seeds=seeds, match=match, budget=budget), get_task(task)
    read = known.estimator(**settings).read(data, **(columns or {}))
    given = Data(read, dict(columns or {}), test, validation_data)
    plan = make_plan(known, given, chosen, settings)
    folder = Path(out) if out is not None else ROOT / f"{NAME}-{task}"
    with locked(folder):
        _check_identity(folder / PLAN, plan)
        runs = _train_all(plan, folder / RUNS, on_event)
        record = without_nan(summary(plan, runs, measure_times(plan)))
        own = {**to_record(chosen), **(columns or {})}
        command = command_line(task, data, test, validation_data, None, own, settings, NAME)
        study = study_of(record, command, mismatch(plan))
        written = study.write(folder, NAME, pictures=pictures)
        atomic.write_text(folder / f"{NAME}.json", jsontext.dumps(record, indent=1) + "\n")
    return Comparison(folder, record, study.text(), (folder / f"{NAME}.json", *written))


def _check_identity(path: Path, plan: Plan) -> None:
    """Make sure that the folder's runs, if there are any, are of this comparison."""
    identity = plan.identity()
    if path.exists():
        before = read_json(path)
        differ = [name for name, value in identity.items() if before.get(name) != value]
        if differ:
            raise RunFolderError(
                f"{path.parent}: holds another comparison ({', '.join(differ)} differ); choose another `out`"
            )
        return
    if any(entry for entry in path.parent.iterdir() if not entry.name.startswith(".")):
        raise RunFolderError(f"{path.parent}: not empty, and no comparison; choose another `out`")
    atomic.write_text(path, jsontext.dumps(identity, indent=1) + "\n")


def _train_all(plan: Plan, folder: Path, on_event: Callable[[Any], None] | None) -> dict[str, list[dict[str, Any]]]:
    """Seed by seed, so that a comparison that is stopped has them of all cells."""
    wanted = [(seed, cell) for seed in range(plan.seeds) for cell in plan.sizes]
    missing = {(seed, cell) for seed, cell in wanted if not (folder / f"{cell}-{seed}" / MEASURED).exists()}
    found: dict[str, list[dict[str, Any]]] = {cell: [] for cell in plan.sizes}
    course = Course(len(missing), on_event)
    for number, (seed, cell) in enumerate(wanted, start=1):
        course.begin(f"{cell}, seed {seed}, run {number} of {len(wanted)}")
        found[cell].append(measured(plan, cell, seed, folder / f"{cell}-{seed}", course))
        if (seed, cell) in missing:
            course.end()
    course.begin("times, measured alone")
    course.part(0.0, math.nan)
    return found
