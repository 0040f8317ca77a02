package client

import (
	"context"
	"net/url"
	"time"
)

// Fence asks for a host to be fenced.
type Fence struct {
	Target    string        `json:"target"`
	Action    string        `json:"action"`              // off, on, reboot
	Timeout   time.Duration `json:"timeout,omitempty"`   // 0: stonith-timeout
	Tolerance time.Duration `json:"tolerance,omitempty"` // a success no longer ago than this counts
	Delay     time.Duration `json:"delay,omitempty"`
}

// FenceEvent is one fencing operation of the past or present.
type FenceEvent struct {
	Target   string    `json:"target"`
	Action   string    `json:"action"`
	State    string    `json:"state"`  // pending, success, failed
	Device   string    `json:"device"` // stonith resource that did it; "" none did; "manual" an operator's word
	Delegate string    `json:"delegate"`
	Origin   string    `json:"origin"` // host that asked
	Client   string    `json:"client"` // process that asked: "controller" or the command
	Reason   string    `json:"reason,omitempty"`
	Time     time.Time `json:"time"` // of the end, or of the start when pending
}

// Fence fences a host and returns when that is done or has failed.
func (c *Client) Fence(ctx context.Context, fence Fence) error {
	return c.post(ctx, "/v1/fence", fence, nil)
}

// Unfence asks for a host to be switched on by one fence device, with some of its parameters
// other than configured: what a device that is about to guard more has to do.
type Unfence struct {
	Target string  `json:"target"`
	Device string  `json:"device"` // stonith resource
	Params []Param `json:"params,omitempty"`
}

// Unfence switches a host on and returns when that is done or has failed. The cluster does not learn of it.
func (c *Client) Unfence(ctx context.Context, unfence Unfence) error {
	return c.post(ctx, "/v1/fence/unfence", unfence, nil)
}

// ConfirmFenced takes the operator's word that target is off. Wrong, it corrupts data.
func (c *Client) ConfirmFenced(ctx context.Context, target string) error {
	return c.post(ctx, "/v1/fence/confirm", map[string]string{"target": target}, nil)
}

// FenceHistory lists what was fenced, the newest first; target "" or "*" means every host.
func (c *Client) FenceHistory(ctx context.Context, target string) ([]FenceEvent, error) {
	var events []FenceEvent
	err := c.get(ctx, "/v1/fence/history", url.Values{"target": {target}}, &events)
	return events, err
}

// CleanFenceHistory forgets the finished entries about target ("" or "*": all).
func (c *Client) CleanFenceHistory(ctx context.Context, target string) error {
	return c.post(ctx, "/v1/fence/cleanup", map[string]string{"target": target}, nil)
}

// FenceDevices lists the devices that can fence target; "" means every device.
func (c *Client) FenceDevices(ctx context.Context, target string) ([]string, error) {
	var devices []string
	err := c.get(ctx, "/v1/fence/devices", url.Values{"target": {target}}, &devices)
	return devices, err
}
