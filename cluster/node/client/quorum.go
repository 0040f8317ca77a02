package client

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"holdfast/cluster/cib"
)

// Quorum is how votes stand on the host that is asked.
type Quorum struct {
	Host     uint32   `json:"host"` // that host's id
	View     uint64   `json:"view"` // number of the last agreed view
	Quorate  bool     `json:"quorate"`
	Expected int      `json:"expected"` // votes that quorum is counted against
	Highest  int      `json:"highest"`  // the greater of that and what is configured
	Total    int      `json:"total"`    // votes of the hosts that reach each other
	Needed   int      `json:"needed"`   // votes that make a quorum
	Why      string   `json:"why"`      // in a line
	Waiting  bool     `json:"waiting"`  // only wait_for_all is in the way
	Flags    []string `json:"flags"`    // options in force, as votequorum names them
	Device   int      `json:"device"`   // votes of the quorum device that is configured; 0: none
	Lent     bool     `json:"lent"`     // it votes for this side
	Members  []Voter  `json:"members"`  // hosts that reach each other, by id
	Missing  []Voter  `json:"missing"`  // the other configured hosts
}

// Voter is a host and its votes.
type Voter struct {
	ID    uint32   `json:"id"`
	Name  string   `json:"name"`
	Addrs []string `json:"addrs"` // of each link
	Votes int      `json:"votes"`
	Lent  bool     `json:"lent"` // the quorum device has told the host that it votes for its side
}

// Quorum asks how votes stand.
func (c *Client) Quorum(ctx context.Context) (*Quorum, error) {
	q := new(Quorum)
	if err := c.get(ctx, "/v1/quorum", nil, q); err != nil {
		return nil, err
	}
	return q, nil
}

// QuorumChange is an operator's word about quorum. One of its fields is set.
type QuorumChange struct {
	Expected   int          `json:"expected,omitempty"` // votes
	Unblock    bool         `json:"unblock,omitempty"`  // wait no longer for hosts that are missing
	Votes      *VotesChange `json:"votes,omitempty"`
	Unregister bool         `json:"unregister,omitempty"` // the host that is asked asks the quorum device no more
}

// VotesChange gives a host other votes.
type VotesChange struct {
	Node  uint32 `json:"node"` // 0: the host that is asked
	Votes int    `json:"votes"`
}

// ReloadConfiguration has all hosts take over the configuration file of the one that is asked.
func (c *Client) ReloadConfiguration(ctx context.Context) error {
	return c.post(ctx, "/v1/configuration/reload", struct{}{}, nil)
}

// Kill ends the daemon of a host at once; the host does not leave the cluster.
func (c *Client) Kill(ctx context.Context, node uint32) error {
	return c.post(ctx, "/v1/kill", node, nil)
}

// ChangeQuorum tells all hosts that are up.
func (c *Client) ChangeQuorum(ctx context.Context, change QuorumChange) error {
	return c.post(ctx, "/v1/quorum", change, nil)
}

// Fork is a log that lost to another, kept on the host that is asked.
type Fork struct {
	Number  int    `json:"number"` // from 1, the oldest first
	Group   string `json:"group"`  // its ballot
	Index   uint64 `json:"index"`  // of its last applied entry
	Pending int    `json:"pending"`
	Version string `json:"version"` // of its document
}

// Forks lists the logs that lost.
func (c *Client) Forks(ctx context.Context) ([]Fork, error) {
	var forks []Fork
	err := c.get(ctx, "/v1/forks", nil, &forks)
	return forks, err
}

// ForkDocument returns the document that a fork had at its end, with what was not yet
// committed in it.
func (c *Client) ForkDocument(ctx context.Context, number int) (*cib.Document, error) {
	text, err := c.do(ctx, http.MethodGet, "/v1/forks/"+strconv.Itoa(number), nil)
	if err != nil {
		return nil, err
	}
	return cib.Parse("", text)
}

// Device is the quorum device as the host that is asked sees it. Instants are how long ago; below 0: never.
type Device struct {
	Disk       string        `json:"disk,omitempty"`   // path of a quorum disk; "": a server is asked
	Holder     uint32        `json:"holder,omitempty"` // of the disk's lease; 0: nobody is known to be
	Host       string        `json:"host"`
	Port       uint16        `json:"port"`
	Cluster    string        `json:"cluster"`
	Node       uint32        `json:"node"`
	Algorithm  string        `json:"algorithm"` // as corosync's tools name it
	LMS        bool          `json:"lms"`
	Tie        string        `json:"tie"`
	KeepActive bool          `json:"keepActive"`
	Votes      int           `json:"votes"` // configured
	State      string        `json:"state"`
	Vote       string        `json:"vote"` // ACK, NACK or Undefined, for the partition that the host is in
	Ring       string        `json:"ring"`
	Members    []uint32      `json:"members"`
	Configured []uint32      `json:"configured"`
	Quorate    bool          `json:"quorate"`
	Expected   int           `json:"expected"`
	Heartbeat  time.Duration `json:"heartbeat"`
	Connect    time.Duration `json:"connect"`
	Sync       time.Duration `json:"sync"`
	Mode       string        `json:"mode"`       // of heuristics: off, sync or on
	Heuristics string        `json:"heuristics"` // the outcome when the partition changed
	Regular    string        `json:"regular"`    // and on a regular basis
	Offers     bool          `json:"offers"`     // the server offers TLS
	Secured    bool          `json:"secured"`
	Since      time.Duration `json:"since"`
	Answered   time.Duration `json:"answered"` // the last echo
	Failure    string        `json:"failure"`  // of the last connection
}

// Device asks about the quorum device; it is nil when none is configured.
func (c *Client) Device(ctx context.Context) (*Device, error) {
	var d *Device
	err := c.get(ctx, "/v1/quorum/device", nil, &d)
	return d, err
}

// SpreadDeviceFiles gives the quorum device's certificates to all hosts that are up, and returns their names.
func (c *Client) SpreadDeviceFiles(ctx context.Context, files map[string][]byte) (hosts []string, err error) {
	err = c.post(ctx, "/v1/quorum/device/files", files, &hosts)
	return hosts, err
}

// Reconfigure gives all hosts another configuration, the text of corosync.conf or holdfast.conf. Hosts must be the same.
func (c *Client) Reconfigure(ctx context.Context, text string) error {
	return c.post(ctx, "/v1/configuration", text, nil)
}
