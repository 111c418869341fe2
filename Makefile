# The front door. `make help` tells every target; the rules themselves are in CMake (cmake/, the
# folders' CMakeLists.txt) and in scripts/.
#
# Variables: BUILD=dir (where to build), PRESET=default|asan|tsan, T="targets" (build only these),
# SEEDS=n (make sim, histories, oracle-scenarios), FIRST=k (make histories, books), TRACES=dir and
# REPLAYS=n (make sim-traces), PREFIX and DESTDIR
# (make install), FUZZ_SECONDS=n (make fuzz, per fuzzer), JOBS=n and REFERENCE=n (make bench-history).

PRESET ?= default
BUILD ?= $(if $(filter default,$(PRESET)),build,build-$(PRESET))
PREFIX ?= /usr/local
DESTDIR ?=
SEEDS ?= 200
FIRST ?= 1
REPLAYS ?= 20
JOBS ?= 10000000
REFERENCE ?= 0
FUZZ_SECONDS ?= 60
export BUILD PRESET

.DEFAULT_GOAL := build
.PHONY: help build test demo bench bench-sched bench-billing bench-history sim histories lint lint-headers lint-tidy format fuzz \
	install check clean test-vm oracle-scenarios sim-traces books

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24
	@echo; sed -n '/^# Variables/,/^$$/s/^# */  /p' Makefile

build: ## build everything that is installed, into build/ (only some targets: T="a b")
	@scripts/install-deps build
	@scripts/build $(T)

test: ## build and run the tests
	@scripts/install-deps build test
	@scripts/build all sluice_tests
	@scripts/own-root ctest --test-dir $(BUILD) -j2 --output-on-failure --no-tests=error

demo: ## the tour: start a cluster, run jobs of every kind, tell how each went
	@scripts/install-deps build test
	@scripts/build all
	@scripts/own-root scripts/demo

sim: ## the simulation: SEEDS=n runs with faults, the invariants checked after every event
	@scripts/install-deps build test
	@scripts/build sluice-sim-test
	@$(BUILD)/test/sluice-sim-test --seeds $(SEEDS)

sim-traces: ## replay TRACES/*.swf.xz under each policy; REPLAYS=n shaken ones of easy and site
	@test -d "$(TRACES)" || { echo "make sim-traces TRACES=DIR [REPLAYS=20]" >&2; exit 2; }
	@scripts/build sluice
	@for trace in "$(TRACES)"/*.swf.xz; do for policy in fcfs easy conservative site; do \
	  echo "== $$trace $$policy"; \
	  $(BUILD)/bin/sluice sim --trace "$$trace" --policy $$policy || exit 1; \
	done; done
	@for trace in "$(TRACES)"/*.swf.xz; do for policy in easy site; do \
	  echo "== $$trace $$policy, $(REPLAYS) shaken replays"; \
	  $(BUILD)/bin/sluice sim --trace "$$trace" --policy $$policy --shake 60 --seed 1 \
	    --replays $(REPLAYS) || exit 1; \
	done; done

histories: ## SEEDS=n random histories from seed FIRST on, against brute force
	@scripts/install-deps build test
	@scripts/build sluice-histories
	@$(BUILD)/test/sluice-histories --seeds $(SEEDS) --first $(FIRST)

bench: ## measure Sluice and the oracle in turn
	@scripts/install-deps build test bench
	@scripts/build all sluice_tests
	@scripts/bench

bench-sched: ## measure the scheduler by itself: 80,000 nodes, a million pending jobs
	@scripts/install-deps build test
	@scripts/build bench_sched bench_wide
	@$(BUILD)/test/bench_sched
	@$(BUILD)/test/bench_wide

bench-billing: ## measure what billing costs: 100,000 running jobs, a ledger of a million entries
	@scripts/install-deps build test
	@scripts/build bench_billing bench_ledger
	@$(BUILD)/test/bench_billing
	@$(BUILD)/test/bench_ledger

books: ## a site's books, 5,000 jobs in virtual time and 500 real ones, reconciled to the last unit
	@scripts/install-deps build test
	@scripts/build all books-play
	@python3 test/books/books.py played --jobs 5000 --seed $(FIRST)
	@scripts/own-root python3 test/books/books.py real --jobs 500 --seed $(FIRST)

lint: ## format, fences, sizes, tests and SQL (fast)
	@scripts/install-deps build lint
	@scripts/lint/run

lint-headers: ## every header compiles alone (slow; ALL=1: sources without precompiled header too)
	@scripts/install-deps build
	@scripts/lint/headers

lint-tidy: ## clang-tidy over what changed since the last commit (ALL=1: over everything)
	@scripts/install-deps build lint
	@scripts/lint/tidy $(if $(ALL),--all)

format: ## apply clang-format
	@scripts/install-deps lint
	@scripts/lint/format --fix

bench-history: ## JOBS=n past jobs: how long sacct and sreport take (REFERENCE=m: slurmdbd too)
	@scripts/install-deps build test
	@scripts/build all bench_history
	@python3 test/bench/history.py --jobs $(JOBS) --reference $(REFERENCE)

oracle-scenarios: ## SEEDS=n random scenarios on Slurm and on Sluice, and as many trees of accounts
	@scripts/install-deps build test
	@scripts/build all
	@scripts/own-root python3 test/compat/scheduling.py compare --seeds $(SEEDS)
	@scripts/own-root python3 test/compat/accounting.py compare --seeds $(SEEDS)

fuzz: ## run each fuzzer for FUZZ_SECONDS
	@scripts/install-deps build fuzz
	@FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz

install: build ## install below DESTDIR and PREFIX
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(PREFIX)

check: ## all that a change needs: lint, then the tests
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test

test-vm: ## the tests that need a machine of their own (cgroups v2, systemd), in a virtual machine
	@scripts/install-deps build test vm
	@scripts/build all unit_host
	@scripts/test-vm

clean: ## remove the build directories
	rm -rf build build-asan build-tsan build-fuzz
