.DEFAULT_GOAL := help
SHELL := /bin/bash

LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
MODULE := $(shell go list -m)
VERSIONS := 13 14 15 16 17 18
CORE := . ./sql ./internal/... ./cmd/...
# Throw-away servers are three times faster in memory, where there is enough.
SHM := $(shell [ -w /dev/shm ] && [ $$(df -Pm /dev/shm | awk 'NR == 2 {print $$4}') -gt 4000 ] && echo TMPDIR=/dev/shm)

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-20s %s\n", $$1, $$2}'

.PHONY: demo
demo: ## fifty years of countries and currencies, in a PostgreSQL that starts by itself (KEEP=1: leave it running)
	@go run ./cmd/yore demo $(if $(KEEP),--keep)

.PHONY: example
example: ## a web application on immutable tables, at the address that it prints (ADDR=127.0.0.1:0: another)
	@cd examples && go run ./tasks $(if $(ADDR),-addr $(ADDR))

.PHONY: build
build: ## the yore command, as bin/yore
	go build -o bin/yore ./cmd/yore

.PHONY: test
test: ## all tests, on the PostgreSQL found first (RACE=1: with the race detector)
	$(SHM) go test $(if $(RACE),-race) -timeout 30m ./...
	cd integrations && $(SHM) go test $(if $(RACE),-race) -timeout 30m ./...
	cd examples && $(SHM) go test $(if $(RACE),-race) -timeout 30m ./...

.PHONY: test-core
test-core: ## the core tests on one version: make test-core PG=18
	$(SHM) YORE_PG=$(PG) go test -timeout 30m $(CORE)

.PHONY: test-all-versions
test-all-versions: ## the core tests on PostgreSQL 13 to 18
	@for v in $(VERSIONS); do echo "PostgreSQL $$v"; $(MAKE) --no-print-directory test-core PG=$$v || exit 1; done

.PHONY: lint
lint: ## gofmt, go vet and a short list of linters
	@test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }
	go vet ./...
	$(LINT) run ./...
	cd integrations && go vet ./... && $(LINT) run ./...
	cd examples && go vet ./... && $(LINT) run ./...

.PHONY: generate-integrations
generate-integrations: ## generate the clients that the integrations test
	cd integrations && go generate ./...

.PHONY: verify
verify: generate-integrations ## fails if what is generated is not what would be
	git diff --exit-code --stat -- integrations

.PHONY: screenshots
screenshots: ## the pictures in docs/images, which needs Chromium
	cd examples && $(SHM) YORE_REQUIRE_CHROMIUM=1 YORE_SCREENSHOTS=$(CURDIR)/docs/images go test -count=1 -run TestScreenshots ./tasks

.PHONY: bench
bench: ## what yore costs, as ratios to a plain table
	go run ./bench

.PHONY: freeze-version
freeze-version: ## keep the SQL of the version that is being released, for the tests of upgrades
	go run ./sql/freeze

.PHONY: rename-module
rename-module: ## give the module its final path: make rename-module TO=example.org/yore
	@test -n "$(TO)" || { echo "make rename-module TO=example.org/yore"; exit 2; }
	grep -rlF '$(MODULE)' --include='*.go' --include='*.md' --include=go.mod --include=Makefile . | xargs sed -i 's#$(MODULE)#$(TO)#g'
	gofmt -w .   # imports are sorted by path
	go build ./...
