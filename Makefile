# The binary is static: no cgo, but for the race detector in tests.
export CGO_ENABLED := 0

.PHONY: build test lint demo
build: ## bin/holdfast
	go build -trimpath -o bin/holdfast ./cmd/holdfast

test: ## everything that must hold, in under 15 minutes on 2 cores; root sees the lab, too
	CGO_ENABLED=1 go test -race -timeout 20m ./...

lint:
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }
	go vet ./...
	go tool staticcheck ./...

.PHONY: generate
generate: ## what is made of other sources and committed: the director's programs for the kernel (clang and llvm)
	go generate ./traffic/director/plane/ebpf

demo: build ## three virtual hosts keep a web service alive through five faults
	bin/holdfast lab demo

# Slow proofs and measurements. A short run of each is part of `make test`.

.PHONY: sim bench-failover bench-scheduler bench-messaging
# SEEDS=n runs n seeds of simulated clusters, MINUTES=m each under faults; SEED=n replays one with
# its trace. FIRST=n begins there.
SEEDS ?= 200
SEED ?= 0
FIRST ?= 1
MINUTES ?= 1
sim:
	GOGC=800 go test ./cluster/simulation -run 'TestSeeds$$' -count=1 -timeout 0 -v -args -every=50 -seeds=$(SEEDS) -seed=$(SEED) -first=$(FIRST) -faulty=$(MINUTES)m

# Every no-quorum-policy on clusters of 2, 3 and 5 virtual hosts.
.PHONY: no-quorum
no-quorum:
	go test ./lab/fencing -run 'TestNoQuorumPolicy$$' -count=1 -v -args -all-sizes

# The kernel's own watchdog resets a virtual machine (qemu) whose daemon is killed.
.PHONY: watchdog
watchdog:
	go test ./lab/fencing -run 'TestKernelsWatchdog' -count=1 -timeout 0 -v -args -real-watchdog

# Deliberate bugs, each looked for in so many seeds: the simulator's checkers must notice all.
MUTATIONSEEDS ?= 1000
.PHONY: mutations
mutations:
	GOGC=400 go test ./cluster/simulation -run 'TestMutations$$' -count=1 -timeout 0 -v -args -mutation-seeds=$(MUTATIONSEEDS)

# Two hosts that do not hear each other fence each other, RACES times: the more important resources survive.
.PHONY: fence-races
RACES ?= 20
fence-races:
	go test ./lab/fencing -run 'MoreImportantResourcesSurvives$$' -count=1 -timeout 0 -v -args -races=$(RACES)

.PHONY: chaos
# FAULTS=n random faults strike a cluster of real processes; CHAOS_SEED=n draws others.
FAULTS ?= 200
CHAOS_SEED ?= 1
chaos:
	go test ./lab/chaos -run 'TestChaos$$' -count=1 -timeout 0 -v -args -faults=$(FAULTS) -seed=$(CHAOS_SEED) -each

# Outages seen by a client: n, min, median, max. RUNS=3 for a quick look.
RUNS ?= 10
bench-failover: build
	bin/holdfast lab bench --runs $(RUNS)

# Two hosts with a quorum device: the link between them is cut, and exactly one goes on.
.PHONY: bench-qdevice
bench-qdevice: build
	bin/holdfast lab bench --only device --runs $(RUNS)

# Two hosts without a device, five in two parts, networks that are half broken, lossy or flap: who serves, never
# two at once, and with one move at most.
.PHONY: bench-partitions
bench-partitions: build
	bin/holdfast lab bench --runs $(RUNS) --only pair --only parted --only parted-unfenced --only half --only one-way --only loss30 --only flap

# Eight clients change the configuration of three virtual hosts as fast as they are answered.
.PHONY: bench-writes
bench-writes: build
	bin/holdfast lab bench --runs $(RUNS) --only writes

# Every published configuration at hand, as it is printed, on virtual hosts.
.PHONY: listings
listings:
	go test ./lab/listings -count=1 -timeout 15m -v -args -long

# N random documents shown by crm and loaded again: none may change. A failure prints its seed.
.PHONY: round-trip
N ?= 10000
round-trip:
	go test ./shell/crm -run 'TestShowLoadsBack$$' -count=1 -timeout 0 -v -args -rapid.checks=$(N) -rapid.seed=$$(date +%s)

# Real services under the distribution's agents: started, monitored, killed, moved, their hosts lost.
# SERVICE=name tries one. What passed is written into the table of docs/services.md.
.PHONY: services
SERVICE ?=
services:
	go test ./lab/services -run 'TestServices/$(SERVICE)' -count=1 -timeout 40m -parallel 2 -v -args -long -table=../../docs/services.md

