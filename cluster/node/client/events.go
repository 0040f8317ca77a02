package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Kind says what an Event tells of.
type Kind string

// The kinds of event.
const (
	HostSuspected  Kind = "host-suspected"  // Subject: host that has not been heard for a while
	HostDead       Kind = "host-dead"       // Subject: host declared dead by this host's liveness
	HostAlive      Kind = "host-alive"      // Subject: host heard again
	HostLeft       Kind = "host-left"       // Subject: host that said goodbye
	LinkDown       Kind = "link-down"       // Subject: host; Detail: the link
	LinkUp         Kind = "link-up"         // Subject: host; Detail: the link
	LeaderChanged  Kind = "leader-changed"  // Subject: the new leader, "" for none
	ViewAgreed     Kind = "view-agreed"     // View is set
	FenceStarted   Kind = "fence-started"   // Subject: target; Action: off, on, reboot
	Fenced         Kind = "fenced"          // Subject: target; Code: 0 done
	PlanMade       Kind = "plan-made"       // Transition, Count: actions in it, Took
	PlanDone       Kind = "plan-done"       // Transition; Detail: complete, or why it was given up
	ActionStarted  Kind = "action-started"  // Subject: resource; Action; On
	ActionFinished Kind = "action-finished" // Subject: resource; Action; On; Code, Took, Detail: reason of a failure
	Recorded       Kind = "recorded"        // the result of an operation is in the log, told by every host: Subject: resource; Action; On; Code, Took, Detail
	MonitorFailed  Kind = "monitor-failed"  // Subject: resource; On; Code, Detail
	Committed      Kind = "committed"       // a configuration change: Detail: version and cause
	Idle           Kind = "idle"            // nothing more to do
	QuorumLost     Kind = "quorum-lost"     // this host
	QuorumGained   Kind = "quorum-gained"   // this host
	Paused         Kind = "paused"          // this host noticed that it stood still for Took
	AddressDropped Kind = "address-dropped" // On took floating address Detail of Subject off, because it stood still
	Problem        Kind = "problem"         // Detail: for an operator
)

// Kinds are all kinds, in the order in which they are declared.
var Kinds = []Kind{
	HostSuspected, HostDead, HostAlive, HostLeft, LinkDown, LinkUp, LeaderChanged, ViewAgreed, FenceStarted, Fenced, PlanMade, PlanDone,
	ActionStarted, ActionFinished, Recorded, MonitorFailed, Committed, Idle, QuorumLost, QuorumGained, Paused, AddressDropped, Problem,
}

// Event is something that happened, as the host that tells it saw it.
type Event struct {
	Seq        uint64        `json:"seq"`      // counts up on each host, over restarts of the daemon
	Boottime   int64         `json:"boottime"` // CLOCK_BOOTTIME in nanoseconds: comparable between virtual hosts of one machine
	Time       time.Time     `json:"time"`     // wall clock
	Host       string        `json:"host"`     // who tells it
	Kind       Kind          `json:"kind"`
	Subject    string        `json:"subject,omitempty"`
	Action     string        `json:"action,omitempty"` // start, stop, monitor, …
	Interval   time.Duration `json:"interval,omitempty"`
	On         string        `json:"on,omitempty"` // host where the action runs
	Code       int           `json:"code"`         // OCF exit code; 0 is success
	Took       time.Duration `json:"took,omitempty"`
	Count      int           `json:"count,omitempty"`
	Transition uint64        `json:"transition,omitempty"`
	View       *View         `json:"view,omitempty"`
	Detail     string        `json:"detail,omitempty"`
}

// Events yields the daemon's events in order to each: first those kept (the last
// few thousand) with Seq above since, then each new one as it happens, until ctx
// ends, the connection breaks or each returns false. kinds, when given, selects.
// The error is nil when each ended it.
func (c *Client) Events(ctx context.Context, since uint64, kinds []Kind, each func(Event) bool) error {
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = string(kind)
	}
	query := url.Values{"since": {itoa(since)}, "follow": {"true"}, "kinds": {strings.Join(names, ",")}}
	response, err := c.open(ctx, http.MethodGet, "/v1/events?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return readEvents(response.Body, each)
}

// EventsFrom yields the events that this host keeps, on disk too, from a moment on, oldest
// first; with follow then each new one, until ctx ends or each returns false.
func (c *Client) EventsFrom(ctx context.Context, from time.Time, follow bool, each func(Event) bool) error {
	query := url.Values{"from": {from.Format(time.RFC3339Nano)}, "follow": {strconv.FormatBool(follow)}}
	response, err := c.open(ctx, http.MethodGet, "/v1/events?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return readEvents(response.Body, each)
}

// RecentEvents returns the events kept with Seq above since, without waiting for more.
func (c *Client) RecentEvents(ctx context.Context, since uint64) ([]Event, error) {
	response, err := c.open(ctx, http.MethodGet, "/v1/events?since="+itoa(since), nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var events []Event
	err = readEvents(response.Body, func(e Event) bool {
		events = append(events, e)
		return true
	})
	return events, err
}

// readEvents reads JSON lines.
func readEvents(r io.Reader, each func(Event) bool) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event Event
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return fmt.Errorf("read the daemon's events: %w", err)
		}
		if !each(event) {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the daemon's events: %w", err)
	}
	return nil
}
