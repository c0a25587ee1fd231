"""``elman memory``: how far back each cell remembers, measured by learning puzzles of a rising lag."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elman import atomic, jsontext
from elman._version import __version__
from elman.data.generated import Puzzle, puzzle_of
from elman.errors import RunFolderError, SettingsError
from elman.recurrence import Layout
from elman.runs.files import read_json
from elman.runs.folder import ROOT, locked
from elman.settings import flag_of, from_record, to_record
from elman.studies.cell_specs import parse_cells
from elman.studies.memory.horizon import RULE, Horizon, conclude, enough, horizon_of
from elman.studies.memory.layouts import layouts_of
from elman.studies.memory.learning import Lesson, learn
from elman.studies.memory.report import record_of, study_of
from elman.studies.settings import MemorySettings
from elman.training.course import Course

NAME, PLAN, RESULTS = "memory", "plan.json", "results"
JOINING = {"cells", "seeds"}  # what may differ when the same folder is gone on with: more of it


@dataclass(frozen=True)
class Memory:
    """A measurement that was made.

    Args:
        folder: where its files are.
        horizons: by cell.
        record: what ``memory.json`` holds.
        text: the tables and conclusions, as the command line prints them.
        files: that were written.
    """

    folder: Path
    horizons: dict[str, Horizon] = field(repr=False)
    record: dict[str, Any] = field(repr=False)
    text: str = field(repr=False)
    files: tuple[Path, ...] = field(repr=False)


def memory(*, out: Path | str | None = None, on_event: Callable[[Any], None] | None = None, **settings: Any) -> Memory:
    """Let each cell learn a puzzle at one lag after another, from several seeds, until it fails.

    Each finished run (a cell, a lag, a seed) is a file in ``out/results/``; the same call again goes on after them, and
    further cells and seeds join what is there.

    Args:
        out: the folder; by default ``runs/memory-TASK``.
        on_event: called with :class:`elman.training.events.StudyPart`.
        settings: those of :class:`elman.studies.settings.MemorySettings`.

    Raises:
        SettingsError: a setting out of range.
        RunFolderError: the folder holds another measurement, or cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = memory(cells="rnn,gru", lags="2,4", seeds=1, budget=300, hidden_size=16, out=folder)
    >>> [found.horizons[cell].text() for cell in ("rnn", "gru")]
    ['≥ 4', '≥ 4']
    """
    chosen = from_record(MemorySettings, settings)
    cells, lags, puzzle = parse_cells(chosen.cells), parse_lags(chosen.lags), puzzle_of(chosen.task)
    puzzle.draw(lags[0], 1, 0)
    layouts = layouts_of(chosen, puzzle, cells)
    folder = Path(out) if out is not None else ROOT / f"{NAME}-{chosen.task}"
    with locked(folder):
        _check_plan(folder / PLAN, chosen, cells[0])
        _make(folder / RESULTS)
        runs = _run_all(chosen, puzzle, layouts, lags, folder / RESULTS, on_event)
        horizons = {cell: horizon_of(found, chosen.error) for cell, found in runs.items()}
        sentences = conclude(horizons)
        found = record_of(chosen, layouts, runs, horizons)
        record = {
            "elman": __version__,
            "settings": to_record(chosen),
            "chance": puzzle.chance,
            "cells": found,
            "rule": RULE,
            "conclusions": sentences,
        }
        study = study_of(puzzle, chosen, found, horizons, sentences, _command(settings))
        path = folder / f"{NAME}.json"
        atomic.write_text(path, jsontext.dumps(record, indent=1) + "\n")
        written = study.write(folder, NAME)
    return Memory(folder, horizons, record, study.text(), (path, *written))


def parse_lags(text: str) -> tuple[int, ...]:
    """Lags from text.

    Raises:
        SettingsError: something that is no whole number, or is not larger than what stands before it.

    >>> parse_lags("5, 10,20")
    (5, 10, 20)
    """
    try:
        lags = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise SettingsError(f"lags is {text!r:.60}; it takes whole numbers with commas between them") from None
    if list(lags) != sorted(set(lags)):
        raise SettingsError(f"lags is {text!r:.60}; each must be larger than the one before it")
    return lags


def _check_plan(path: Path, settings: MemorySettings, reference: str) -> None:
    """Make sure that the folder's results, if there are any, are of this measurement."""
    known = {name: value for name, value in to_record(settings).items() if name not in JOINING}
    plan = {"elman": __version__, "reference": reference, **known}
    if path.exists():
        before = read_json(path)
        differ = [name for name, value in plan.items() if before.get(name) != value]
        if differ:
            raise RunFolderError(
                f"{path.parent}: holds another measurement ({', '.join(differ)} differ); choose another `out`"
            )
        return
    if any(entry for entry in path.parent.iterdir() if not entry.name.startswith(".")):
        raise RunFolderError(f"{path.parent}: not empty, and no measurement of memory; choose another `out`")
    atomic.write_text(path, jsontext.dumps(plan, indent=1) + "\n")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{folder}: cannot be made ({error.strerror}); choose another `out`") from error


def _run_all(
    settings: MemorySettings,
    puzzle: Puzzle,
    layouts: Mapping[str, Layout],
    lags: Sequence[int],
    folder: Path,
    on_event: Callable[[Any], None] | None,
) -> dict[str, dict[int, list[dict[str, Any]]]]:
    """Lag by lag, all cells that have not failed: a measurement that is stopped has as much of each."""
    found: dict[str, dict[int, list[dict[str, Any]]]] = {cell: {} for cell in layouts}
    course, going = Course(len(lags) * len(layouts) * settings.seeds, on_event), list(layouts)
    for number, lag in enumerate(lags):
        for cell in tuple(going):
            runs = found[cell].setdefault(lag, [])
            for seed in range(settings.seeds):
                course.begin(f"{puzzle.name}: {cell}, lag {lag}, seed {seed}")
                lesson = _lesson(settings, puzzle, layouts[cell], lag, seed, lags[number + 1 :])
                runs.append(_result(lesson, folder / f"{cell}-{lag}-{seed}.json", course))
                course.end()
            if not enough(sum(bool(run["solved"]) for run in runs), len(runs)):
                going.remove(cell)
                course.skip((len(lags) - number - 1) * settings.seeds)
    return found


def _lesson(
    settings: MemorySettings, puzzle: Puzzle, layout: Layout, lag: int, seed: int, later: Sequence[int]
) -> Lesson:
    return Lesson(
        puzzle,
        layout,
        lag,
        seed,
        settings.budget,
        settings.batch_size,
        settings.learning_rate,
        settings.clip_norm,
        settings.init,
        settings.forget_bias,
        settings.error,
        later,
    )


def _result(lesson: Lesson, path: Path, course: Course) -> dict[str, Any]:
    """The run's result, from its file if it is finished."""
    if not path.exists():
        record = {"cell": lesson.layout.cell, "lag": lesson.lag, "seed": lesson.seed, **learn(lesson, course.part)}
        atomic.write_text(path, jsontext.dumps(record) + "\n")
    try:
        found = jsontext.read(path)
        return {name: found[name] for name in ("solved", "updates", "error", "diverged", "later")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunFolderError(f"{path}: damaged ({error}); remove it, and the run is made again") from error


def _command(settings: Mapping[str, Any]) -> str:
    words = [word for name, value in settings.items() for word in (flag_of(name), str(value))]
    return shlex.join(["elman", NAME, *words])
