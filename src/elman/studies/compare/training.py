"""One run of a comparison: trained, or found trained, and what is measured of it that depends on no clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from elman import atomic, jsontext
from elman.cells import get_cell
from elman.errors import ElmanError, RunFolderError
from elman.learning import Evaluation, Problem
from elman.runs import files
from elman.runs.estimator import Estimator
from elman.runs.phases import initial_network
from elman.runs.train import train_run
from elman.studies.cell_specs import multiply_adds, recurrent_parameters
from elman.studies.compare.plan import Plan, layouts_of
from elman.studies.gradients import gradient_by_lag

MEASURED = "measured.json"  # in the folder of a run
OnEvent = Callable[[Any], None]


def measured(plan: Plan, cell: str, seed: int, folder: Path, on_event: OnEvent | None = None) -> dict[str, Any]:
    """Train the run in ``folder``, or go on with it, unless it is finished, and measure it.

    Raises:
        KeyboardInterrupt: training was interrupted; what there is stays, to go on from.
        RunFolderError: the folder holds something else, or cannot be written.
    """
    path = folder / MEASURED
    if path.exists():
        return known(path)
    run = train_run(
        plan.task,
        plan.data.read,
        plan.settings_of(cell, seed),
        columns=plan.data.columns,
        test=plan.data.test,
        validation=plan.data.validation,
        out=folder,
        resume=folder.exists(),
        pictures=False,
        refit=False,
        on_event=on_event,
    )
    if run.estimator is not None and run.estimator.outcome.interrupted:
        raise KeyboardInterrupt
    record = _measure(plan, cell, seed, folder, run.estimator)
    atomic.write_text(path, jsontext.dumps(files.without_nan(record), indent=1) + "\n")
    return known(path)  # as a comparison that is resumed finds it


def known(path: Path) -> dict[str, Any]:
    """What was measured of a run.

    Raises:
        RunFolderError: the file is damaged.
    """
    try:
        record = jsontext.read(path)
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path}: damaged ({error}); remove it, and the run is measured again") from error
    if not isinstance(record, dict):
        raise RunFolderError(f"{path}: damaged (no object); remove it, and the run is measured again")
    return record


def _measure(plan: Plan, cell: str, seed: int, folder: Path, trained: Estimator | None) -> dict[str, Any]:
    """Everything that the tables show of one run. NaN where there is nothing to say."""
    problem = plan.problem(cell, seed)
    settings = plan.estimator(cell, seed).settings
    run = plan.task.estimator.load(folder) if trained is None else trained
    predictor = run.outcome.final  # nothing was fitted on the test
    arrays, layouts = predictor.model.arrays, layouts_of(problem)
    history = files.history(folder)
    best = int(files.read_json(folder / files.METRICS)["best_epoch"])
    network = initial_network(problem, settings)
    held_out = problem.validation()
    looked_at = problem.train() if held_out is None else held_out
    before = gradient_by_lag(network, looked_at)
    network = initial_network(problem, settings, arrays)
    kind = "error" if problem.error_chooses else "loss"
    losses = _losses(network, problem, settings)
    # where the initial weights were the best, no epoch has their loss
    validation = history[best - 1][f"validation_{kind}"] if best else losses["validation"]
    return {
        "cell": cell,
        "seed": seed,
        "hidden_size": plan.sizes[cell],
        "gates": list(get_cell(cell).gates),
        "states": list(get_cell(cell).states),
        "parameters": predictor.model.parameter_count(),
        "recurrent_parameters": recurrent_parameters(layouts),
        "multiply_adds": multiply_adds(layouts),
        "epochs": len(history),
        "updates": len(history) * plan.updates,
        "best_epoch": best,
        "validation": None if held_out is None else validation,
        "validation_kind": kind,
        "curve": [row[f"validation_{kind}"] for row in history],
        "losses": losses,
        **_test(problem, run, trained is None),
        "gradient": {
            when: {name: profile.tolist() for name, profile in found._asdict().items()}
            for when, found in (("before", before), ("after", gradient_by_lag(network, looked_at)))
        },
    }


def _losses(network: Any, problem: Problem, settings: Any) -> dict[str, float | None]:
    """The loss over the whole of the fitted part and of the validation part, dropout off."""
    import torch

    from elman.training.batches import to_tensors
    from elman.training.trainer import batch_size, mean_loss

    found: dict[str, float | None] = {}
    for name, examples in (("training", problem.train()), ("validation", problem.validation())):
        found[name] = None
        if examples is not None:
            whole = network.keeps_time(examples.sequences)
            tensors = to_tensors(examples, torch.device("cpu"), name, keeps_time=whole)
            found[name] = mean_loss(network, tensors, batch_size(settings, len(examples)), problem.bptt_steps)
    return found


def _test(problem: Problem, run: Estimator, again: bool) -> dict[str, Any]:
    """The scores of the test beside the baselines', if there is one."""
    if problem.test is None:
        return {"test": {}, "metrics": [], "baselines": {}, "labels": {}, "title": ""}
    found: Evaluation | None = run.outcome.final.evaluate(problem.test) if again else run.outcome.evaluation
    if found is None:
        raise ElmanError("a run with a test was not evaluated on it")
    return {
        "test": dict(found.scores),
        "metrics": [[metric.name, metric.better] for metric in found.metrics],
        "baselines": {name: dict(scores) for name, scores in found.baselines.items()},
        "labels": dict(found.labels),
        "title": found.title,
    }
