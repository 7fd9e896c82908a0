# The door. Each target is a script or two, and may be run without make.
.DEFAULT_GOAL := help
.PHONY: help setup build demo test bench lint fuzz install clean

PREFIX ?= /usr/local

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

setup: ## fetch and build what Forkreel needs, once, into a cache outside the tree
	@scripts/setup build demo

build: ## the program and the library, optimised, into build/release
	@scripts/setup build
	@scripts/build release

demo: ## real ratings and a real model: recommend with reasons, fork a film, play it (DEMO_LANG=zh)
	@scripts/setup build demo
	@scripts/build release
	@scripts/demo

test: ## strict build, then every test under the sanitizers
	@scripts/setup build demo test
	@scripts/test

bench: ## measure against the peers in one run on this machine
	@scripts/setup build demo bench
	@scripts/build release
	@bench/run

lint: ## style, layers, static analysis
	@scripts/setup build test
	@scripts/check

fuzz: ## every fuzzer for a minute (FUZZ_SECONDS=N, FUZZ_SEED=N)
	@scripts/setup build test
	@scripts/fuzz

install: ## into PREFIX (default /usr/local), below DESTDIR if set
	@scripts/setup build
	@scripts/build release
	@cmake --install build/release --prefix "$(PREFIX)"

clean: ## remove build/; the cache stays
	rm -rf build
