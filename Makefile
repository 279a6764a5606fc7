# The project's tasks. `make help` lists them; make.ps1 has the same for Windows.

PYTHON ?= python3.11
SERVE  ?= 1
HOST   ?= 127.0.0.1
PORT   ?= 8000

export PATH := $(CURDIR)/.venv/bin:$(PATH)

STAGES := extract_raw_data load_dataset filter_data clean_data encode_data prepare_features split_data reshape_data \
          calculate_class_weights one_hot_encode_labels
MODELS := setup_callbacks build_train_cnn evaluate_model

.PHONY: help setup run pipeline serve test lint bench
.DEFAULT_GOAL := help
.SHELLFLAGS := -euc

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## .venv with the pinned requirements; only when they changed
	@$(PYTHON) scripts/setup.py

run: pipeline ## from raw archives (or a sample) to the service on http://localhost:8000; SERVE=0 leaves the service out
	@if [ "$(SERVE)" != 0 ]; then $(MAKE) --no-print-directory serve; fi

pipeline: setup ## everything up to the table of results; only what changed
	@python scripts/provide_data.py
	@dvc repro
	@longhand results

serve: setup ## the service with the model of the last training
	uvicorn src.api.api:app --host $(HOST) --port $(PORT) --no-server-header --no-access-log

test: setup ## the stages' unittest commands, then all tests
	@for name in $(STAGES); do echo "python -m unittest tests/test_data/test_$$name.py"; \
	    python -m unittest "tests/test_data/test_$$name.py"; done
	@for name in $(MODELS); do echo "python -m unittest tests/test_models/test_$$name.py"; \
	    python -m unittest "tests/test_models/test_$$name.py"; done
	@pytest

lint: setup ## style, types and the direction of imports
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-logo

bench: setup ## how fast and how large the data stages are on a generated archive
	python benchmarks/bench_pipeline.py --check
