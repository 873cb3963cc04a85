# MCP Sessions for NGINX. `make help` lists the targets.
#
# NGINX chooses the nginx to build for and to test with: empty for the system's, `1.28` for a test
# nginx that is built here, or the path of a configured and built source tree.

SHELL := /bin/bash
.DEFAULT_GOAL := help
# nginx takes a list of inherited sockets from an environment variable of this name.
unexport NGINX
export MCP_NGINX := $(NGINX)
SUITES ?=

.PHONY: help install run build deb test check e2e fuzz bench clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

install: ## install what is missing (Debian 12)
	@t/install

run: ## show it: nginx on 127.0.0.1:8080, an MCP server, agents, the recorded sessions
	@t/install
	@nginx/build release
	@exec t/demo/run

build: ## build/ngx_http_mcp_sessions_module.so for the chosen nginx
	@t/install build
	@nginx/build release

deb: ## a package for Debian's nginx: the module, enabled, and mcp-sessions
	@t/install build
	@nginx/package

test: ## every test
	@t/install
	@t/all $(SUITES)

check: ## format, lints, unit tests, documentation
	@t/install build
	@t/all check

e2e: ## every pair of official client and official server that can talk
	@t/install
	@nginx/build release
	@t/e2e/run --every-pair

fuzz: ## generated input for every parser (SECONDS_EACH, 60), and for what real readers execute (BODIES, a million)
	@t/install
	@cargo run --quiet --release --manifest-path t/fuzz/Cargo.toml -- all $(or $(SECONDS_EACH),60)
	@t/differential/run $(or $(BODIES),1000000)

bench: ## side by side with bare nginx, the console's lists on full days, very many controls
	@t/install
	@nginx/build release
	@t/bench/run
	@t/bench/console
	@t/bench/scale

clean: ## remove everything that was built
	@rm -rf build target t/fuzz/target t/differential/target
