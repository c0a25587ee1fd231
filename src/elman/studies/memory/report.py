"""Memory horizons as tables and a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.data.generated import Puzzle
from elman.learning import Figure, Line
from elman.recurrence import Layout
from elman.report.grid import Grid
from elman.report.study import Study
from elman.report.tables import MISSING, shown
from elman.studies.memory.horizon import RULE, Horizon, Runs
from elman.studies.memory.learning import SCORED, init_of
from elman.studies.settings import MemorySettings

Record = dict[str, Any]


def record_of(
    settings: MemorySettings, layouts: Mapping[str, Layout], runs: Mapping[str, Runs], horizons: Mapping[str, Horizon]
) -> dict[str, Record]:
    """What ``memory.json`` has for each cell."""
    return {
        cell: {
            "hidden_size": layouts[cell].hidden_size,
            "options": layouts[cell].option_values,
            "recurrent_parameters": layouts[cell].parameter_count(),
            "init": init_of(cell, settings.init, 3).partition(":")[0],
            "horizon": None if found.last is None else found.last.lag,
            "failed": None if found.failed is None else found.failed.lag,
            "short_holds": found.holds,
            "tried": [
                {
                    "lag": tried.lag,
                    "solved": tried.solved,
                    "seeds": tried.seeds,
                    "interval": list(tried.interval),
                    "updates": [run["updates"] for run in runs[cell][tried.lag]],
                    "errors": [run["error"] for run in runs[cell][tried.lag]],
                    "diverged": [run["diverged"] for run in runs[cell][tried.lag]],
                    "later": [run["later"] for run in runs[cell][tried.lag]],
                }
                for tried in found.tried
            ],
        }
        for cell, found in horizons.items()
    }


def study_of(
    puzzle: Puzzle,
    settings: MemorySettings,
    cells: Mapping[str, Record],
    horizons: Mapping[str, Horizon],
    conclusions: list[str],
    command: str,
) -> Study:
    """The measurement as tables and a picture."""
    return Study(
        title=f"Memory by {puzzle.name}: {', '.join(horizons)}",
        conclusions=conclusions,
        grids=[_horizons(settings, cells, horizons), _lags(cells, horizons)],
        figures=[success(puzzle, settings, horizons), *effort(puzzle, settings, cells)],
        notes=_notes(puzzle, settings, cells, horizons),
        command=command,
    )


def _horizons(settings: MemorySettings, cells: Mapping[str, Record], horizons: Mapping[str, Horizon]) -> Grid:
    rows = [
        (
            cell,
            str(cells[cell]["hidden_size"]),
            str(cells[cell]["recurrent_parameters"]),
            str(cells[cell]["init"]),
            found.text(),
            _share(found.last),
            _share(found.failed),
            MISSING if found.holds is None else str(found.holds),
        )
        for cell, found in horizons.items()
    ]
    first = next(iter(horizons.values())).tried[0].lag
    heads = ("", "hidden size", "recurrent parameters", "init", "horizon", "seeds there", "seeds at the next")
    title = f"Horizon in steps: an error below {settings.error:g} within {settings.budget} updates"
    return Grid(title, (*heads, f"trained at {first}, holds to"), rows)


def _share(tried: Any) -> str:
    if tried is None:
        return MISSING
    low, high = tried.interval
    return f"{tried.solved} of {tried.seeds} ({low:.2f} to {high:.2f})"


def _lags(cells: Mapping[str, Record], horizons: Mapping[str, Horizon]) -> Grid:
    lags = sorted({tried.lag for found in horizons.values() for tried in found.tried})
    rows = []
    for lag in lags:
        texts = []
        for cell, found in horizons.items():
            tried = {one.lag: one for one in found.tried}.get(lag)
            if tried is None:
                texts.append(MISSING)
                continue
            record = next(row for row in cells[cell]["tried"] if row["lag"] == lag)
            errors = sorted(record["errors"])
            texts.append(f"{tried.solved} of {tried.seeds}, error {shown(errors[len(errors) // 2])}")
        rows.append((str(lag), *texts))
    return Grid("Seeds that learned each lag, and the median error", ("lag", *horizons), rows)


def success(puzzle: Puzzle, settings: MemorySettings, horizons: Mapping[str, Horizon]) -> Figure:
    """The share of seeds that learn a lag, with its interval, by lag."""
    lines = []
    for cell, found in horizons.items():
        lags = np.array([tried.lag for tried in found.tried])
        shares = np.array([tried.solved / tried.seeds for tried in found.tried])
        lows, highs = (np.array(bound) for bound in zip(*(tried.interval for tried in found.tried), strict=True))
        lines.append(Line(cell, lags, shares, "model", lows, highs))
    two_thirds = np.array(sorted({tried.lag for found in horizons.values() for tried in found.tried}))
    if len(two_thirds) > 1:
        lines.append(Line("two thirds", two_thirds, np.full(len(two_thirds), 2 / 3), "baseline"))
    return Figure(
        "success",
        f"{puzzle.name}: share of {settings.seeds} seeds that learn a lag",
        "lag in steps",
        "share, with its 95 % interval",
        tuple(lines),
        note="A cell stops at the first lag that fewer than two thirds of the seeds learn.",
        y_min=0,
        x_scale="log",
    )


def effort(puzzle: Puzzle, settings: MemorySettings, cells: Mapping[str, Record]) -> list[Figure]:
    """The updates that a lag takes, by lag: the median of the seeds that learned it. None where nothing was learned."""
    lines = []
    for cell, row in cells.items():
        needed = {
            tried["lag"]: [
                updates
                for updates, error in zip(tried["updates"], tried["errors"], strict=True)
                if error < settings.error  # that is, it solved it
            ]
            for tried in row["tried"]
        }
        known = {lag: float(np.median(updates)) for lag, updates in needed.items() if updates}
        if known:
            lines.append(Line(cell, np.array(list(known)), np.array(list(known.values())), "model"))
    figure = Figure(
        "updates",
        f"{puzzle.name}: updates until a lag is learned",
        "lag in steps",
        "updates, median of the seeds that learn it",
        tuple(lines),
        x_scale="log",
        y_scale="log",
    )
    return [figure] if lines else []


def _notes(
    puzzle: Puzzle, settings: MemorySettings, cells: Mapping[str, Record], horizons: Mapping[str, Horizon]
) -> list[str]:
    counts = [row["recurrent_parameters"] for row in cells.values()]
    first = next(iter(cells))
    apart = max(abs(count - counts[0]) for count in counts) / counts[0]
    matched = {
        "hidden": f"All cells have the hidden size of {first}; their parameters differ.",
        "parameters": f"Hidden sizes are chosen so that recurrent parameters match those of {first}: within "
        f"{apart:.1%}.",
    }[settings.match]
    kind = "mean squared error" if not puzzle.classes else "share of wrong symbols"
    bias = "" if settings.forget_bias is None else f", the keeping gate's bias {settings.forget_bias:g}"
    options = "; ".join(
        f"{cell} with {name}={value:g}" for cell, row in cells.items() for name, value in row["options"].items()
    )
    clipped = f"gradients clipped to {settings.clip_norm:g}" if settings.clip_norm else "gradients not clipped"
    lag = min(tried.lag for found in horizons.values() for tried in found.tried)
    what = (
        f"{puzzle.name}: {puzzle.source}. The error is the {kind} on {SCORED} sequences that no update draws; without "
        f"memory it is {puzzle.chance:.4g} (and the loss at lag {lag} {puzzle.chance_loss(lag):.4g})."
    )
    how = (
        f"One layer; AdamW at {settings.learning_rate:g} without weight decay, {clipped}; {settings.batch_size} new "
        f"sequences an update, the same for all cells of a seed; init {settings.init}{bias}"
        f"{options and '; ' + options}. A run ends when it reaches the error."
    )
    return [what, matched, how, RULE, *_diverged(cells)]


def _diverged(cells: Mapping[str, Record]) -> list[str]:
    """Where a gradient became infinite, which is a failure of the learning more than of the memory."""
    found = [
        f"{cell} at lag {tried['lag']} ({sum(tried['diverged'])} of {tried['seeds']} seeds)"
        for cell, row in cells.items()
        for tried in row["tried"]
        if any(tried["diverged"])
    ]
    what = "The gradient became infinite or not a number; the run counts as not learned, and a lower rate may help."
    return [f"Diverged: {', '.join(found)}. {what}"] if found else []
