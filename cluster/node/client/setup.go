package client

import (
	"context"

	"holdfast/cluster/setup"
)

// Invite lets hosts join for an hour. It works on a host that is part of a cluster.
func (c *Client) Invite(ctx context.Context) (setup.Invitation, error) {
	var invitation setup.Invitation
	err := c.post(ctx, "/v1/setup/invite", nil, &invitation)
	return invitation, err
}

// StartHost lets this host take part in the cluster that it is configured for.
func (c *Client) StartHost(ctx context.Context) error {
	return c.post(ctx, "/v1/setup/start", nil, nil)
}

// StopHost lets this host hand its resources over and leave the running cluster.
func (c *Client) StopHost(ctx context.Context) error {
	return c.post(ctx, "/v1/setup/stop", nil, nil)
}

// EnableHost says whether this host takes part in its cluster by itself after it has booted.
func (c *Client) EnableHost(ctx context.Context, on bool) error {
	verb := "disable"
	if on {
		verb = "enable"
	}
	return c.post(ctx, "/v1/setup/"+verb, nil, nil)
}

// ForgetCallers makes every token that other hosts got from this one worthless.
func (c *Client) ForgetCallers(ctx context.Context) error {
	return c.post(ctx, "/v1/setup/forget", nil, nil)
}

// DestroyHost is StopHost, and the host forgets its cluster.
func (c *Client) DestroyHost(ctx context.Context) error {
	return c.post(ctx, "/v1/setup/destroy", nil, nil)
}

// Remove takes a host out of the cluster for good: it hands its resources over, leaves and forgets
// the cluster, and the others forget it. force takes the caller's word that a lost host is
// off. For this host itself it returns when that has begun.
func (c *Client) Remove(ctx context.Context, host string, force bool) error {
	return c.post(ctx, "/v1/remove", map[string]any{"host": host, "force": force}, nil)
}

// SetupState tells what this host is part of.
func (c *Client) SetupState(ctx context.Context) (setup.State, error) {
	var state setup.State
	err := c.get(ctx, "/v1/setup/state", nil, &state)
	return state, err
}
