# The front door: `make help` lists what there is. The work is done by scripts/ and by `ukai` itself.
# Everything is built with --workspace into one target folder, so that nothing is compiled twice.

CARGO ?= cargo
UKAI := $(or $(CARGO_TARGET_DIR),target)/debug/ukai

.PHONY: help demo up test test-compose test-faults test-versions compose-env build bench bench-postgres bench-idle bench-extract clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo    scrape a sample shop with two real browsers and show the records'
	@echo 'make up      run Ukai on http://127.0.0.1:8080 until Ctrl-C'
	@echo 'make test    everything that CI runs'
	@echo 'make compose-env   make .env with random secrets for docker-compose.yml'
	@echo 'make test-compose  run docker-compose.yml for real, kill a gateway and the leader (root; Docker is installed if missing)'
	@echo 'make test-faults  every fault that is tried on real processes; writes the tables of docs/reliability.md'
	@echo 'make test-versions  the suites of store and bus on newer servers than Debian has: NATS from PyPI, PostgreSQL from npm'
	@echo 'make bench   measure tasks a second and latency (release build)'
	@echo 'make bench-postgres  the same on a PostgreSQL of its own, and of the queue alone (release build)'
	@echo 'make bench-idle  what 10,000 connected workers without work cost (release build)'
	@echo 'make bench-extract  time of a page of 1 MB to a record, and peak memory (release build)'
	@echo 'make clean   remove what was built, and the demo folder'
	@echo 'Options go in ARGS:  make up ARGS="--listen 127.0.0.1:9000 --workers 1"'

demo: build
	@$(UKAI) demo $(ARGS)

up: build
	@$(UKAI) up $(ARGS)

build:
	@scripts/check.sh run
	@scripts/packages.sh
	@echo 'building Ukai (the first time takes some minutes)'
	@$(CARGO) build --workspace --bins --locked

test:
	@scripts/check.sh test
	@scripts/packages.sh browser window nats-server postgresql
	@scripts/test.sh

compose-env:
	@deploy/compose/env.sh

test-compose:
	@scripts/check.sh test
	@deploy/compose/test/run.sh

test-faults:
	@scripts/check.sh test
	@scripts/packages.sh browser nats-server postgresql faketime
	@$(CARGO) build --workspace --bins --locked --features ukai-scheduler/failpoints
	@scripts/before.sh $(or $(CARGO_TARGET_DIR),target)
	@$(or $(CARGO_TARGET_DIR),target)/debug/ukai-faults --report docs/reliability.md $(ARGS)

test-versions:
	@scripts/check.sh test
	@scripts/packages.sh nats-server postgresql
	@$(CARGO) build --workspace --bins --locked
	@scripts/test-versions.sh

bench:
	@scripts/check.sh run
	@$(CARGO) build --workspace --bins --locked --release
	@$(or $(CARGO_TARGET_DIR),target)/release/ukai bench $(ARGS)

bench-postgres:
	@scripts/check.sh run
	@scripts/packages.sh postgresql
	@$(CARGO) build --workspace --bins --locked --release
	@scripts/bench-postgres.sh $(or $(CARGO_TARGET_DIR),target)/release/ukai $(ARGS)

bench-idle:
	@scripts/check.sh run
	@$(CARGO) build --workspace --bins --locked --release
	@$(or $(CARGO_TARGET_DIR),target)/release/ukai bench --idle-workers 10000 $(ARGS)

bench-extract:
	@scripts/check.sh run
	@$(CARGO) run --release --locked -p ukai-extract --example speed

clean:
	@$(CARGO) clean
	@rm -rf ukai-demo tests-js/node_modules
