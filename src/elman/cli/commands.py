"""What each command calls and prints."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from elman.cli.streams import complain, give, give_pieces, say
from elman.errors import SettingsError
from elman.runs.writing import WritingSettings
from elman.settings import Settings, field_types, plain_type
from elman.studies.settings import CHOSEN, CompareSettings, MemorySettings


def train(arguments: argparse.Namespace) -> int:
    """``elman train TASK DATA``."""
    from elman.report.progress import Progress
    from elman.report.tables import candidates_text, evaluation_text
    from elman.runs.train import train_run
    from elman.tasks import get_task

    _prepare()
    task = get_task(arguments.task)
    with Progress() as progress:
        run = train_run(
            task,
            arguments.data if isinstance(arguments.data, str) else _one_or_all(arguments.data),
            _given(arguments, task.settings),
            columns=_given(arguments, task.columns),
            test=getattr(arguments, "test", None),
            validation=getattr(arguments, "validation_file", None),
            out=arguments.out,
            resume=arguments.resume,
            overwrite=arguments.overwrite,
            start_from=arguments.start_from,
            watch=getattr(arguments, "watch", False),
            on_event=progress,
        )
    if run.estimator is None:
        say(f"{run.folder}: the run is complete; there is nothing to resume")
        return 0
    outcome = run.estimator.outcome
    for line in run.estimator.describe_data():
        say(line)
    if outcome.candidates:
        say(candidates_text(outcome.candidates) + "\n")
    if outcome.evaluation is not None:
        say(evaluation_text(run.estimator.model.cell(), outcome.evaluation))
    for note in run.notes:
        say(note)
    say(f"\nRun folder: {run.folder}")
    for picture in run.pictures:
        say(f"  {picture}")
    if outcome.interrupted:
        complain("interrupted: this is the best so far; --resume goes on")
        return 130
    return 0


def evaluate(arguments: argparse.Namespace) -> int:
    """``elman evaluate RUN DATA``."""
    from elman.runs import commands
    from elman.tasks import load

    estimator = load(arguments.run_folder)
    columns = _columns_of_run(arguments, estimator.columns_class, estimator.task_name)
    data = _data_of_run(arguments, estimator)
    say(commands.evaluate(estimator, data, columns, arguments.out, adapt=arguments.adapt))
    return 0


def predict(arguments: argparse.Namespace) -> int:
    """``elman predict RUN DATA``."""
    from elman.runs import commands
    from elman.tasks import load

    estimator = load(arguments.run_folder)
    columns = _columns_of_run(arguments, estimator.columns_class, estimator.task_name)
    text, remarks = commands.predict(estimator, _data_of_run(arguments, estimator), columns, arguments.out)
    (give if arguments.out is None else say)(text)
    for remark in remarks:
        complain(remark)  # standard output is the answers' alone
    return 0


def generate(arguments: argparse.Namespace) -> int:
    """``elman generate RUN``."""
    from elman.runs import commands
    from elman.tasks import load

    estimator = load(arguments.run_folder)
    pieces = commands.generate(estimator, _given(arguments, WritingSettings))
    if arguments.out is None:
        give_pieces(pieces)
    else:
        say(f"{arguments.out}: {commands.save_text(arguments.out, pieces)} characters")
    return 0


def explain(arguments: argparse.Namespace) -> int:
    """``elman explain RUN DATA``."""
    from elman.report.progress import Progress
    from elman.studies.explain import explain
    from elman.tasks import load

    estimator = load(arguments.run_folder)
    columns = _columns_of_run(arguments, estimator.columns_class, estimator.task_name)
    data = _data_of_run(arguments, estimator)
    out = arguments.run_folder / "explain" if arguments.out is None else arguments.out
    with Progress() as progress:
        found = explain(estimator, data, example=arguments.example, out=out, on_event=progress, **columns)
    say("\n".join([found.title, *found.notes, *(f"  {path}" for path in found.files)]))
    return 0


def info(arguments: argparse.Namespace) -> int:
    """``elman info [RUN]``."""
    from elman.runs import commands
    from elman.tasks import load

    folder = arguments.run_folder
    say(commands.info() if folder is None else commands.describe(load(folder), folder))
    return 0


def compare(arguments: argparse.Namespace) -> int:
    """``elman compare TASK DATA``."""
    from elman.report.progress import Progress
    from elman.studies.compare import compare
    from elman.tasks import get_task

    _prepare()
    task = get_task(arguments.task)
    own, settings = _given(arguments, CompareSettings), _given(arguments, task.settings, leave_out=CHOSEN)
    with Progress() as progress:
        found = compare(
            task.name,
            arguments.data if isinstance(arguments.data, str) else _one_or_all(arguments.data),
            out=arguments.out,
            columns=_given(arguments, task.columns),
            test=getattr(arguments, "test", None),
            validation_data=getattr(arguments, "validation_file", None),
            on_event=progress,
            **own,
            **settings,
        )
    _say_study(found.text, found.files)
    return 0


def memory(arguments: argparse.Namespace) -> int:
    """``elman memory``."""
    from elman.report.progress import Progress
    from elman.studies.memory import memory

    _prepare()
    with Progress() as progress:
        found = memory(out=arguments.out, on_event=progress, **_given(arguments, MemorySettings))
    _say_study(found.text, found.files)
    return 0


def _say_study(text: str, written: Iterable[Path]) -> None:
    say(text + "\n\nFiles:")
    for path in written:
        say(f"  {path}")


def demo(arguments: argparse.Namespace) -> int:
    """``elman demo``."""
    from elman.report.progress import Progress
    from elman.studies.demo import demo

    _prepare()
    with Progress() as progress:
        text = demo(arguments.out, progress)
    say(text)
    return 0


def _prepare() -> None:
    """What a process that trains does first."""
    from elman.recurrence.backends import note_missing_core
    from elman.training.memory import keep_freed_memory

    note_missing_core()
    keep_freed_memory()


def _given(arguments: argparse.Namespace, settings: type[Settings], leave_out: Collection[str] = ()) -> dict[str, Any]:
    """The settings that were named on the command line."""
    found = {name: getattr(arguments, name) for name in field_types(settings) if name not in leave_out}
    return {name: value for name, value in found.items() if value is not None}


def _columns_of_run(arguments: argparse.Namespace, columns: type[Settings], task: str) -> dict[str, Any]:
    """The columns named on the command line, which offers those of all tasks."""
    known = field_types(columns)
    given = {name: value for name in arguments.columns if (value := getattr(arguments, name)) is not None}
    for name, values in given.items():
        if name not in known:
            raise SettingsError(f"`{name}` names a column that a run of the task {task} does not have; leave it out")
        if not plain_type(known[name])[2]:
            if len(values) > 1:
                raise SettingsError(f"`{name}` is given {len(values)} times; a run of the task {task} takes one")
            given[name] = _word(name, values[0], plain_type(known[name])[0])
    return given


def _one_or_all(data: list[str]) -> Any:
    return data[0] if len(data) == 1 else data


def _data_of_run(arguments: argparse.Namespace, estimator: Any) -> Any:
    from elman.tasks import get_task

    task = get_task(estimator.task_name)
    if len(arguments.data) > 1 and not task.many_files:
        raise SettingsError(f"a run of the task {task.name} reads one DATA, not {len(arguments.data)}; give one")
    return _one_or_all(arguments.data)


def _word(name: str, text: str | bool, kind: type) -> Any:
    if kind is not int:
        return text
    try:
        return int(text)
    except ValueError:
        raise SettingsError(f"{name} is {text!r:.40}; it takes a whole number") from None
