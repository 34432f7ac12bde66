.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1
RECORDED ?=

##@ Set-up
.PHONY: setup
setup: $(VENV)/.runtime ## Make .venv with the `lake` command and fetch the checked jars

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 is needed; name it with: make setup PYTHON=/path/to/python3.11" >&2; exit 78; }
	@echo "setup: Python environment in $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(VENV)/bin/python requirements/runtime.txt pyproject.toml jars.lock
	@echo "setup: locked packages (about 600 MB, a minute or two the first time)" >&2
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/runtime.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index -e .
	@echo "setup: checked jars" >&2
	@$(BIN)/python -c 'from console import toolchain; toolchain.jars()'
	@touch $@

.PHONY: setup-aws
setup-aws: $(VENV)/.emulated ## Besides, what `lake up` and `lake deploy` need: an emulated AWS

$(VENV)/.emulated: $(VENV)/.runtime requirements/emulated.txt jars.lock
	@echo "setup: packages and jars of the emulated AWS" >&2
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/emulated.txt
	@$(BIN)/python -c 'from console import toolchain; toolchain.jars("emulated", "trino", "trino-plugin")'
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt jars.lock
	@echo "setup: packages of the tests and checks" >&2
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@echo "setup: checked jars of the tests (about 230 MB, a minute or two the first time)" >&2
	@$(BIN)/python -c 'from console import toolchain; toolchain.jars("emulated", "trino", "trino-plugin")'
	@touch $@

.PHONY: lock
lock: $(VENV)/.dev ## Lock the packages again, with hashes
	@cd requirements && for f in runtime emulated dev; do ../$(BIN)/uv pip compile --universal -p 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --upgrade $$f.in -o $$f.txt --quiet; done
	@cd requirements && for f in function-*.in; do ../$(BIN)/uv pip compile -p 3.11 \
	  --python-platform x86_64-manylinux2014 --only-binary :all: \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --upgrade $$f -o $${f%.in}.txt --quiet; done

##@ Run
.PHONY: demo
demo: setup ## The main job on simulated sources, or on a folder: make demo RECORDED=<folder>
	@$(BIN)/lake demo $(if $(RECORDED),--recorded "$(RECORDED)")

.PHONY: demo-aws
demo-aws: setup-aws ## The same in an emulated AWS: terraform apply, events, Firehose, gold, report
	@$(BIN)/lake demo --place emulated $(if $(RECORDED),--recorded "$(RECORDED)")

##@ Prove
.PHONY: test
test: $(VENV)/.dev ## All tests, fast ones first, three at a time
	@$(BIN)/python -m pytest -n 3 --no-loadscope-reorder $(ARGS)

.PHONY: test-aws
test-aws: $(VENV)/.dev ## The emulated AWS, whole: terraform apply, workbooks to gold by events, destroy
	@$(BIN)/python -m pytest -m deployed $(ARGS)

.PHONY: check
check: $(VENV)/.dev ## Format, lint, types, import rules, SQL style, shipped code at 3.9 syntax
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/vermin --no-tips --quiet --violations -t=3.9- --eval-annotations lakehouse jobs sql
	@$(BIN)/sqlfluff lint --processes 1 sql

.PHONY: format
format: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only --quiet .

.PHONY: bench
bench: $(VENV)/.dev ## Measured ratios: merge, incremental gold, weather join, maintenance (ARGS=--small)
	@$(BIN)/python -m bench $(ARGS)

.PHONY: chaos
chaos: $(VENV)/.dev ## Kill the main job at random moments, ten times
	@CHAOS_KILLS=10 $(BIN)/python -m pytest -m chaos $(ARGS)

##@ AWS
ENV ?= dev
STATE_BUCKET ?=
TERRAFORM := terraform -chdir=terraform

.PHONY: plan
plan: setup ## Build, then plan AWS: make plan ENV=dev STATE_BUCKET=<bucket>
	@test -n "$(STATE_BUCKET)" || { echo "Name the bucket of the state: make plan STATE_BUCKET=<bucket>" >&2; exit 78; }
	@$(BIN)/lake build >&2
	@$(TERRAFORM) init -input=false -reconfigure -backend-config=environments/$(ENV).s3.tfbackend \
	  -backend-config="bucket=$(STATE_BUCKET)" >&2
	@printf '{"previous_code": %s}\n' "$$($(TERRAFORM) output -json code_keys 2>/dev/null || echo '[]')" > build/previous.tfvars.json
	@$(TERRAFORM) plan -input=false -out=../build/lake.tfplan -var-file=environments/$(ENV).tfvars \
	  -var-file=../build/artifacts.json -var-file=../build/previous.tfvars.json

.PHONY: apply
apply: ## Apply what `make plan` planned, and nothing else
	@$(TERRAFORM) init -input=false -reconfigure -backend-config=environments/$(ENV).s3.tfbackend \
	  -backend-config="bucket=$(STATE_BUCKET)" >&2
	@$(TERRAFORM) apply -input=false ../build/lake.tfplan

##@ Rest
.PHONY: clean
clean: ## Remove what set-up and runs have made (the lake in .lake included)
	@rm -rf $(VENV) .venv39 .lake build *.egg-info

.PHONY: help
help: ## Say what there is
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z][a-z0-9-]*:.*##/ {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
