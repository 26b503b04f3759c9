# Everything runs from the clone, in the environment .venv that is built from the hash-locked files in requirements/.
# A copy of each installed lock file in .venv says what is in there: as long as they are equal nothing is resolved,
# downloaded or installed again. Programs are started as `.venv/bin/python -m ...` and paths are relative, because
# the clone may lie in a directory with spaces.

PYTHON ?= python3
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input --quiet
ARGS ?=
PYTEST_ARGS ?= --durations=10
LOCK_ARGS ?=
OUT ?= page.png
WIDTH ?= 1120
HEIGHT ?= 1400
SCALE ?= 1
# Bytecode is kept, whatever the shell says: rewriting the assertions of all tests takes a third of the unit tests' time.
PYTEST := PYTHONDONTWRITEBYTECODE= $(PY) -m pytest
# One process for each core, and all tests of a file in one of them, where they share what is slow to start.
ABREAST := -n logical --dist loadfile

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':[^#]*## ' '/^[a-z-]+:[^#]*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile
	@echo
	@echo '  make run ARGS="--profile smoke"       settings of the run; python master_code_spark.py --help lists them all'
	@echo '  make test-unit PYTEST_ARGS="-k mmpp"  arguments for pytest'
	@echo '  make lock LOCK_ARGS=--upgrade         newer versions instead of the locked ones'
	@echo '  PYTHON=python3.12 make run            the interpreter that builds .venv, 3.11 or newer'

# --- what a user needs ------------------------------------------------------------------------------------------------

run: environment jars ## one benchmark run with Spark: live view, result table, paths of its files
	@$(PY) master_code_spark.py $(ARGS)

test: test-environment classes flink-environment ## ten minutes: unit, recorded and parity tests, a run of each engine and of each workload
	@$(PYTEST) $(PYTEST_ARGS) -n logical -m "not all" tests/unit
	@$(PYTEST) $(PYTEST_ARGS) $(ABREAST) -m "not all" tests/recorded tests/parity tests/integration tests/e2e

# --- parts of it ------------------------------------------------------------------------------------------------------

test-unit: test-environment ## unit tests alone: no JVM, no socket, seconds
	@$(PYTEST) $(PYTEST_ARGS) -n logical -m "not all" tests/unit

test-all: test-environment classes flink-environment ## the rest of the suite, marked `all`: every program, failure and pairing, many seeds
	@$(PYTEST) $(PYTEST_ARGS) -n logical -m all tests/unit
	@$(PYTEST) $(PYTEST_ARGS) $(ABREAST) -m all tests/recorded tests/parity tests/integration tests/e2e

test-long: test-environment ## unit and recorded tests with fifteen times the examples of each property, others each time
	@$(PYTEST) $(PYTEST_ARGS) $(ABREAST) --hypothesis-profile=many -m "not all" tests/unit tests/recorded

lint: test-environment ## ruff: all rules, and the format
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: test-environment ## mypy, strict
	@$(PY) -m mypy

picture: ## a page as a PNG, by Chromium: make picture PAGE=runs/RUN/report.html OUT=report.png HEIGHT=1600
	@profile=$$(mktemp -d); trap 'rm -rf "$$profile"' EXIT; \
	page=$$(realpath -- "$(PAGE)") && out=$$(realpath -m -- "$(OUT)") && \
	chromium --headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
	    --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$$profile" \
	    --force-device-scale-factor=$(SCALE) --window-size=$(WIDTH),$(HEIGHT) \
	    --screenshot="$$out" "file://$$page" 2>/dev/null && echo "$(OUT)"

bench: test-environment classes flink-environment ## benchmarks of windowbench itself, as ratios within one run
	@$(PY) -m benchmarks $(ARGS)

bench-capacity: test-environment classes flink-environment ## highest sustainable rates of Spark (append and Real-Time Mode), Flink and the reference engine
	@$(PY) -m benchmarks.capacity $(ARGS)

bench-workloads: test-environment classes flink-environment ## every workload on Spark and Flink: latency, state, checkpoints, CPU
	@$(PY) -m benchmarks.workloads $(ARGS)

tuning-study: test-environment classes flink-environment ## what each setting of the preset tuned does, into docs/tuning.md
	@$(PY) -m benchmarks.tuning $(ARGS)

# --- the environment --------------------------------------------------------------------------------------------------

# $(call install,NAME,PIP OPTIONS) brings .venv in line with requirements/NAME.txt.
define install
cmp -s requirements/$(1).txt .venv/$(1).installed || { \
    echo "installing requirements/$(1).txt into .venv" && \
    $(PIP) install --require-hashes $(2) -r requirements/$(1).txt && \
    cp requirements/$(1).txt .venv/$(1).installed; }
endef

flink-environment: environment ## build .venv-flink and retrieve Flink's connector (a run with Flink does so by itself)
	@$(PY) -m windowbench setup --engine flink

environment: interpreter ## build .venv with what a run needs
	@$(call install,build)
	@$(call install,run,--no-build-isolation)
	@if [ "$$($(PY) -m windowbench.toolchain.java --need-wheel)" = yes ]; then \
	    echo "no Java 17 or 21 on this machine: the one in .venv is used"; \
	    $(call install,java); fi

test-environment: environment ## build .venv with what tests, lint and types need as well
	@$(call install,test,--no-build-isolation)

jars: environment ## retrieve the jars and check them against their lock
	@$(PY) -m windowbench setup

classes: environment ## as jars, and start Spark once (40 s), so that it starts in half the time afterwards
	@$(PY) -m windowbench setup --class-archive

interpreter:
	@$(PY) -m pip --version >/dev/null 2>&1 || { \
	    $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	        echo "windowbench needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) --version 2>&1);" \
	            "name another one: make PYTHON=python3.11" >&2; exit 3; }; \
	    echo "building .venv with $$($(PYTHON) --version)"; \
	    rm -rf .venv; \
	    $(PYTHON) -m venv .venv || { \
	        rm -rf .venv; echo "remedy: install the venv module of $(PYTHON) (package python3-venv)" >&2; exit 3; }; }

lock: ## resolve requirements/*.in again and write the hash-locked *.txt
	@set -e; tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	$(PYTHON) -m venv "$$tools" && "$$tools/bin/python" -m pip install --quiet uv; \
	for name in build run java test flink; do \
	    echo "requirements/$$name.txt"; \
	    case $$name in test) bound="--constraint requirements/run.txt" ;; *) bound= ;; esac; \
	    "$$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	        --no-emit-index-url --no-emit-find-links --no-header $$bound $(LOCK_ARGS) \
	        --output-file requirements/$$name.txt requirements/$$name.in; \
	done

relock: environment ## retrieve the jars of jars/ivy.xml and write jars/*.lock again
	@$(PY) -m windowbench setup --relock

clean: ## remove .venv and the caches; runs/ stays
	@rm -rf .venv .venv-flink .pytest_cache .mypy_cache .ruff_cache .hypothesis spark-warehouse metastore_db derby.log
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help run tuning-study flink-environment test test-unit test-all test-long lint types picture bench bench-capacity bench-workloads environment test-environment jars classes interpreter lock relock clean
