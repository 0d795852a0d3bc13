# Parley. `make` alone lists the targets.

GO      ?= go
BIN     := bin
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
LDFLAGS := -X github.com/parleyhq/parley/cmd/app.version=$(VERSION)
# How long each fuzz target runs, and the longest any one package may test.
FUZZTIME ?= 10s
TIMEOUT  ?= 10m
# Added to `parley serve` and to `go test`.
RUNFLAGS  ?= --grpc 127.0.0.1:2113
# The folder that `make sample` fills and `make run` serves.
DATA      ?= ./data
TESTFLAGS ?=
# What `make stack` starts; the log stands in for EventStoreDB.
SERVERS   ?= postgres redis kafka elasticsearch log

.DEFAULT_GOAL := help
.PHONY: help build run sample test test-race test-stack lint fuzz bench golden generate verify stack stack-down clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the program into bin/
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/parley ./cmd/parley

run: build ## build and serve ./data
	$(BIN)/parley serve --data $(DATA) $(RUNFLAGS)

# An import that was cut off goes on when it is run again; the administrator is there by then.
sample: build ## fill ./data with a sample community, and say how to sign in
	@[ -d $(DATA) ] || echo 'open the pod bay doors' | $(BIN)/parley admin create --data $(DATA) --email root@example.org --handle root_admin --password-file -
	$(BIN)/parley import --data $(DATA) --as root_admin --newest-at "$$(date -u +%Y-%m-%dT%H:%M:%SZ)" examples/community/community.jsonl
	@echo 'make run serves it; sign in as root_admin with the password: open the pod bay doors'

test: ## run all tests; no server and no network are needed
	$(GO) test $(TESTFLAGS) -timeout $(TIMEOUT) ./...

# SQLite is a C program written in Go: watching each of its loads and stores makes it ten times slower and finds nothing of ours. The package has no
# generic code, whose copies the linker would share with packages that are watched.
test-race: ## run all tests under the race detector, the random ones in few rounds
	$(GO) test $(TESTFLAGS) -short -race -gcflags=modernc.org/sqlite/lib=-race=false -timeout 15m ./...

test-stack: build ## run what needs real servers or the real process, and say what ran
	@.ci/test-stack

lint: ## gofmt, go vet, staticcheck and the import table
	@.ci/lint

fuzz: ## fuzz every target for FUZZTIME (10s)
	@.ci/fuzz $(FUZZTIME)

bench: build ## measure against floors and peers, and print the table
	$(BIN)/parley bench

golden: ## write the golden files of all tests anew; look at the diff
	@.ci/golden

generate: ## write the generated files anew
	$(GO) generate ./...

verify: ## write the generated files anew, and fail if one was stale
	@.ci/fresh

stack: $(if $(filter log,$(SERVERS)),build) ## start the servers of the distributed stack here; see .stack/env
	@deploy/servers/install
	@deploy/servers/up $(SERVERS)

stack-down: ## stop what `make stack` started; its data stays
	@deploy/servers/down

clean: stack-down ## remove what was built, measured, cached and kept by servers; ./data stays
	rm -rf $(BIN) .stack
	$(GO) clean -testcache
