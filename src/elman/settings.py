"""Settings, defined once: from one typed field come the Python signature, the command line's flag and the run's record.

A settings class is a frozen dataclass whose fields are made with :func:`setting`. The model and the training loop
define what they need (``ModelSettings``, ``TrainingSettings``); a task inherits both and adds its own.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import operator
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from elman.errors import SettingsError


@dataclass(frozen=True)
class Rule:
    """What a setting means and which values it takes."""

    help: str
    choices: Callable[[], Sequence[str]] | None = None
    minimum: float | None = None
    above: float | None = None
    below: float | None = None
    maximum: float | None = None
    metavar: str | None = None
    fixed: bool = False  # a property of the model, which further training cannot change
    instead_of: str | None = None  # a setting that cannot stand beside it


def setting(default: Any, help: str, **rule: Any) -> Any:
    """A dataclass field with its meaning (``help``) and its range; see :class:`Rule` for the keywords."""
    return dataclasses.field(default=default, metadata={"rule": Rule(help, **rule)})


def with_default(owner: type[Settings], name: str, default: Any) -> Any:
    """The field ``name`` of another settings class, for one that inherits it, with another default."""
    return dataclasses.field(default=default, metadata={"rule": rule_of(owner, name)})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all settings: checks every field when made.

    Raises:
        SettingsError: a value of the wrong type or out of range; the message names the setting and what it takes.
    """

    def __post_init__(self) -> None:
        for name, kind in field_types(type(self)).items():
            value = _coerced(name, getattr(self, name), kind)
            object.__setattr__(self, name, value)
            _check(name, value, rule_of(type(self), name))


S = TypeVar("S", bound=Settings)


def rule_of(cls: type[Settings], name: str) -> Rule:
    """The :class:`Rule` of field ``name``."""
    rule: Rule = cls.__dataclass_fields__[name].metadata["rule"]
    return rule


def field_types(cls: type[Settings]) -> Mapping[str, Any]:
    """Type of every field, in order of definition."""
    plain: type = cls  # mypy takes a class with an ``__eq__`` of its own for one that cannot be a key
    return _field_types(plain)


@functools.cache  # it takes milliseconds, and the command line asks for each flag
def _field_types(cls: type) -> Mapping[str, Any]:
    hints = typing.get_type_hints(cls)
    return types.MappingProxyType({f.name: hints[f.name] for f in dataclasses.fields(cls)})


def flag_of(name: str) -> str:
    """The word for a setting on the command line; one whose name Python keeps to itself ends in ``_`` here.

    >>> flag_of("hidden_size"), flag_of("as_")
    ('--hidden-size', '--as')
    """
    return "--" + name.rstrip("_").replace("_", "-")


def value_text(value: Any) -> str:
    """A setting's value in a message.

    >>> value_text(None), value_text(False), value_text(["a", "b"]), value_text("lstm")
    ('not given', 'off', "'a', 'b'", "'lstm'")
    """
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value)) or "not given"
    if value is None or isinstance(value, bool):
        return {None: "not given", True: "on", False: "off"}[value]
    return repr(value)


def plain_type(kind: Any) -> tuple[type, bool, bool]:
    """(type, may be None, is a tuple of it) of a field's type.

    >>> plain_type(int | None)
    (<class 'int'>, True, False)
    >>> plain_type(tuple[str, ...])
    (<class 'str'>, False, True)
    """
    optional = isinstance(kind, types.UnionType) and type(None) in typing.get_args(kind)
    if optional:
        (kind,) = (k for k in typing.get_args(kind) if k is not type(None))
    many = typing.get_origin(kind) is tuple
    return (typing.get_args(kind)[0] if many else kind), optional, many


def _coerced(name: str, value: Any, kind: Any) -> Any:
    base, optional, many = plain_type(kind)
    if value is None:
        if optional:
            return None
        raise SettingsError(f"{name} is missing; it takes {_described(base)}")
    if many:
        items = tuple(value) if isinstance(value, list | tuple) else (value,)
        found = tuple(_coerced(name, item, base) for item in items)
        # the very same object where nothing changed, as scikit-learn's clone asks
        return value if isinstance(value, tuple) and all(map(operator.is_, found, items)) else found
    if getattr(value, "shape", None) == ():  # a NumPy scalar
        value = value.item()
    if base is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 1e300 else math.inf
    if not isinstance(value, base) or (isinstance(value, bool) and base is not bool):
        raise SettingsError(f"{name} is {value!r}; it takes {_described(base)}")
    return value


def _described(base: type) -> str:
    return {int: "a whole number", float: "a number", str: "text", bool: "true or false"}.get(base, base.__name__)


def _check(name: str, value: Any, rule: Rule) -> None:
    if value is None:
        return
    if isinstance(value, tuple):
        for item in value:
            _check(name, item, rule)
        return
    if rule.choices is not None and value not in rule.choices():
        raise SettingsError(f"{name} is {value!r}; choose one of: {', '.join(rule.choices())}")
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{name} is {value}; it must be a finite number")
    if rule.minimum is not None and value < rule.minimum:
        raise SettingsError(f"{name} is {value}; it must be at least {rule.minimum:g}")
    if rule.above is not None and value <= rule.above:
        raise SettingsError(f"{name} is {value}; it must be greater than {rule.above:g}")
    if rule.maximum is not None and value > rule.maximum:
        raise SettingsError(f"{name} is {value}; it must be at most {rule.maximum:g}")
    if rule.below is not None and value >= rule.below:
        raise SettingsError(f"{name} is {value}; it must be less than {rule.below:g}")


def to_record(settings: Settings) -> dict[str, Any]:
    """Settings as JSON values.

    >>> @dataclass(frozen=True, kw_only=True)
    ... class Example(Settings):
    ...     steps: int = setting(1, "how many")
    >>> to_record(Example(steps=3))
    {'steps': 3}
    """
    record = dataclasses.asdict(settings)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in record.items()}


def from_record(cls: type[S], record: Mapping[str, Any]) -> S:
    """Settings from :func:`to_record`'s values, or from keyword arguments.

    Raises:
        SettingsError: a name that is no setting of ``cls``, or a bad value.
    """
    known = field_types(cls)
    for name in record:
        if name not in known:
            raise SettingsError(f"{name!r} is not a setting of this task; there are: {', '.join(known)}")
    return cls(**record)


def merged(cls: type[Settings], record: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """``record`` with the values of ``given``, and without those that cannot stand beside them."""
    replaced = {rule_of(cls, name).instead_of for name in given}
    return {**{name: value for name, value in record.items() if name not in replaced}, **given}


def signature_of(cls: type[Settings]) -> inspect.Signature:
    """The keyword-only signature that a Python class taking these settings shows to ``help()`` and to editors."""
    return inspect.signature(cls)
