# Clarion's two commands are `make run` and `make test`; the rest serves those who work on it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Everything the tests, the demo and the gates need; made again when the list changes.
READY := $(VENV)/.ready

.PHONY: run test push lint types layers format docs bench interop soak clean

run: $(READY)
	@$(BIN)/clarion demo

test: $(READY) lint types layers
	$(BIN)/python tests/run.py

# The gate before a push: everything that needs no server process.
push: $(READY) lint types layers
	$(BIN)/python tests/run.py --quick

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

layers: $(READY)
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Writes config/clarion.toml, docs/settings.md and docs/protocols.md from the code; the last one
# only when every test that it names has run and passed, as var/tests-ran.json says.
docs: $(READY)
	$(BIN)/python docs/generate.py

# Measures Clarion beside Prosody and ejabberd and writes docs/performance.md; says what it skips.
# BENCH=--quick shows in some five minutes whether everything works, and keeps nothing.
bench: $(READY)
	$(BIN)/python bench/run.py $(BENCH)

# Other projects' tests and clients against Clarion: Smack (Java, Maven) and Profanity (tmux).
interop: $(READY)
	$(BIN)/python tests/interop/run.py

# Faults and loads that take long, some two hours; CLARION_SOAK=0.02 makes it some minutes.
soak: $(READY)
	$(BIN)/python tests/soak/run.py $(SOAK)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Clarion needs Python 3.11 or newer; set PYTHON=/path/to/python3")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) (once; about a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage*
