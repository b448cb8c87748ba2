# make demo   render, curate and publish a small dataset; look at runs/demo
# make test   run the test suite
# make lint   style, types          make test-slow   soak and real-data tests
# make bench  what things cost      make gpu-check   the same and more on an NVIDIA GPU, in 8 minutes
# make soak   kill -9 at random moments of real runs, 1000 of them in some hours; stop it, give it again, it goes on
# make attack throw damaged and hostile files at everything that reads some, in some minutes
# make rehearse  carry out the recipes for clusters on three hosts of namespaces, in 15 minutes; as root
# make docs   write docs/config.md, docs/format.md and the JSON schema
# make clean  remove the environment and the demo run

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := runs/demo
BENCH := runs/bench
SHARDS := 4
TESTERS ?= $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help

.PHONY: help install demo test test-slow lint docs bench soak attack rehearse gpu-check clean

help:
	@sed -n '/^$$/q; s/^# //p' Makefile

# A stamp made last: an interrupted installation starts again, a finished one costs nothing.
$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Python 3.11 or newer is needed, $(PYTHON) is older; try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || \
	  { echo "error: $(PYTHON) lacks venv; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): about 2 minutes on a fast network, 3 GB; pip is silent until the end"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,bench,test]'
	@touch $@

install: $(VENV)/installed

demo: install
	$(BIN)/fsd-gen assets fetch --allow-partial
	$(BIN)/fsd-gen render --config demo --shards $(SHARDS) --out $(RUN)
	$(BIN)/fsd-curate round --iter 2 $(RUN)
	$(BIN)/fsd-curate status $(RUN)
	$(BIN)/fsd-curate publish $(RUN)
	$(BIN)/fsd-gen preview $(RUN)/curated --out $(RUN)/curated/preview.png
	@echo "report: $(RUN)/rounds/report.html"

test: install
	$(BIN)/python -m pytest --numprocesses $(TESTERS) --dist worksteal -m "not slow and not realdata"

test-slow: install
	$(BIN)/python -m pytest -m "slow or realdata"

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: install
	$(BIN)/python docs/generate.py

bench: install
	$(BIN)/python -m benchmarks.pair
	$(BIN)/fsd-gen render --shards 1 --samples-per-shard 2 --out $(BENCH)
	$(BIN)/python -m benchmarks.crops $(BENCH)
	$(BIN)/python -m benchmarks.storage $(BENCH)
	$(BIN)/python -m benchmarks.stereo_speed

KILLS := 1000
soak: install
	$(BIN)/python -m tests.soak --kills $(KILLS) --out runs/soak --resume

attack: install
	$(BIN)/python -m benchmarks.attack

# Says why where it cannot.
rehearse: install
	$(BIN)/python -m pytest -m slow -rs -v tests/rehearsal

# Not the environment made here: whatever interpreter has a CUDA build of torch, such as
# make gpu-check PYTHON=python3.12 GPU_CHECK='--data SHARDS --real PAIRS'
GPU_CHECK :=
gpu-check:
	$(PYTHON) -m benchmarks.gpu_check --out runs/gpu-check $(GPU_CHECK)

clean:
	rm -rf $(VENV) $(RUN) $(BENCH)
