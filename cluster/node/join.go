package node

import (
	"context"
	"errors"

	"holdfast/cluster/setup"
)

// Admit adds a host to the cluster.
func (d *Daemon) Admit(_ context.Context, host setup.Host) (setup.Configuration, error) {
	return setup.Configuration{}, errors.New("admit " + host.Name + ": add it to the node list of the configuration on every host, and restart the daemons one after the other")
}
