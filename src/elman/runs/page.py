"""What a run's page shows, and the command that makes the same run again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from elman.learning import Candidate
from elman.report.page import Page
from elman.report.tables import shown
from elman.runs.fitting import Outcome
from elman.settings import Settings, flag_of, to_record


def run_page(outcome: Outcome, settings: Settings, data: list[str], figures: list[Any], command: str) -> Page:
    """The page of a run that was trained just now.

    Args:
        data: facts on what was read.
        figures: what there is to draw.
        command: what makes the same run again; "" where nothing on a command line does.
    """
    model, values, defaults = outcome.final.model, to_record(settings), to_record(type(settings)())
    sizes = f"{model.parameter_count()} parameters, {model.recurrent_parameter_count()} of them recurrent"
    ended = ["training was interrupted: this is the best until then"] if outcome.interrupted else []
    return Page(
        title=f"{model.task}: {model.cell()}",
        model=model.cell(),
        command=command,
        data=data,
        # no times: equal runs have equal pages
        description=[*choice_lines(outcome.candidates), sizes, *outcome.final.describe(), *ended],
        evaluation=outcome.evaluation,
        figures=figures,
        settings=values,
        changed=frozenset(name for name, value in values.items() if value != defaults[name]),
    )


def choice_lines(candidates: Sequence[Candidate]) -> list[str]:
    """A line on each of the models that one was chosen among; none where there was no choice.

    >>> choice_lines([Candidate({"cell": "rnn"}, 900, 0.5, 3), Candidate({"cell": "gru"}, 2700, 0.25, 8, chosen=True)])
    ['rnn: 900 parameters, validation loss 0.5000', 'gru: 2700 parameters, validation loss 0.2500: chosen']
    """
    return [
        f"{one.name}: {one.parameters} parameters, validation loss {shown(one.validation)}"
        + (": chosen" if one.chosen else "")
        for one in candidates
    ]


def command_line(
    task: str,
    data: Any,
    test: Any,
    validation: Any,
    start_from: Path | None,
    columns: Mapping[str, Any],
    settings: Mapping[str, Any],
    command: str = "train",
) -> str:
    """``elman train …`` with these choices, or another command on a task; "" if the data are no file.

    >>> command_line("forecast", "my data.csv", None, None, None, {}, {"cell": "gru", "diff": False})
    "elman train forecast 'my data.csv' --cell gru --no-diff"
    """
    files = list(data) if isinstance(data, list | tuple) else [data]
    apart = [given for given in (test, validation) if given is not None]
    if not all(isinstance(given, str | Path) for given in files + apart):
        return ""
    words = ["elman", command, task, *map(str, files)]
    words += [] if test is None else [flag_of("test"), str(test)]
    words += [] if validation is None else [flag_of("validation_file"), str(validation)]
    words += [] if start_from is None else [flag_of("from_"), str(start_from)]
    for name, value in {**columns, **settings}.items():
        if isinstance(value, bool):
            words.append(flag_of(name if value else f"no_{name}"))
        elif value is not None:
            items = value if isinstance(value, list | tuple) else [value]
            words += [word for item in items for word in (flag_of(name), str(item))]
    return shlex.join(words)
