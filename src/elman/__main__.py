"""``python -m elman`` is ``elman``."""

import sys

from elman.cli import main

sys.exit(main())
