# Two commands do everything on a machine with Python 3.11 or newer, make and git:
#   make demo   simulate a fuel-cell catalyst, reduce and fit it, and write a report
#   make test   lint, types, import layers, tests and notebooks
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export OMP_NUM_THREADS ?= 1
export MPLBACKEND ?= Agg

.PHONY: demo test lint types layers tests notebooks bench lock clean help

help:
	@sed -n '1,4p' Makefile

$(STAMP): pyproject.toml constraints.txt
	@echo "== setting up $(VENV) with $(PYTHON) (once; needs a package index) =="
	@$(PYTHON) -c 'import sys; sys.exit("xrdkit needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,saxs]'
	@touch $@

demo: $(STAMP)
	@$(BIN)/xrdkit demo --into demo

test: lint types layers tests notebooks
	@echo "== all checks passed =="

lint: $(STAMP)
	@echo "== lint (ruff) =="
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP)
	@echo "== types (mypy --strict) =="
	@$(BIN)/mypy

layers: $(STAMP)
	@echo "== import layers (import-linter) =="
	@$(BIN)/lint-imports

tests: $(STAMP)
	@echo "== tests (pytest, two workers) =="
	@$(BIN)/pytest -q -n 2 --dist loadfile

notebooks: $(STAMP)
	@echo "== notebooks (nbmake) =="
	@mkdir -p build/notebooks
	@for book in notebooks/*.py; do $(BIN)/jupytext --quiet --to ipynb --output build/notebooks/$$(basename $$book .py).ipynb $$book || exit 1; done
	@$(BIN)/pytest -q --nbmake --nbmake-timeout=300 -p no:cacheprovider build/notebooks

bench: $(STAMP)
	@echo "== benchmarks (figures, no verdict) =="
	@for script in tests/benchmarks/bench_*.py; do echo "-- $$script"; $(BIN)/python $$script || exit 1; done
	$(BIN)/python tests/benchmarks/compare_pyfai.py

# Take the versions of the present environment as the pinned ones.
lock: $(STAMP)
	@$(BIN)/python -m pip freeze --exclude-editable --exclude xrdkit > constraints.txt

clean:
	@rm -rf $(VENV) build demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
