"""Everything that elman raises on purpose: one line that names the thing and the remedy.

The command line prints these as ``error: …`` and exits with status 2; a traceback appears only under ``--debug``.
"""

from __future__ import annotations


class ElmanError(Exception):
    """Base of all of elman's own errors."""


class SettingsError(ElmanError, ValueError):
    """A setting has a value that cannot be used."""


class DataError(ElmanError, ValueError):
    """A file, frame or array cannot be used as data; the message names the place and the remedy."""


class ShapeError(ElmanError, ValueError):
    """An array has the wrong shape or type for the operation."""


class ModelFileError(ElmanError, ValueError):
    """A model file is missing, damaged, not elman's, or from a newer elman."""


class RunFolderError(ElmanError, OSError):
    """A run folder cannot be written, read or continued."""


class MissingDependencyError(ElmanError, ImportError):
    """An optional package is needed; the message holds the command that installs it."""

    def __init__(self, package: str, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} needs {package}, which is not installed: pip install 'elman[{extra}]'")


class TrainingError(ElmanError, ArithmeticError):
    """Training cannot continue: the loss or a gradient is no longer finite."""