# Whole processes against the installed crm_simulate, on the same documents in one run.
SIZES ?= 16x1000,16x2000
bench-scheduler: build
	go run ./cluster/scheduler/workload/compare -holdfast bin/holdfast -sizes $(SIZES)

# What a doubling of the resources costs, from 1,000 to 20,000 on 16 hosts.
.PHONY: bench-growth
GROWTH ?= 1000,2000,5000,10000,20000
bench-growth: build
	go run ./cluster/scheduler/workload/compare -holdfast bin/holdfast -growth $(GROWTH)

# Planning within a process: a small and a middling cluster, a large one unchanged and changed.
.PHONY: bench-plan
bench-plan:
	go test ./cluster/scheduler -run '^$$' -bench 'Cold|Unchanged|Changed'

bench-messaging: # acknowledged changes a second, three hosts on this machine
	go test ./cluster/messaging -run '^$$' -bench Propose -benchtime 5s

.PHONY: bench-shells
bench-shells: build # milliseconds a call: help, crm_mon, the configuration of 5,000 resources, completion
	go test ./cmd/holdfast -run '^$$' -bench Shells -benchtime 10x
	go test ./shell/crm -run '^$$' -bench Completion -benchtime 10x

.PHONY: bench-proxy
# The proxy's processor time beside the installed haproxy's, case by case. CASE=word runs those with it in their names.
CASE ?=
bench-proxy: build
	go run ./traffic/proxy/compare -holdfast bin/holdfast -case "$(CASE)"

.PHONY: bench-idle
# The proxy's memory with IDLE idle connections, in a virtual machine, whose limit of descriptors can be raised where this one's cannot.
# Some minutes: the processor is emulated.
IDLE ?= 50000
bench-idle:
	go test ./traffic/proxy/compare -run '^$$' -bench Idle -benchtime 1x -timeout 0 -args -idle $(IDLE)

.PHONY: vrrp-peer
vrrp-peer: # each keepalived.conf of testdata/same by Holdfast and by the installed keepalived: the same addresses, routes, rules, interfaces and states; mixed pairs of both
	go test ./traffic/vrrp -run 'SameAs|Mixed|PairWith' -count 1 -v -args -all-same

.PHONY: bench-vrrp
bench-vrrp: # takeovers, and 500 instances on one host, beside keepalived
	go test ./traffic/vrrp -run '^$$' -bench Takeover -benchtime 10x -timeout 0
	go test ./traffic/vrrp -run '^$$' -bench 500Instances -benchtime 1x -timeout 0

# Each small and each published scheduler case planned 100 times, on one processor and on two.
.PHONY: determinism fuzz-scheduler
determinism:
	go test ./cluster/scheduler -run 'Test(Small|Published)CasesAreDeterministic' -count=1 -timeout 60m -args -runs=100

FUZZTIME ?= 2m
fuzz-scheduler:
	go test ./cluster/scheduler -run '^$$' -fuzz FuzzMake -fuzztime $(FUZZTIME)
	go test ./cluster/scheduler -run '^$$' -fuzz FuzzScenario -fuzztime $(FUZZTIME)

# The scheduler's properties on new random documents; a failure prints its seed.
CHECKS ?= 5000
.PHONY: properties
properties:
	go test ./cluster/scheduler -run TestPlansKeepTheRules -count=1 -args -rapid.checks=$(CHECKS) -rapid.seed=$$(date +%s)

.PHONY: director-peer
director-peer: # each change by ipvsadm compared with the installed one, and a hundred downloads taken over, on Debian's kernel under qemu
	FULL=1 go test ./traffic/director/plane/ipvs -run 'Beside|Outlive' -count 1 -v

# 10,000 services of ten servers: loaded, and one change; a plane in memory, and rules of nftables (root).
.PHONY: bench-director
bench-director: # 10,000 services, real servers that die, directors that are killed (how long, and how many downloads finish), links that are lost
	go test ./traffic/director -run '^$$' -bench 10000Services -benchtime 1x -timeout 0
	go test ./traffic/director/plane/nft -run '^$$' -bench 10000Services -benchtime 1x -timeout 0
	go test ./traffic/director/check -run '^$$' -bench ServerDies -benchtime 16x -timeout 0
	go test ./lab/balancing -run '^$$' -bench 'Killed|Lost|Dies' -benchtime 10x -timeout 0
	go test ./lab/balancing -run '^$$' -bench Downloads -benchtime 1x -timeout 0

# The data plane in BPF, as root: 10,000 services, what a packet costs by the kernel's own test runs and what memory alone costs there, and what a connection
# costs beside routing and nftables, and beside the kernel's own plane in an emulated guest.
.PHONY: bench-ebpf
bench-ebpf:
	go test ./traffic/director/plane/ebpf -run '^$$' -bench '10000Services|Packet|Path|BesideIPVS' -benchtime 1x -timeout 0
