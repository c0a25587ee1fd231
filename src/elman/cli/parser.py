"""The command line's grammar. A task's flags are made from its settings, so that they are defined once."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NoReturn

from elman._version import __version__
from elman.cli import commands
from elman.errors import SettingsError
from elman.runs.task import Task
from elman.runs.writing import WritingSettings
from elman.settings import Settings, field_types, flag_of, plain_type, rule_of
from elman.studies.settings import CHOSEN, CompareSettings, MemorySettings
from elman.tasks import TASKS, get_task


class _Parser(argparse.ArgumentParser):
    """Raises elman's own error for words that cannot be parsed, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message}; '{self.prog} --help' lists what there is")

    def _print_message(self, message: str, file: Any = None) -> None:
        (file or sys.stderr).write(message)  # argparse itself keeps silent where that fails


def make_parser() -> argparse.ArgumentParser:
    """The parser of ``elman``."""
    parser = _Parser(prog="elman", description="Recurrent networks: train, evaluate, use.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"elman {__version__}")
    parser.add_argument("--debug", action="store_true", help="show where an error was found")
    words = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_train(words)
    _add_use(words)
    _add_compare(words)
    _add_memory(words)
    return parser


def _add(words: Any, name: str, help: str, run: Callable[[argparse.Namespace], int] | None = None) -> Any:
    parser = words.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".", allow_abbrev=False)
    if run is not None:
        parser.set_defaults(run=run)
    return parser


def _add_train(words: Any) -> None:
    tasks = _add(words, "train", "train a model").add_subparsers(metavar="TASK", required=True)
    for name in TASKS:
        task = get_task(name)
        parser = _add(tasks, name, task.help, commands.train)
        _add_data(parser, task)
        if task.watchable:
            text = "redraw plots/watch.png while it trains, and show it where there is a display"
            parser.add_argument("--watch", action="store_true", help=text)
        parser.add_argument("--out", metavar="DIR", type=Path, help=f"run folder (default: the next runs/{name}-NNN)")
        parser.add_argument("--resume", action="store_true", help="resume the interrupted run in --out")
        parser.add_argument("--overwrite", action="store_true", help="replace the run in --out")
        parser.add_argument("--from", dest="start_from", metavar="RUN", type=Path, help="train this model further")
        _add_settings(parser, task)


def _add_data(parser: Any, task: Task) -> None:
    parser.set_defaults(task=task.name)
    parser.add_argument("data", metavar="DATA", help=task.data_help, nargs="+" if task.many_files else None)
    if task.test_help:
        parser.add_argument("--test", metavar="DATA", help=task.test_help)
    if task.validation_help:
        parser.add_argument("--validation-file", metavar="DATA", help=task.validation_help)


def _add_settings(parser: Any, task: Task, leave_out: Collection[str] = ()) -> None:
    group = parser.add_argument_group("columns")
    for field in field_types(task.columns):
        _add_setting(group, task.columns, field)
    owners = {field: _owner(task.settings, field) for field in field_types(task.settings)}
    for owner in task.settings.__mro__:
        if own := [field for field in owners if owners[field] is owner and field not in leave_out]:
            group = parser.add_argument_group((owner.__doc__ or "").splitlines()[0].rstrip(".").lower())
            for field in own:
                _add_setting(group, task.settings, field)


def _add_compare(words: Any) -> None:
    tasks = _add(words, "compare", "compare cells on one task: which one, and why").add_subparsers(
        metavar="TASK", required=True
    )
    for name in TASKS:
        task = get_task(name)
        parser = _add(tasks, name, f"compare cells: {task.help}", commands.compare)
        _add_data(parser, task)
        for field in field_types(CompareSettings):
            _add_setting(parser, CompareSettings, field)
        text = f"folder, where the same command goes on (default: runs/compare-{name})"
        parser.add_argument("--out", metavar="DIR", type=Path, help=text)
        _add_settings(parser, task, leave_out=CHOSEN)


def _add_memory(words: Any) -> None:
    parser = _add(words, "memory", "how far back each cell remembers, by learning to", commands.memory)
    for field in field_types(MemorySettings):
        _add_setting(parser, MemorySettings, field)
    text = "folder, where the same command goes on (default: runs/memory-TASK)"
    parser.add_argument("--out", metavar="DIR", type=Path, help=text)


def _owner(settings: type[Settings], field: str) -> type:
    """The class that defined a setting first; others may have changed its default."""
    return [owner for owner in settings.__mro__ if field in inspect.get_annotations(owner)][-1]


