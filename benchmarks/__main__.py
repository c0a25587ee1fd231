"""Run the benchmarks named on the command line, or all of them; ``--list`` names them."""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
import sys

import benchmarks


def main() -> int:
    """Parse the command line, run, and report which bars were met; 1 if one was missed, else 2 if one cannot be run."""
    names = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__.splitlines()[0])
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"one of: {', '.join(names)}; without a name all that need no installation of their own",
    )
    parser.add_argument("--list", action="store_true", help="print the names and what they measure")
    parser.add_argument("--full", action="store_true", help="train as long as the examples of the field do")
    parser.add_argument("--final", action="store_true", help="score on test sets where there are such, once at the end")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in names]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; choose from: {', '.join(names)}")
    modules = {name: importlib.import_module(f"benchmarks.{name}") for name in given.names or names}
    if given.list:
        for name, module in modules.items():
            print(f"{name:16} {(module.__doc__ or '').splitlines()[0]}")
        return 0
    if not given.names:  # what installs a peer of its own is run where it is asked for
        modules = {name: module for name, module in modules.items() if not getattr(module, "ON_REQUEST", False)}
    print(f"on {benchmarks.machine()}")
    missed, left_out = [], []
    for name, module in modules.items():
        print(f"\n== {name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
        flags = {"full": given.full, "final": given.final}
        taken = {name: flags[name] for name in inspect.signature(module.main).parameters}
        try:
            if not module.main(**taken):
                missed.append(name)
        except benchmarks.CannotRun as reason:
            print(f"{name} cannot be run here: {reason}")
            left_out.append(name)
    if len(left_out) < len(modules):
        print(f"\n{'missed its bar: ' + ', '.join(missed) if missed else 'all bars met'}")
    return 1 if missed else 2 if left_out else 0


if __name__ == "__main__":
    sys.exit(main())
