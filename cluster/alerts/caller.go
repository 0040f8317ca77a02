package alerts

import (
	"context"
	"log/slog"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/process"
)

// queueKept bounds the calls that wait for one recipient.
const queueKept = 256

// agentUser is whom agents run as, where that user exists.
const agentUser = "hacluster"

// Caller runs alert agents.
type Caller struct {
	log  *slog.Logger
	as   *syscall.Credential
	base []string

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex // guards what follows
	sequence uint64
	queues   map[string][]Command // by Alert.Key; a key that is present has a goroutine
	closed   bool
}

// NewCaller makes a Caller that logs what goes wrong.
func NewCaller(log *slog.Logger) *Caller {
	c := &Caller{log: log, queues: map[string][]Command{}, base: []string{"PATH=" + searchPath()}}
	if os.Getuid() == 0 {
		c.as = credential(agentUser)
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

func searchPath() string {
	if path := os.Getenv("PATH"); path != "" {
		return path
	}
	return "/sbin:/bin:/usr/sbin:/usr/bin"
}

// credential looks a user up; nil: there is none of that name.
func credential(name string) *syscall.Credential {
	found, err := user.Lookup(name)
	if err != nil {
		return nil
	}
	uid, err1 := strconv.ParseUint(found.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(found.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		return nil
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// Tell calls the agents that the document has for an occurrence. It does not wait for them.
func (c *Caller) Tell(doc *cib.Document, o Occurrence) {
	if o.Quiet() {
		return
	}
	all := Read(doc, o.Time)
	if len(all) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.sequence++
	for i := range all {
		if all[i].Wants(o) {
			c.enqueue(all[i].Call(o, c.sequence, c.base))
		}
	}
}

// enqueue adds a call to its recipient's queue; the caller holds mu.
func (c *Caller) enqueue(call Command) {
	key := call.Alert.Key
	waiting, active := c.queues[key]
	if len(waiting) >= queueKept {
		c.log.Warn("an alert agent is too slow: its oldest waiting call is dropped", "alert", call.Alert.ID, "path", call.Alert.Path, "sequence", waiting[0].Sequence)
		waiting = waiting[1:]
	}
	c.queues[key] = append(waiting, call)
	if !active {
		c.running.Go(func() { c.drain(key) })
	}
}

// drain runs a recipient's calls until none waits.
func (c *Caller) drain(key string) {
	for {
		c.mu.Lock()
		waiting := c.queues[key]
		if len(waiting) == 0 || c.closed {
			delete(c.queues, key)
			c.mu.Unlock()
			return
		}
		call := waiting[0]
		c.queues[key] = waiting[1:]
		c.mu.Unlock()
		c.run(call)
	}
}

// run calls an agent and waits for its end.
func (c *Caller) run(call Command) {
	a := call.Alert
	ending, err := process.Run(c.ctx, process.Command{Path: a.Path, Env: call.Environment, Timeout: a.Timeout, Merge: true, As: c.as})
	log := c.log.With("alert", a.ID, "path", a.Path, "sequence", call.Sequence)
	output := strings.TrimSpace(string(ending.Stdout))
	switch {
	case err != nil:
		log.Warn("alert agent could not be run; check that the file is there and executable for user "+agentUser, "error", err)
	case ending.Cancelled:
	case ending.TimedOut:
		log.Warn("alert agent was killed: it took longer than its meta-attribute timeout", "timeout", a.Timeout, "output", output)
	case ending.Code != 0:
		log.Warn("alert agent failed", "code", ending.Code, "signal", ending.Signal, "output", output)
	default:
		log.Debug("alert agent called", "took", ending.Ran.Round(time.Millisecond), "output", output)
	}
}

// Close ends agents that run and drops calls that wait.
func (c *Caller) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
}
