# Each target sets up what it needs on a machine with Python and a C++ compiler, and works alone in a fresh clone.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# an installation is out of date when one of these has changed; edits of src/elman need none
SOURCES := pyproject.toml constraints.txt CMakeLists.txt $(shell find native)

# tests that run once more without torch's private names (src/elman/torch_private.py)
WITHOUT_PRIVATE_NAMES := -k 'not compile' tests/training tests/nn/test_drop_in.py $(wildcard tests/nn/test_native_[bt]*.py) tests/nn/test_masks.py

.NOTPARALLEL:
.PHONY: help demo test lint docs bench attack sanitize valgrind clean .venv

help:
	@echo "make demo    train RNN, LSTM and GRU on a noisy price; table and pictures"
	@echo "make test    linter, type checker and all tests"
	@echo "make lint    linter and type checker alone"
	@echo "make docs    run every example of docs/jobs.md and put in what it prints (an hour)"
	@echo "make bench   the benchmarks (see docs/benchmarks.md)"
	@echo "make attack  hostile files and killed processes by the thousand (see docs/reliability.md)"
	@echo "make sanitize, make valgrind   tests of the native core with every access to memory watched"
	@echo "make .venv   the virtual environment alone, with everything for development"
	@echo "make clean   remove what the others made"

.venv: $(VENV)/installed-dev

# The constraints pin torch among others: left to itself, pip would choose a build of several gigabytes.
$(VENV)/installed-%: $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$*]'
	touch $@

demo: $(VENV)/installed-train
	$(BIN)/elman demo

test: lint
	$(BIN)/python -m pytest -n 2
	ELMAN_PUBLIC_TORCH_ONLY=1 $(BIN)/python -m pytest -n 2 $(WITHOUT_PRIVATE_NAMES)

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/installed-dev
	$(BIN)/python -m tests.job_page

bench: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks

attack: $(VENV)/installed-dev
	$(BIN)/python -m tests.attack

sanitize: $(VENV)/installed-dev
	native/tests/watched.sh address $(BIN)/python
	native/tests/watched.sh thread $(BIN)/python

valgrind: $(VENV)/installed-dev
	native/tests/watched.sh valgrind $(BIN)/python

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
