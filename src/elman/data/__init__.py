"""Data: files, frames and arrays become tables, series, windows and sequences. NumPy and the standard library."""

from elman.data.aligned_arrays import holds_arrays, read_sequence_arrays
from elman.data.covariates import CovariateNames, Covariates
from elman.data.fill import fill
from elman.data.frequency import Frequency
from elman.data.future_rows import with_future
from elman.data.options import SeriesOptions, TableOptions, TimeOptions
from elman.data.read import read_table
from elman.data.read_sequences import read_sequences
from elman.data.sequence_table import AlignedSequence, SequenceTable, read_sequence_table
from elman.data.sequence_tables import SequenceColumns
from elman.data.sequences import Sequences
from elman.data.series import read_series
from elman.data.series_set import Series, SeriesSet
from elman.data.table import Table
from elman.data.tagged import TaggedSentences, read_tagged
from elman.data.texts import Text, read_text
from elman.data.windows import Windows, windows

__all__ = [
    "AlignedSequence",
    "CovariateNames",
    "Covariates",
    "Frequency",
    "SequenceColumns",
    "SequenceTable",
    "Sequences",
    "Series",
    "SeriesOptions",
    "SeriesSet",
    "Table",
    "TableOptions",
    "TaggedSentences",
    "Text",
    "TimeOptions",
    "Windows",
    "fill",
    "holds_arrays",
    "read_sequence_arrays",
    "read_sequence_table",
    "read_sequences",
    "read_series",
    "read_table",
    "read_tagged",
    "read_text",
    "windows",
    "with_future",
]
