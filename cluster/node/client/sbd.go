package client

import "context"

// SBDHost is sbd on one host.
type SBDHost struct {
	Host     string     `json:"host"`
	Enabled  bool       `json:"enabled"` // it will watch when its daemon starts
	Running  bool       `json:"running"` // it watches now
	Path     string     `json:"path,omitempty"`
	Values   []SBDValue `json:"values,omitempty"`
	Watchdog string     `json:"watchdog,omitempty"`
	Disks    []string   `json:"disks,omitempty"`
	Problem  string     `json:"problem,omitempty"` // it could not be asked, or refused
}

// SBDValue is one setting.
type SBDValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// SBDChange changes the settings of hosts.
type SBDChange struct {
	Settings map[string]string `json:"settings"` // by host: the text of its file, "" to switch sbd off
	Trust    bool              `json:"trust"`    // do not look whether watchdogs and disks are there
}

// SBD tells how sbd is set up on every host.
func (c *Client) SBD(ctx context.Context) ([]SBDHost, error) {
	var hosts []SBDHost
	err := c.get(ctx, "/v1/sbd", nil, &hosts)
	return hosts, err
}

// ChangeSBD changes settings and tells what each host has then. They are in force when its daemon
// starts anew.
func (c *Client) ChangeSBD(ctx context.Context, change SBDChange) ([]SBDHost, error) {
	var hosts []SBDHost
	err := c.post(ctx, "/v1/sbd", change, &hosts)
	return hosts, err
}
