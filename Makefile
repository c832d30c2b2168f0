# `make run` does the main job, `make test` runs every test; both set up .venv by themselves.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip
PACKAGES := --quiet --constraint constraints.txt --editable . --group dev --group docs
# Both targets start hundreds of processes; without bytecode each would compile every module anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test tests observed lint docs gate interpreters selftest benchmarks clean

run: .venv/ready
	$(BIN)/cohere-conformance run -n 2
	$(BIN)/cohere-conformance fuzz --fuzz-profile smoke -n 2 --report-dir conformance-report/fuzz
	$(BIN)/cohere-conformance replay --report-dir conformance-report/replay
	$(BIN)/cohere-conformance cassettes status --report-dir conformance-report/replay

test: lint tests

# A file is run by one process: what its tests share is made once. The longest files come first (tests/cpu_times.tsv).
tests: .venv/ready
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

# The largest profile that a release waits for: `make run` sends a quarter of its requests.
gate: .venv/ready
	$(BIN)/cohere-conformance fuzz --fuzz-profile gate -n 2 --report-dir build/gate

# The wheel on every supported Python that this machine has, each in an empty environment.
interpreters: .venv/ready
	$(BIN)/python tests/support/interpreters.py

# Every fault against the suites and the fuzzer: takes minutes.
selftest: .venv/ready
	$(BIN)/cohere-conformance selftest
	$(BIN)/python -m cohere_conformance.session.detecting

# What each case sends and shows, for the plan of a night; after a change of a case or of the contract.
observed: .venv/ready
	$(BIN)/python -m cohere_conformance.session.observing

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict src
	$(BIN)/cohere-conformance contract lint
	$(BIN)/python tests/support/words.py

# The pages of the documentation, in build/docs. Needs no network.
docs: .venv/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	# uv installs in a third of the time, but does not read the settings of pip: whoever has set another index needs pip.
	{ ! $(PIP) config list | grep -qE '\.(index-url|no-index)=' && $(PIP) install --quiet --constraint constraints.txt uv \
	  && $(BIN)/uv pip install --python $(BIN)/python $(PACKAGES); } \
	  || { $(PIP) install --quiet --upgrade "pip>=25.1" && $(PIP) install --no-compile $(PACKAGES); }
	touch $@

benchmarks: .venv/ready
	$(BIN)/python benchmarks/mutation.py
	$(BIN)/python benchmarks/judge.py
	$(BIN)/python benchmarks/drift.py --memory
	$(BIN)/python benchmarks/load.py

clean:
	rm -rf .venv dist build conformance-report .pytest_cache .mypy_cache .ruff_cache .hypothesis