def _add_use(words: Any) -> None:
    for name, help, run in (
        ("evaluate", "score a run on data", commands.evaluate),
        ("predict", "the answers of a run's model for data; of a forecaster, what follows them", commands.predict),
    ):
        parser = _add(words, name, help, run)
        parser.add_argument("run_folder", metavar="RUN", type=Path, help="run folder")
        parser.add_argument("data", metavar="DATA", help="what the run's task reads", nargs="+")
        parser.add_argument("--out", metavar="FILE", type=Path, help="write the result here")
        if run is commands.evaluate:
            text = "score each step before the model learns from it, and show that beside the model as it was trained"
            parser.add_argument("--adapt", action="store_true", help=text)
        _add_columns_of_all_tasks(parser)
    text = "what a run's model does with one sequence of data: pictures, and a page to try things on"
    explain = _add(words, "explain", text, commands.explain)
    explain.add_argument("run_folder", metavar="RUN", type=Path, help="run folder")
    explain.add_argument("data", metavar="DATA", help="what the run's task reads", nargs="+")
    text = "which sequence, from 0 (default: 0)"
    explain.add_argument("--example", metavar="N", type=_reader(int), default=0, help=text)
    text = "folder for the pictures and the page (default: RUN/explain)"
    explain.add_argument("--out", metavar="DIR", type=Path, help=text)
    _add_columns_of_all_tasks(explain)
    generate = _add(words, "generate", "write with a run's model", commands.generate)
    generate.add_argument("run_folder", metavar="RUN", type=Path, help="run folder")
    generate.add_argument("--out", metavar="FILE", type=Path, help="write the text here")
    for field in field_types(WritingSettings):
        _add_setting(generate, WritingSettings, field)
    info = _add(words, "info", "show version, native core and threads, or describe a run", commands.info)
    info.add_argument("run_folder", metavar="RUN", type=Path, nargs="?", help="run folder")
    demo = _add(words, "demo", "forecast a noisy price with RNN, LSTM and GRU, in under a minute", commands.demo)
    demo.add_argument("--out", metavar="DIR", type=Path, default=Path("runs/demo"), help="folder for the pictures")


def _add_columns_of_all_tasks(parser: Any) -> None:
    """The task is known when the run folder is read: until then every task's columns may be named."""
    group = parser.add_argument_group("columns (default: as in training)")
    texts: dict[str, list[str]] = {}
    switches: set[str] = set()
    for task in map(get_task, TASKS):
        for field, kind in field_types(task.columns).items():
            if plain_type(kind)[0] is bool:
                switches.add(field)
            texts.setdefault(field, []).append(f"{task.name}: {rule_of(task.columns, field).help}")
    for field, help in texts.items():
        flag = flag_of(field)
        text = "; ".join(dict.fromkeys(help)).replace("%", "%%")
        if field in switches:
            group.add_argument(flag, dest=field, action=_Switch, nargs=0, help=text)
            group.add_argument(f"--no-{flag[2:]}", dest=field, action=_Switch, nargs=0, help=argparse.SUPPRESS)
        else:
            group.add_argument(flag, dest=field, action="append", metavar="COLUMN", help=text)
    parser.set_defaults(columns=tuple(texts))


class _Switch(argparse.Action):
    """``--name`` and ``--no-name``, in the lists that flags of columns make before the task is known."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        setattr(namespace, self.dest, [not str(option_string).startswith("--no-")])


def _add_setting(group: Any, settings: type[Settings], name: str) -> None:
    kind, _, many = plain_type(field_types(settings)[name])
    rule = rule_of(settings, name)
    default = {field.name: field.default for field in settings.__dataclass_fields__.values()}[name]
    flag = flag_of(name)
    shown = "" if default in (None, ()) else f" (default: {_shown(default)})"
    choices = f": {', '.join(rule.choices())}" if rule.choices is not None and ":" not in rule.help else ""
    text = (rule.help + choices + shown).replace("%", "%%")
    if kind is bool:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        return
    metavar = rule.metavar or {int: "N", float: "X"}.get(kind, "NAME")
    if many and (kind in (int, float) or rule.choices is not None):  # which hold no commas: --levels 80,95
        group.add_argument(flag, dest=name, type=_several(kind), action="extend", metavar=metavar, help=text)
        return
    action = "append" if many else "store"
    group.add_argument(flag, dest=name, type=_reader(kind), action=action, metavar=metavar, help=text)


def _several(kind: type) -> Callable[[str], list[Any]]:
    read = _reader(kind)
    return lambda text: [read(part.strip()) for part in text.split(",")]


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(map(_shown, default))
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"{default:g}" if isinstance(default, float) else str(default)


def _reader(kind: type) -> Callable[[str], Any]:
    described = {int: "a whole number", float: "a number"}

    def read(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {described.get(kind, kind.__name__)}") from None

    return read
