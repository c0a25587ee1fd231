"""Which rows of a table belong together."""

from __future__ import annotations

import numpy as np

from elman.data.table import Table
from elman.errors import DataError


def rows_by_id(table: Table, id: str) -> dict[str, np.ndarray]:
    """The rows of each id, in the order of their first ones; ``""`` as ``id`` makes one group, called so, of all rows.

    Raises:
        DataError: an id is missing; the message names its line.

    >>> {key: rows.tolist() for key, rows in rows_by_id(Table("", {"id": ["b", "a", "b"]}), "id").items()}
    {'b': [0, 2], 'a': [1]}
    """
    if not id:
        return {"": np.arange(len(table))}
    texts = table.texts(id)
    if "" in texts:
        raise DataError(f"{table.place(texts.index(''), id)}: the id is missing; fill it in, or delete the row")
    order = {key: i for i, key in enumerate(dict.fromkeys(texts))}
    codes = np.array([order[text] for text in texts])
    rows = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    return dict(zip(order, rows, strict=True))
