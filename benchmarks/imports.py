"""Start-up time: ``import elman`` against ``import numpy``, ``elman --help`` against an empty Python program."""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks import interleaved

ROUNDS = 15
# (what, its peer, milliseconds it may take more)
BARS = (("import elman", "import numpy", 50), ("elman --help", "python -c pass", 200))
COMMANDS = {
    "import numpy": ["-c", "import numpy"],
    "import elman": ["-c", "import elman"],
    "python -c pass": ["-c", "pass"],
    "elman --help": ["-m", "elman", "--help"],
}


def main() -> bool:
    """Print medians and differences; True if both are within their bars."""
    runs = {name: lambda arguments=arguments: _run(arguments) for name, arguments in COMMANDS.items()}
    seconds = interleaved(runs, ROUNDS)
    met = True
    for what, peer, bar in BARS:
        more = statistics.median(a - b for a, b in zip(seconds[what], seconds[peer], strict=True)) * 1e3
        times = ", ".join(f"{name} {statistics.median(seconds[name]) * 1e3:.0f} ms" for name in (what, peer))
        print(f"{what:14} − {peer:14} {more:+6.0f} ms (bar {bar} ms) {'ok' if more <= bar else 'MISSED'}   [{times}]")
        met &= more <= bar
    return met


def _run(arguments: list[str]) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
