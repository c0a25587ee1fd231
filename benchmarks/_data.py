"""Where the real data lie: ``$ELMAN_DATA``, or beside the checkout. They are not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

DATA = Path(os.environ.get("ELMAN_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
