export CGO_ENABLED := 0

.PHONY: build test lint bench-messaging
build:
	go build -trimpath -o bin/holdfast ./cmd/holdfast

test:
	CGO_ENABLED=1 go test -race ./...

bench-messaging: # acknowledged changes a second, three hosts on this machine
	go test ./cluster/messaging -run '^$$' -bench Propose -benchtime 5s

lint:
	test -z "$$(gofmt -l .)"
	go vet ./...
	staticcheck ./...

.PHONY: demo bench-failover
demo: build
	bin/holdfast lab demo

# Outages seen by a client: min, median, max. RUNS=3 for a quick look.
RUNS ?= 10
bench-failover: build
	bin/holdfast lab bench --runs $(RUNS)

# make sim SEEDS=200 runs many seeds of the simulated cluster; make sim SEED=n replays one.
SEEDS ?= 200
SEED ?= 0
.PHONY: sim
sim:
	go test ./cluster/simulation -run 'TestSeeds$$' -count=1 -timeout 0 -v -args -seeds=$(SEEDS) -seed=$(SEED)

# make determinism: each small scheduler case planned 100 times, on one processor and on two.
.PHONY: determinism fuzz-scheduler
determinism:
	go test ./cluster/scheduler -run TestSmallCasesAreDeterministic -count=1 -args -runs=100

FUZZTIME ?= 2m
fuzz-scheduler:
	go test ./cluster/scheduler -run "^$$" -fuzz FuzzMake -fuzztime $(FUZZTIME)
	go test ./cluster/scheduler -run "^$$" -fuzz FuzzScenario -fuzztime $(FUZZTIME)
