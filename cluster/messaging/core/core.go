package core

import (
	"errors"
	"time"
)

// Core is one host's part of the protocol.
type Core struct {
	cfg Config
}

// Errors of proposals.
var (
	ErrNoQuorum = errors.New("no quorum: the hosts reachable from here may not change the cluster")
	ErrNoLeader = errors.New("no leader: none was elected in time")
	ErrLost     = errors.New("outcome unknown: the leader changed before the change was confirmed")
)

// New starts a core at the given instant.
func New(cfg Config, now time.Duration) (*Core, error) { return &Core{cfg: cfg}, nil }

// Step takes an event in.
func (c *Core) Step(now time.Duration, ev Event) {}

// Tick lets time pass.
func (c *Core) Tick(now time.Duration) {}

// Next returns the instant at which Tick must be called at the latest.
func (c *Core) Next() time.Duration { return 0 }

// HasBatch tells whether there is something to do.
func (c *Core) HasBatch() bool { return false }

// Batch hands out what is to be done; Done must follow before the next Batch.
func (c *Core) Batch() Batch { return Batch{} }

// Done tells that the last batch was carried out, and applies what it committed.
func (c *Core) Done() {}

// Status returns what the core knows.
func (c *Core) Status() Status { return Status{} }
