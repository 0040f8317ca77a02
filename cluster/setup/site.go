package setup

import (
	"context"
	"net/http"
)

// Site is a cluster as one of its hosts shows it to another one, of the same cluster or of another site's.
type Site struct {
	Cluster       string   `json:"cluster"`
	Hosts         []string `json:"hosts"`
	Configuration string   `json:"configuration"`      // text of holdfast.conf or corosync.conf
	Document      string   `json:"document,omitempty"` // XML, with the state; "" while the host takes no part
}

// SBD is what a host that joins a cluster with sbd is given for its own.
type SBD struct {
	Settings string `json:"settings"` // the text of its file
	Trust    bool   `json:"trust"`    // do not look whether watchdog and disks are there
}

// Site returns the cluster that the host belongs to; an error when it belongs to none.
func (c *Client) Site(ctx context.Context) (Site, error) {
	var answer Site
	err := c.call(ctx, http.MethodGet, "site", nil, &answer)
	return answer, err
}
