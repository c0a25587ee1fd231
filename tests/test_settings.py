"""Settings are defined once: their rules, their record, their signature and their flags all come from there."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import elman
from elman.cells import CELLS
from elman.cli.parser import make_parser
from elman.errors import ElmanError, SettingsError
from elman.model import ModelSettings
from elman.settings import (
    Settings,
    field_types,
    flag_of,
    from_record,
    plain_type,
    rule_of,
    setting,
    signature_of,
    to_record,
)
from elman.tasks import TASKS, get_task
from elman.training.settings import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class Sample(Settings):
    """One field of each type, and of each rule."""

    count: int = setting(3, "a count", minimum=1)
    share: float = setting(0.5, "a share", minimum=0, below=1)
    rate: float = setting(0.1, "a rate", above=0)
    flag: bool = setting(False, "a flag")
    name: str = setting("a", "a name", choices=lambda: ("a", "b"))
    perhaps: int | None = setting(None, "perhaps a count", minimum=2)
    columns: tuple[str, ...] = setting((), "columns")
    sizes: tuple[int, ...] = setting((1, 2), "sizes", minimum=1)


SETTINGS = {task: get_task(task).settings for task in TASKS}
COLUMNS = [get_task(task).columns for task in TASKS]
FIELDS = [(cls, name) for cls in [Sample, *SETTINGS.values(), *COLUMNS] for name in field_types(cls)]
BAD = {  # a value that no setting of the type takes
    int: ("12", 1.5, True, [1], math.nan, 1j, b"1"),
    float: ("0.1", True, [0.1], math.nan, math.inf, -math.inf, 1j),
    bool: (1, 0, "yes", 1.0, [True]),
    str: (1, True, 0.5, b"a", ["a"], {}),
}


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"count": 0}, "count is 0; it must be at least 1"),
        ({"count": "3"}, "count is '3'; it takes a whole number"),
        ({"count": 3.0}, "count is 3.0; it takes a whole number"),
        ({"count": True}, "count is True; it takes a whole number"),
        ({"count": None}, "count is missing; it takes a whole number"),
        ({"share": 1.0}, "share is 1.0; it must be less than 1"),
        ({"share": 1}, "share is 1.0; it must be less than 1"),
        ({"share": -0.1}, "share is -0.1; it must be at least 0"),
        ({"share": math.nan}, "share is nan; it must be a finite number"),
        ({"rate": 0}, "rate is 0.0; it must be greater than 0"),
        ({"rate": math.inf}, "rate is inf; it must be a finite number"),
        ({"rate": np.float64("nan")}, "rate is nan; it must be a finite number"),
        ({"rate": "fast"}, "rate is 'fast'; it takes a number"),
        ({"flag": 1}, "flag is 1; it takes true or false"),
        ({"flag": "yes"}, "flag is 'yes'; it takes true or false"),
        ({"name": "c"}, "name is 'c'; choose one of: a, b"),
        ({"name": 1}, "name is 1; it takes text"),
        ({"perhaps": 1}, "perhaps is 1; it must be at least 2"),
        ({"perhaps": "many"}, "perhaps is 'many'; it takes a whole number"),
        ({"columns": ["a", 1]}, "columns is 1; it takes text"),
        ({"sizes": (1, 0)}, "sizes is 0; it must be at least 1"),
        ({"sizes": "1"}, "sizes is '1'; it takes a whole number"),
        ({"columns": 5}, "columns is 5; it takes text"),
        ({"count": np.array([1, 2])}, "count is array([1, 2]); it takes a whole number"),
        ({"rate": 10**400}, "rate is inf; it must be a finite number"),
        ({"sizes": "12"}, "sizes is '12'; it takes a whole number"),
    ],
)
def test_every_rule_refuses_with_what_it_takes(given_, message):
    with pytest.raises(SettingsError) as caught:
        Sample(**given_)
    assert str(caught.value) == message
    assert isinstance(caught.value, ElmanError) and isinstance(caught.value, ValueError)


def test_what_a_rule_admits_and_what_comes_of_it():
    made = Sample(
        count=np.int64(1), share=0, rate=1e-300, flag=np.bool_(True), perhaps=np.int32(2), columns="a,b", sizes=[3, 4]
    )
    assert (made.count, made.share, made.flag, made.perhaps) == (1, 0.0, True, 2)
    assert [type(getattr(made, n)) for n in ("count", "share", "flag", "perhaps")] == [int, float, bool, int]
    assert (made.columns, made.sizes) == (("a,b",), (3, 4))  # one text is one column, not its letters
    assert Sample(share=math.nextafter(1, 0)).share < 1
    assert Sample(rate=np.float32(0.5)).rate == 0.5
    assert Sample(perhaps=None).perhaps is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.count = 5
    with pytest.raises(TypeError):
        Sample(3)  # by name only


def _only(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) else value


@pytest.mark.parametrize(("cls", "name"), FIELDS)
def test_every_setting_keeps_its_own_rules(cls, name):
    kind, optional, many = plain_type(field_types(cls)[name])
    rule = rule_of(cls, name)
    assert rule.help and not rule.help.endswith(".")
    default = {f.name: f.default for f in dataclasses.fields(cls)}[name]
    assert getattr(cls(**{name: default}), name) == default

    bad: list[Any] = [] if many else list(BAD[kind])
    if not optional:
        bad.append(None)
    else:
        assert getattr(cls(**{name: None}), name) is None
    if rule.choices is not None:
        given = default if many else (default,)
        assert (optional and default is None) or all(one in rule.choices() for one in given)
        for choice in rule.choices():
            assert _only(getattr(cls(**{name: choice}), name)) == choice
        bad += ["", "no such thing"]
    one = 1 if kind is int else 1e-9
    for limit, below, inside in ((rule.minimum, -one, 0), (rule.above, 0, one)):
        if limit is not None:
            assert limit + inside == _only(getattr(cls(**{name: kind(limit + inside)}), name))
            bad += [kind(limit + below), kind(limit - 10**6)]
    if rule.below is not None:
        bad += [kind(rule.below), kind(rule.below + 10**6)]
        assert _only(getattr(cls(**{name: kind(rule.below) - one}), name)) < rule.below
    for value in bad:
        with pytest.raises(SettingsError, match=f"^{name} is "):
            cls(**{name: [value] if many else value})


@pytest.mark.parametrize("task", SETTINGS)
def test_unknown_names_are_refused_with_those_there_are(task):
    with pytest.raises(SettingsError, match=r"'hiden_size' is not a setting of this task; there are: .*hidden_size"):
        from_record(SETTINGS[task], {"hiden_size": 3})
    with pytest.raises(SettingsError, match="'hiden_size' is not a setting"):
        elman.Forecaster(hiden_size=3)


def test_unknown_tasks_and_cells_are_refused_with_those_there_are():
    with pytest.raises(SettingsError, match="unknown task 'divine'; choose one of: forecast"):
        get_task("divine")
    with pytest.raises(SettingsError, match=f"cell is 'transformer'; choose one of: {', '.join(CELLS)}"):
        ModelSettings(cell="transformer")


@pytest.mark.parametrize("cls", [Sample, *SETTINGS.values(), *COLUMNS])
def test_defaults_survive_their_record(cls):
    record = to_record(cls())
    assert list(record) == list(field_types(cls))
    assert from_record(cls, json.loads(json.dumps(record, allow_nan=False))) == cls()


@given(
    count=st.integers(1, 10**9),
    share=st.floats(0, 1, exclude_max=True),
    flag=st.booleans(),
    columns=st.lists(st.text()),
    sizes=st.lists(st.integers(1, 99)),
    perhaps=st.none() | st.integers(2, 9),
)
def test_any_settings_survive_their_record(**values):
    made = Sample(**values)
    back = from_record(Sample, json.loads(json.dumps(to_record(made), allow_nan=False)))
    assert back == made and hash(back) == hash(made)


@pytest.mark.parametrize("cls", SETTINGS.values())
def test_the_signature_shows_every_setting_with_its_default(cls):
    shown = signature_of(cls).parameters
    assert list(shown) == list(field_types(cls))
    for field in dataclasses.fields(cls):
        assert shown[field.name].default == field.default
        assert shown[field.name].kind is inspect.Parameter.KEYWORD_ONLY
    assert issubclass(cls, ModelSettings) and issubclass(cls, TrainingSettings)


# ── the command line ─────────────────────────────────────────────────────────────────────────────────────────────


def parse(*words: str, task: str = "forecast") -> Any:
    return make_parser().parse_args(["train", task, "data.csv", *words])


def flags_of(task: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as left:
        make_parser().parse_args(["train", task, "--help"])
    assert left.value.code == 0
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("task", SETTINGS)
def test_every_setting_of_every_task_has_its_flag_and_its_help(task, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    text = flags_of(task, capsys)
    for name, kind in field_types(SETTINGS[task]).items():
        rule = rule_of(SETTINGS[task], name)
        flag = flag_of(name)
        assert f" {flag} " in text or f" {flag}, --no-{name.replace('_', '-')} " in text
        assert rule.help in text
        if rule.choices is not None:
            assert all(choice in text for choice in rule.choices())
        default = getattr(SETTINGS[task](), name)
        if default == ():
            assert f"{flag} " in text
        elif isinstance(default, tuple):
            assert f"(default: {','.join(f'{one:g}' for one in default)})" in text
        elif default is not None and kind is not bool:
            assert f"(default: {default:g})" in text if kind is float else f"(default: {default})" in text


@pytest.mark.parametrize(("task", "name"), [(task, name) for task in SETTINGS for name in field_types(SETTINGS[task])])
def test_a_flag_gives_its_setting_the_value_and_its_absence_nothing(task, name):
    kind, _, many = plain_type(field_types(SETTINGS[task])[name])
    rule, flag = rule_of(SETTINGS[task], name), flag_of(name)
    if kind is bool:
        assert getattr(parse(flag, task=task), name) is True
        assert getattr(parse("--no" + flag[1:], task=task), name) is False
    else:
        value = rule.choices()[-1] if rule.choices else {int: 7, float: 0.25, str: "cuda:1"}[kind]
        parsed = getattr(parse(flag, str(value), task=task), name)
        if many:
            assert getattr(parse(flag, f"{value},{value}", flag, str(value), task=task), name) == [value] * 3
            (parsed,) = parsed
        assert parsed == value and type(parsed) is kind
        assert from_record(SETTINGS[task], {name: parsed})
    assert getattr(parse(task=task), name) is None  # the definition's default holds, not a second one
    if kind in (int, float):
        with pytest.raises(SettingsError, match=f"{flag}.*'many'.*number"):
            parse(flag, "many", task=task)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--hidden", "3"], "unrecognized arguments: --hidden 3"),  # no abbreviations
        (["--horizon"], "--horizon: expected one argument"),
        (["--hidden-size", "1.5"], "--hidden-size.*'1.5'.*whole number"),
        (["more.csv"], "unrecognized arguments: more.csv"),
    ],
)
def test_words_that_mean_nothing_are_refused(words, message):
    with pytest.raises(SettingsError, match=message):
        parse(*words)
