package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Port is where every daemon answers setup, and the console.
const Port = "7630"

// State is what a host is part of.
type State struct {
	Host       string `json:"host"`
	Cluster    string `json:"cluster,omitempty"` // "" without one
	Configured bool   `json:"configured"`
	Running    bool   `json:"running"`
	Disabled   bool   `json:"disabled,omitempty"` // after a boot it waits to be started
}

// Configuration is what a host needs to take part in a cluster.
type Configuration struct {
	Corosync string `json:"corosync,omitempty"` // text of /etc/corosync/corosync.conf, or
	Holdfast string `json:"holdfast,omitempty"` // text of /etc/holdfast/holdfast.conf
	Authkey  []byte `json:"authkey"`
	Force    bool   `json:"force,omitempty"` // replace what the host has
	SBD      *SBD   `json:"sbd,omitempty"`   // nil: sbd stays as it is there
}

// Host describes a host that asks to join.
type Host struct {
	Name  string   `json:"name"`
	Addrs []string `json:"addrs"` // one for each link
}

// Client is a caller of one host's setup service.
type Client struct {
	name string
	host KnownHost
	http *http.Client
	seen string // fingerprint of the certificate that the host showed
}

// NewClient makes a caller. Without a fingerprint it trusts the certificate that
// it meets first, and Seen tells which that was.
func NewClient(name string, host KnownHost) *Client {
	c := &Client{name: name, host: host}
	c.http = &http.Client{
		Timeout:   2 * time.Minute, // starting and stopping wait for resources
		Transport: &http.Transport{TLSClientConfig: pinned(host.Fingerprint, &c.seen), DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext},
	}
	return c
}

// Through lets the client reach its host with dial, for hosts of a lab.
func (c *Client) Through(dial func(ctx context.Context, network, address string) (net.Conn, error)) *Client {
	c.http.Transport.(*http.Transport).DialContext = dial
	return c
}

// Seen returns the fingerprint of the certificate that the host showed last.
func (c *Client) Seen() string { return c.seen }

// Login exchanges user and password for a token and returns what to remember of the host.
func (c *Client) Login(ctx context.Context, user, password string) (KnownHost, error) {
	var answer struct{ Token string }
	err := c.call(ctx, http.MethodPost, "login", login{user, password}, &answer)
	known := c.host
	known.Token, known.Fingerprint = answer.Token, c.seen
	return known, err
}

// Join asks to become a host of the cluster and returns what is needed for it.
func (c *Client) Join(ctx context.Context, invitation string, host Host) (Configuration, error) {
	var answer Configuration
	err := c.call(ctx, http.MethodPost, "join", join{invitation, host}, &answer)
	return answer, err
}

// State returns what the host is part of.
func (c *Client) State(ctx context.Context) (State, error) {
	var answer State
	err := c.call(ctx, http.MethodGet, "state", nil, &answer)
	return answer, err
}

// Configure gives the host its configuration. It is refused when the host has one
// and Force is not set.
func (c *Client) Configure(ctx context.Context, configuration Configuration) error {
	return c.call(ctx, http.MethodPut, "configuration", configuration, nil)
}

// Start lets the host take part in its cluster.
func (c *Client) Start(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "start", nil, nil)
}

// Stop lets the host hand its resources over and leave the running cluster.
func (c *Client) Stop(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "stop", nil, nil)
}

// Destroy is Stop, and the host forgets its cluster.
func (c *Client) Destroy(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "destroy", nil, nil)
}

func (c *Client) call(ctx context.Context, method, verb string, question, answer any) error {
	text, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("encode %s request: %w", verb, err)
	}
	addr := c.host.Addr
	if addr == "" {
		addr = c.name
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		addr = net.JoinHostPort(addr, Port)
	}
	request, err := http.NewRequestWithContext(ctx, method, "https://"+addr+"/v1/setup/"+verb, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s on host %s: %w", verb, c.name, err)
	}
	if c.host.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.host.Token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("%s on host %s: %w; does 'holdfast node' run there?", verb, c.name, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s on host %s: %w", verb, c.name, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s on host %s: %w", verb, c.name, refusal(body))
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("%s on host %s: unreadable answer: %w", verb, c.name, err)
	}
	return nil
}

func refusal(body []byte) error {
	var said struct{ Error string }
	if json.Unmarshal(body, &said) == nil && said.Error != "" {
		return errors.New(said.Error)
	}
	return fmt.Errorf("unreadable refusal %.80q", body)
}
