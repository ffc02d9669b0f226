# Every target does its own set-up: `.venv` with exactly the packages of requirements.lock, each checked by its hash.
# It writes nothing outside this folder, except a package cache in your home directory, if you have one.
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
# Named by the content of the lock: make repeats the set-up when the lock changes, not when a checkout touches it.
READY := .venv/.ready-$(shell (sha256sum requirements.lock || shasum -a 256 requirements.lock) 2>/dev/null | cut -c1-16)

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
# Without cached byte code, each of the demo's 160 jobs would compile a thousand modules of torch again, 1.3 s.
unexport PYTHONDONTWRITEBYTECODE
# Service accounts often have no writable home directory; then tools keep their caches here.
ifneq ($(shell [ -n "$$HOME" ] && [ -d "$$HOME" ] && [ -w "$$HOME" ] && echo writable),writable)
export HOME := $(CURDIR)/.venv/home
endif

.PHONY: help setup demo plan test test-long test-slurm bench-receipts bench-data lint audit pull publish clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | while IFS=$$'\t' read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done

setup: $(READY) ## install the environment into .venv, nothing else

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

demo: $(READY) ## a small table from nothing, on simulated cameras (WEIGHTS=FOLDER: docs/weights.md)
	@$(PY) -m pipeline.workflow.progress -- snakemake --cores $(CORES) $(if $(WEIGHTS),--config 'adopt={weights: "$(WEIGHTS)"}') -- \
	    results/tables/$(DEMO).tex results/tables/$(DEMO)_crossdevice.tex results/report/$(DEMO).html results/tracking/$(DEMO).json
	@echo; $(PY) -m pipeline.tables.show results/tables/$(DEMO).csv
	@printf '\nThe cameras are simulated: these numbers are not comparable with the paper'"'"'s.\n'
	@printf '%-9s %s\n' table: results/tables/$(DEMO).tex '' 'results/tables/$(DEMO).csv, .html (the same)' \
	    pictures: results/report/$(DEMO).html curves: 'mlflow ui (in .venv/bin)' audit: 'make audit'

plan: $(READY) ## what TABLES cost before anything runs: steps, hours, bytes (CSV=FILE: as data, too)
	@$(PY) -m pipeline.cost $(TABLES) $(if $(CSV),--csv $(CSV))

test: $(READY) ## run the tests, minutes
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist worksteal

test-long: $(READY) ## run the long tests: what runs again, killed jobs, altered files, failing stores
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist worksteal -m long tests/long

test-slurm: $(READY) ## start a real SLURM here and test the workflow on it (installs missing Debian packages)
	@OMP_NUM_THREADS=1 $(PY) -m tests.slurm.run -n 3 --dist worksteal $(AGAIN)

bench-receipts: $(READY) ## what receipts cost: dry runs of 900 and of 5,000 jobs with and without them, and the audit
	@OMP_NUM_THREADS=1 $(PY) -m bench.receipts 900 5000

bench-data: $(READY) ## decoding PNGs against packed files, same batches: PAIRS=4000, or PAIRS=--full for DRealSR's 30,502
	@OMP_NUM_THREADS=1 $(PY) -m bench.data $(or $(PAIRS),4000)

lint: $(READY) ## run ruff, snakefmt, snakemake --lint
	@$(PY) -m ruff check --no-cache .
	@$(PY) -m ruff format --no-cache --check .
	@$(PY) -m snakefmt --check Snakefile rules
	@$(PY) tests/lint_workflow.py

audit: $(READY) ## check every finished table (also DOOR=re-measure, DOOR=retrain CELL=results/runs/...)
	@set -- $(or $(CELL),$(TABLES),$(wildcard results/tables/*.tex)); \
	if [ $$# = 0 ]; then echo "no finished table in results/tables; run make demo first" >&2; exit 1; fi; \
	$(PY) -m pipeline.audit --door $(DOOR) "$$@"

pull: $(READY) ## download published large files with DVC: all, or PATHS=results/report
	@$(PY) -m pipeline.pull $(PATHS)

publish: $(READY) ## upload large files with DVC, if nothing is out of date and the audit passes
	@$(PY) -m pipeline.publish $(TABLES)

clean: ## remove caches of tests and linters; keep results, data and .venv
	@rm -rf .pytest_cache .ruff_cache .hypothesis mlflow.db.lock
	@find bench pipeline tests rules -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Caches are gone. Kept on purpose, they took hours: results/, data/, mlflow.db, .venv/ (remove them by hand)."
