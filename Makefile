# Every target does its own set-up: `.venv` with exactly the packages of requirements.lock, every one checked by its hash.
# Nothing outside this folder is written (but a package cache, where there is a home directory for it).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# A folder with VGG-19 and AlexNet (docs/weights.md): `make demo WEIGHTS=...` trains and measures with pretrained features.
WEIGHTS :=
DEMO := dada_simcam$(if $(WEIGHTS),_features)
CORES ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
TABLES ?=
DOOR ?= read
CELL ?=
PATHS ?=
AGAIN ?=
PY := .venv/bin/python
# Relative and by content: the set-up is repeated when the lock changes, not when a checkout touches it.
READY := .venv/.ready-$(shell (sha256sum requirements.lock || shasum -a 256 requirements.lock) 2>/dev/null | cut -c1-16)

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
# Without kept byte code each of a demo's 160 jobs compiles a thousand modules of torch anew, 1.3 s.
unexport PYTHONDONTWRITEBYTECODE
# Accounts of services often have no home directory that can be written; tools then keep their caches here.
ifneq ($(shell [ -n "$$HOME" ] && [ -d "$$HOME" ] && [ -w "$$HOME" ] && echo writable),writable)
export HOME := $(CURDIR)/.venv/home
endif

.PHONY: help setup demo plan test test-long test-slurm bench-receipts bench-data lint audit pull publish clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | while IFS=$$'\t' read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done

setup: $(READY) ## only the environment (.venv)

$(READY): | requirements.lock
	@python=; for candidate in python3 python3.13 python3.12 python3.11; do \
	    "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && python=$$candidate && break; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "Python 3.11 or newer is needed; python3 here is: $$(python3 --version 2>&1 || true). Debian: apt install python3 python3-venv" >&2; exit 1; \
	fi; \
	if ! [ -x $(PY) ] && ! { "$$python" -c 'import venv, ensurepip' 2>/dev/null && "$$python" -m venv .venv; }; then \
	    rm -rf .venv; echo "$$python cannot make a virtual environment. Debian: apt install python3-venv" >&2; exit 1; \
	fi; \
	mkdir -p "$$HOME"; \
	if ! [ -x .venv/bin/uv ]; then \
	    sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock; \
	    $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.lock; \
	fi; \
	echo "installing the packages of requirements.lock into .venv ..."; \
	.venv/bin/uv pip sync --quiet --python $(PY) --require-hashes requirements.lock; \
	rm -f .venv/.ready-*; touch $@

demo: $(READY) ## small table on simulated cameras, from nothing: data, training, table, picture page (WEIGHTS=folder: docs/weights.md)
	@$(PY) -m pipeline.workflow.progress -- snakemake --cores $(CORES) $(if $(WEIGHTS),--config 'adopt={weights: "$(WEIGHTS)"}') -- \
	    results/tables/$(DEMO).tex results/tables/$(DEMO)_crossdevice.tex results/report/$(DEMO).html results/tracking/$(DEMO).json
	@echo; $(PY) -m pipeline.tables.show results/tables/$(DEMO).csv
	@printf '\nThe cameras are simulated: these numbers are not comparable with the paper'"'"'s.\n'
	@printf '%-9s %s\n' table: results/tables/$(DEMO).tex '' 'results/tables/$(DEMO).csv, .html (the same)' \
	    pictures: results/report/$(DEMO).html curves: 'mlflow ui (in .venv/bin)' audit: 'make audit'

plan: $(READY) ## runs, steps, operations, bytes and hours of TABLES, before anything is run (CSV=file: as data, too)
	@$(PY) -m pipeline.cost $(TABLES) $(if $(CSV),--csv $(CSV))

test: $(READY) ## the test suite, minutes
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist worksteal

test-long: $(READY) ## what takes longer: every rerun scenario, kills, mutations, stores that fail
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist worksteal -m long tests/long

test-slurm: $(READY) ## the workflow and its faults on a real SLURM, started for it (Debian's packages are installed if absent)
	@OMP_NUM_THREADS=1 $(PY) -m tests.slurm.run -n 3 --dist worksteal $(AGAIN)

bench-receipts: $(READY) ## what receipts cost: dry runs of 900 and of 5,000 jobs with and without them, and the audit
	@OMP_NUM_THREADS=1 $(PY) -m bench.receipts 900 5000

bench-data: $(READY) ## decoding PNGs against packed files, same batches: PAIRS=4000, or PAIRS=--full for DRealSR's 30,502
	@OMP_NUM_THREADS=1 $(PY) -m bench.data $(or $(PAIRS),4000)

lint: $(READY) ## ruff, snakefmt, snakemake --lint
	@$(PY) -m ruff check --no-cache .
	@$(PY) -m ruff format --no-cache --check .
	@$(PY) -m snakefmt --check Snakefile rules
	@$(PY) tests/lint_workflow.py

audit: $(READY) ## does every finished table follow? also DOOR=re-measure, DOOR=retrain CELL=results/runs/...
	@set -- $(or $(CELL),$(TABLES),$(wildcard results/tables/*.tex)); \
	if [ $$# = 0 ]; then echo "no finished table in results/tables; run make demo first" >&2; exit 1; fi; \
	$(PY) -m pipeline.audit --door $(DOOR) "$$@"

pull: $(READY) ## fetch published large files from DVC: all, or PATHS=results/report
	@$(PY) -m pipeline.pull $(PATHS)

publish: $(READY) ## behind a clean dry run and a clean audit: hand the large files to DVC and push them
	@$(PY) -m pipeline.publish $(TABLES)

clean: ## remove caches and leftovers of tests and linters; results, data and .venv stay
	@rm -rf .pytest_cache .ruff_cache .hypothesis mlflow.db.lock
	@find bench pipeline tests rules -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Caches are gone. Kept on purpose, they took hours: results/, data/, mlflow.db, .venv/ (remove them by hand)."
