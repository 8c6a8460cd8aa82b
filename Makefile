# What people run. `make help` lists it. Needs Rust, a C compiler and Node.js, nothing else.

.DEFAULT_GOAL := help
SHELL := /bin/sh
TARGET := $(or $(CARGO_TARGET_DIR),target)

# What the binary is made from. If nothing of it is newer than the last build, cargo is not even asked.
SOURCES := Cargo.toml Cargo.lock rust-toolchain.toml .cargo crates web changes
STAMP := $(TARGET)/quick/.fresh
FRESH = [ -x $(TARGET)/quick/ally ] && [ -f $(STAMP) ] && \
	[ -z "$$(find $(SOURCES) \( -name node_modules -o -name dist -o -name test-results \) -prune -o \
		! -path web ! -name .build-lock -newer $(STAMP) -print -quit)" ]

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: run
run: ## Build what is missing and start Ally; ARGS="--listen 127.0.0.1:8081" is passed on
	@if ! { $(FRESH); }; then \
		mkdir -p $(TARGET)/quick && touch $(STAMP).building && \
		cargo build --profile quick -p ally && mv $(STAMP).building $(STAMP) || exit 1; \
	fi
	@exec $(TARGET)/quick/ally serve $(ARGS)

.PHONY: dev
dev: ## Ally on port 8791 with a data directory of its own, and the browser app on 8790, reloaded as you write
	@sh .ci/dev

.PHONY: test
test: ## Every test this machine can run; NOUN=chats runs one noun
	@cargo xtask test $(NOUN)

.PHONY: eval
eval: ## Ask the model whose key or address is in the environment a small suite of questions; prints scores, costs tokens
	@cargo test -q -p ally --test it eval::the_model_that_the_environment_names -- --ignored --nocapture

.PHONY: check
check: ## Format, lints, tidy, licences, unused dependencies, the browser app, generated files
	cargo fmt --all --check
	cargo xtask tidy
	cargo clippy -q --workspace --all-targets -- -D warnings
	@sh .ci/tool cargo-deny deny --all-features check bans licenses sources
	@sh .ci/tool cargo-machete machete
	@sh .ci/web types lint budget
	cargo xtask generate --check

.PHONY: release
release: ## One static file with everything in it; prints where it is, its size and how quickly it starts
	@cargo xtask release

.PHONY: bench
bench: release ## Measure start, wake, memory, added latency and durable runs, in the file that is shipped; ALLY_BENCH_LITELLM=… for LiteLLM beside it
	cargo bench -q -p ally-durable --bench runs
	ALLY_BENCH_PROGRAM="$(abspath $(TARGET))/static/release/ally" cargo bench -q -p ally --bench product

.PHONY: bench-crowd
bench-crowd: ## Ten thousand people on this machine for ten minutes; ALLY_CROWD_PEOPLE=300 ALLY_CROWD_SECONDS=10 for less
	cargo bench -q -p ally --bench crowd

.PHONY: generate
generate: ## Write the API description, the browser's client and the changelog
	@sh .ci/web
	cargo xtask generate
