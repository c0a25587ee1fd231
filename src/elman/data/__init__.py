"""Data: files and frames become tables, tables become series, series become windows. NumPy and the standard library."""

from elman.data.fill import fill
from elman.data.frequency import Frequency
from elman.data.read import read_table
from elman.data.read_sequences import read_sequences
from elman.data.sequence_tables import SequenceColumns
from elman.data.sequences import Sequences
from elman.data.series import read_series
from elman.data.series_set import Series, SeriesSet
from elman.data.table import Table
from elman.data.windows import Windows, windows

__all__ = [
    "Frequency",
    "SequenceColumns",
    "Sequences",
    "Series",
    "SeriesSet",
    "Table",
    "Windows",
    "fill",
    "read_sequences",
    "read_series",
    "read_table",
    "windows",
]
