# make demo    a report on example data             make lint    style of the code
# make test    the tests                            make types   type annotations
# make long    the statistical checks of minutes    make clean   remove what make made here
#
# Each takes PYTHON=... (3.11 or newer) and keeps an environment of its own in VENV=... (.venv).

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

# Which Python this is. An environment made with another one is made anew.
WHICH := 'import sys; assert sys.version_info >= (3, 11); print(sys.version.split()[0], sys.base_prefix)'
IDENTITY := $(shell $(PYTHON) -c $(WHICH) 2>/dev/null)
ifneq ($(IDENTITY),$(shell cat $(VENV)/made-with 2>/dev/null))
.PHONY: $(VENV)/made-with
endif

.PHONY: demo test long lint types clean

demo: $(VENV)/has-package
	$(BIN)/clv demo --out demo
	@echo "The report is demo/report.html"

test: $(VENV)/has-tools
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile $(PYTEST_ARGS)

long: $(VENV)/has-tools
	$(BIN)/python -m pytest --numprocesses=auto -m long $(PYTEST_ARGS)

lint: $(VENV)/has-tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/has-tools
	$(BIN)/mypy --strict
	$(BIN)/basedpyright

clean:
	rm -rf $(VENV) demo .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(VENV)/made-with:
	@test -n "$(IDENTITY)" || { echo "'$(PYTHON)' is not Python 3.11 or newer. Give one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@echo "$(IDENTITY)" > $@

# What is installed is this folder itself (--editable): only a change of what it needs installs again.
$(VENV)/has-package: $(VENV)/made-with pyproject.toml constraints.txt
	$(PIP) --editable .
	@touch $@

$(VENV)/has-tools: $(VENV)/made-with pyproject.toml constraints.txt
	$(PIP) --editable '.[dev]'
	@touch $(VENV)/has-package $@
