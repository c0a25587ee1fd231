"""Which implementation of a recurrence runs: the choice alone, no computation.

============  =========================================================================
``native``    elman's compiled kernels, on NumPy arrays and on torch tensors
``torch``     torch's own kernels, for the cells that torch has
``reference`` the cells' equations as they are printed, a step at a time: slow, readable
============  =========================================================================

By default (``None``, automatic) the best one available runs. :func:`use_backend` asks for another in a block of code,
the environment variable ``ELMAN_BACKEND`` in a whole process, which reads it once, at the first choice; the block takes
precedence. A backend that is asked for and cannot run is replaced by the next best, with one warning through the logger
``elman``.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

from elman.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

Backend = Literal["native", "torch", "reference"]
BACKENDS: tuple[Backend, ...] = ("native", "torch", "reference")

_chosen: ContextVar[Backend | None] = ContextVar("elman_backend", default=None)
_strict: ContextVar[bool] = ContextVar("elman_backend_strict", default=False)


def _checked(name: str, source: str) -> Backend:
    for backend in BACKENDS:
        if name == backend:
            return backend
    raise SettingsError(f"{source}: unknown backend {name!r:.40}; choose one of {', '.join(BACKENDS)}")


def use_backend(name: str, *, strict: bool = False) -> contextlib.AbstractContextManager[None]:
    """Ask for one implementation in a block of code.

    Holds for the current thread (and asynchronous task) only. Blocks may be nested.

    Args:
        name: ``"native"``, ``"torch"`` or ``"reference"``.
        strict: what this backend cannot run is an error in the block, instead of running on another.

    Raises:
        SettingsError: there is no backend of that name.

    >>> from elman.recurrence.backends import current_backend, use_backend
    >>> with use_backend("reference"):
    ...     current_backend()
    'reference'
    """
    return _using(_checked(name, "use_backend"), strict)


@contextlib.contextmanager
def _using(backend: Backend, strict: bool) -> Iterator[None]:
    tokens = _chosen.set(backend), _strict.set(strict)
    try:
        yield
    finally:
        _chosen.reset(tokens[0])
        _strict.reset(tokens[1])


def current_backend() -> Backend | None:
    """The backend that was asked for, by :func:`use_backend` or ``ELMAN_BACKEND``; None where the choice is automatic.

    Raises:
        SettingsError: ``ELMAN_BACKEND`` names no backend.
    """
    return _chosen.get() or _of_the_process()


@functools.cache
def _of_the_process() -> Backend | None:
    # once: reading the environment takes longer than all other checks before a call
    name = os.environ.get("ELMAN_BACKEND", "")
    return _checked(name, "ELMAN_BACKEND") if name else None


def choose(implementations: Sequence[Backend], what: str) -> Backend:
    """The backend that runs a computation: the one asked for where it can run, else the first that can.

    Args:
        implementations: those that exist for the computation, best first; at least one that is not ``"native"``.
        what: the computation in a few words, for the warning where the one asked for does not exist.

    Raises:
        SettingsError: the one asked for cannot run, in a block of ``use_backend(…, strict=True)``.

    >>> with use_backend("reference"):
    ...     choose(["torch", "reference"], "a GRU on tensors")
    'reference'
    """
    asked = current_backend()
    runnable = [name for name in implementations if name != "native" or native_available()]
    if asked in runnable:
        return asked
    if asked is not None:
        refuse_if_strict(what)
    if asked in implementations or (asked is None and runnable[0] != implementations[0]):
        note_missing_core()
    elif asked is not None:
        warn_once(f"{what} has no {asked!r} implementation; it runs on {runnable[0]!r} instead")
    return runnable[0]


def refuse_if_strict(what: str) -> None:
    """Raise a :class:`SettingsError` where ``what``, which needs another backend, runs in a strict block."""
    if _strict.get():
        raise SettingsError(f"{what} has no {_chosen.get()!r} implementation, and strict=True allows no other")


def note_missing_core() -> None:
    """Warn once in a process if the compiled core is missing: its replacements may be slower."""
    if not native_available():
        warn_once(f"the compiled core is {native_status()}; slower code runs in its place")


@functools.cache
def warn_once(message: str) -> None:
    """Log a warning, once in a process, to the logger ``elman``."""
    import logging

    # unless the program configures logging, Python prints this on standard error
    logging.getLogger("elman").warning("elman: %s", message)


@functools.cache
def _load_native() -> tuple[ModuleType | None, str]:
    """The compiled module, and why it is absent if it is."""
    try:
        module = importlib.import_module("elman._native")
    except ModuleNotFoundError:
        return None, "absent (not compiled: reinstall elman where there is a C++ compiler)"
    except ImportError as error:
        return None, f"absent (cannot be loaded: {error})"
    try:
        module.target()
    except ValueError as error:  # ELMAN_TARGET names a target that cannot run
        named = os.environ.get("ELMAN_TARGET", "")
        raise SettingsError(str(error).replace(named, f"{named:.40}")) from None
    return module, ""


def native() -> Any:
    """The compiled module ``elman._native``, loaded at the first call; None where there is none.

    Raises:
        SettingsError: ``ELMAN_TARGET`` names an instruction set that is unknown or that this processor lacks.
    """
    return _load_native()[0]


def native_available() -> bool:
    """Whether the compiled core can be used."""
    return native() is not None


def native_status() -> str:
    """One line on the compiled core: the instruction set that runs and the others that could, or why there is no core.

    For example ``avx512 (of avx512, avx2, baseline)``.
    """
    module, reason = _load_native()
    if module is None:
        return reason
    return f"{module.target()} (of {', '.join(module.targets())})"
