PYTHON ?= python3.11
CORES ?= 2
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: run test test-slow slurm test-gpu faults broken-promises report-picture lint clean

run: .venv/installed ## every enabled pipeline through its gate to results/report.html
	snakemake --cores $(CORES)

test: .venv/installed ## everything that takes less than 15 minutes on 2 cores
	pytest --numprocesses $(CORES)

test-slow: .venv/installed ## what needs minutes or large weights
	pytest -m slow

slurm: .venv/installed ## the tests that need a scheduler; without root and apt they are skipped and say so
	-python tests/slurm/cluster.py install
	pytest -m slurm tests/slurm -rs

test-gpu: .venv/installed ## what needs a CUDA device, after pip install -r envs/requirements-gpu.txt; writes docs/gpu.md
	pytest -m gpu -rs
	PYTHONPATH=scripts python benchmarks/gpu.py --out docs/gpu.md

faults: .venv/installed ## the table of faults: each row, the tests that name it, how many pass
	python tests/faults/table.py

broken-promises: .venv/installed ## break each promise once and see which test falls
	python tests/broken_promises.py

report-picture: ## docs/report.png of results/report.html, by Debian's chromium
	chromium --headless --no-sandbox --disable-gpu --disable-background-networking --hide-scrollbars \
	  --user-data-dir=$$(mktemp -d) --window-size=1200,1180 --screenshot=$(CURDIR)/docs/report.png \
	  file://$(CURDIR)/results/report.html

lint: .venv/installed
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	mypy scripts/lib scripts/*.py
	snakemake --lint

.venv/installed: envs/requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement envs/requirements.txt
	touch $@

clean: ## remove what the workflow made; the environment stays
	rm -rf results/*/ results/report.html results/gates.passed logs .snakemake
