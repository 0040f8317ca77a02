package client

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// Status is the cluster as this host sees it.
type Status struct {
	Cluster    string           `json:"cluster"`    // cluster_name
	Host       string           `json:"host"`       // this host's name
	HostID     uint32           `json:"host_id"`    // and id
	Configured bool             `json:"configured"` // false: this host waits to be set up
	View       View             `json:"view"`
	Idle       bool             `json:"idle"` // the leader has nothing to do
	Version    string           `json:"version"`
	Hosts      []HostStatus     `json:"hosts"`
	Resources  []ResourceStatus `json:"resources"`
	// Missing are the resources that run nowhere because hosts lack their agent, one sentence each.
	Missing  []string `json:"missing,omitempty"`
	Problems []string `json:"problems,omitempty"` // what an operator should look at, one sentence each
	Build    string   `json:"build"`
}

// View is the agreed membership.
type View struct {
	Number  uint64   `json:"number"`
	Members []uint32 `json:"members"`
	Lost    []uint32 `json:"lost"`
	Quorate bool     `json:"quorate"`
	Leader  uint32   `json:"leader"` // the DC; 0: none
	Ballot  string   `json:"ballot"`
}

// HostStatus is one host of the cluster.
type HostStatus struct {
	ID          uint32       `json:"id"`
	Name        string       `json:"name"`
	Online      bool         `json:"online"`  // in the view and taking work
	Unclean     bool         `json:"unclean"` // lost, and not yet fenced
	Standby     bool         `json:"standby"`
	Maintenance bool         `json:"maintenance"`
	Leader      bool         `json:"leader"`
	Links       []LinkStatus `json:"links,omitempty"` // from this host to that one
}

// LinkStatus is one link between this host and another.
type LinkStatus struct {
	Number int    `json:"number"`
	Local  string `json:"local"`
	Remote string `json:"remote"`
	Up     bool   `json:"up"`
}

// ResourceStatus is one active or failed resource instance, from the history of
// operations in the document.
type ResourceStatus struct {
	ID     string `json:"id"`
	Agent  string `json:"agent"` // "ocf:heartbeat:IPaddr2"
	Host   string `json:"host"`
	Role   string `json:"role"` // Started, Promoted, Unpromoted, Stopped
	Failed bool   `json:"failed"`
	Reason string `json:"reason,omitempty"` // of the failure
}

// Status asks for the cluster's state.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	status := new(Status)
	if err := c.get(ctx, "/v1/status", nil, status); err != nil {
		return nil, err
	}
	return status, nil
}

// ClusterStatus is Status for callers that ask about the cluster: where the host takes part in none, that
// is the error NotSetUp, which says what to do.
func (c *Client) ClusterStatus(ctx context.Context) (*Status, error) {
	status, err := c.Status(ctx)
	if err == nil && !status.Configured {
		return nil, &Error{Code: NotSetUp, Message: strings.Join(status.Problems, "; ")}
	}
	return status, err
}

// Operation is one call of a resource's agent on one host, outside the
// scheduler's plan: crm_resource's --force-start, --force-check and so on.
type Operation struct {
	Resource string        `json:"resource"`       // id as configured; or "" with Agent and Params
	Host     string        `json:"host,omitempty"` // "": this host
	Action   string        `json:"action"`         // start, stop, monitor, promote, demote, validate-all, meta-data
	Agent    string        `json:"agent,omitempty"`
	Params   []Param       `json:"params,omitempty"`
	Timeout  time.Duration `json:"timeout,omitempty"` // 0: the configured one
}

// Param is one name and value for an agent.
type Param struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// OperationResult is what the agent answered.
type OperationResult struct {
	Code   int           `json:"code"`   // OCF exit code
	Status int           `json:"status"` // op-status: 0 done, 2 timed out, 4 error, 7 not installed
	Reason string        `json:"reason,omitempty"`
	Output string        `json:"output,omitempty"`
	Ran    time.Duration `json:"ran"`
}

// Operate calls an agent and returns its result. The cluster does not learn of it.
func (c *Client) Operate(ctx context.Context, operation Operation) (OperationResult, error) {
	var result OperationResult
	err := c.post(ctx, "/v1/operation", operation, &result)
	return result, err
}

// Forget asks the cluster to forget what it knows of resources and to look again:
// crm_resource --refresh (all operations) and --cleanup (failed ones only).
type Forget struct {
	Resource   string        `json:"resource,omitempty"`  // "": every resource
	Host       string        `json:"host,omitempty"`      // "": every host
	Operation  string        `json:"operation,omitempty"` // with FailedOnly: failures of this operation only
	Interval   time.Duration `json:"interval,omitempty"`  // and of this interval
	FailedOnly bool          `json:"failed_only"`         // cleanup
	Force      bool          `json:"force,omitempty"`     // a member of a group or clone alone, not the whole collection
}

// Forgotten lists what was forgotten.
type Forgotten struct {
	Resources []ResourceOnHost `json:"resources"`
}

// ResourceOnHost names a resource instance on a host.
type ResourceOnHost struct {
	Resource string `json:"resource"`
	Host     string `json:"host"`
}

// Forget carries out a refresh or cleanup. The new probes follow by themselves; use Wait for their end.
func (c *Client) Forget(ctx context.Context, forget Forget) (Forgotten, error) {
	var done Forgotten
	err := c.post(ctx, "/v1/forget", forget, &done)
	return done, err
}

// Fail makes the cluster believe that an operation of a resource failed on a host: crm_resource --fail.
func (c *Client) Fail(ctx context.Context, resource, host string) error {
	return c.post(ctx, "/v1/fail", ResourceOnHost{Resource: resource, Host: host}, nil)
}

// Stop asks the daemon to hand its resources over and to leave the cluster, as
// SIGTERM does. It returns when the request is noted.
func (c *Client) Stop(ctx context.Context) error { return c.post(ctx, "/v1/stop", struct{}{}, nil) }

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }
