package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"holdfast/atomicfile"
	"holdfast/cluster/fencing/sbd"
	"holdfast/cluster/messaging"
	"holdfast/cluster/node/client"
)

const sbdService = "sbd" // asks a host for its sbd settings, or changes them

// sbdOrder changes a host's sbd settings, to be in force when its daemon starts anew.
type sbdOrder struct {
	Change bool   `json:"change"`
	Text   string `json:"text"`  // of the file; "" switches sbd off
	Trust  bool   `json:"trust"` // do not look for the watchdog and the disks
}

// getSBD tells every host's settings.
func (n *Node) getSBD(_ http.ResponseWriter, r *http.Request) (any, error) {
	return n.askSBD(r.Context(), nil)
}

// postSBD changes hosts' settings: on all that are named, or on none if one refuses before the first
// has changed.
func (n *Node) postSBD(_ http.ResponseWriter, r *http.Request) (any, error) {
	var change client.SBDChange
	if err := decodeBody(r, &change); err != nil {
		return nil, err
	}
	for host, text := range change.Settings {
		if _, known := n.hostNamed(host); !known {
			return nil, &client.Error{Code: client.NotFound, Message: fmt.Sprintf("sbd on %s: no host of this cluster has that name", host)}
		}
		if _, err := sbd.Parse(sbd.OwnFile, text); err != nil {
			return nil, &client.Error{Code: client.Invalid, Message: fmt.Sprintf("sbd on %s: %v", host, err)}
		}
	}
	return n.askSBD(r.Context(), &change)
}

func (n *Node) askSBD(ctx context.Context, change *client.SBDChange) ([]client.SBDHost, error) {
	told := []client.SBDHost{}
	for _, h := range n.configured() {
		order := sbdOrder{}
		if change != nil {
			order.Text, order.Change = change.Settings[h.Name]
			order.Trust = change.Trust
		}
		if change != nil && !order.Change {
			continue
		}
		host := client.SBDHost{Host: h.Name}
		payload, err := json.Marshal(order)
		if err != nil {
			return nil, fmt.Errorf("encode sbd settings: %w", err)
		}
		text, err := n.messenger.Call(ctx, h.ID, sbdService, payload)
		if err == nil {
			err = json.Unmarshal(text, &host)
		}
		if err != nil {
			host.Problem = err.Error()
		}
		told = append(told, host)
	}
	return told, nil
}

// serveSBD tells or changes this host's settings.
func (n *Node) serveSBD(_ context.Context, from messaging.HostID, payload []byte) (any, error) {
	var order sbdOrder
	if err := json.Unmarshal(payload, &order); err != nil {
		return nil, fmt.Errorf("decode sbd order of host %d: %w", from, err)
	}
	if order.Change {
		if err := n.changeSBD(order); err != nil {
			return nil, err
		}
	}
	host := client.SBDHost{Host: n.settings.Name, Running: n.reaper != nil}
	settings, err := sbd.Load(n.settings.Root)
	if err != nil {
		host.Problem = err.Error()
	}
	if settings != nil {
		host.Enabled, host.Path, host.Disks, host.Watchdog = true, settings.Path, settings.Disks, settings.Watchdog
		for _, v := range settings.Values {
			host.Values = append(host.Values, client.SBDValue(v))
		}
	}
	return host, nil
}

func (n *Node) changeSBD(order sbdOrder) error {
	if err := order.check(n.settings.Root); err != nil {
		return err
	}
	return order.write(n.settings.Root)
}

// check looks whether the settings can be read, and whether what they name is there.
func (o sbdOrder) check(root string) error {
	settings, err := sbd.Parse(filepath.Join(root, sbd.OwnFile), o.Text)
	if err != nil || o.Text == "" || o.Trust {
		return err
	}
	var missing error
	for _, name := range append([]string{settings.Watchdog}, settings.Disks...) {
		if _, err := os.Stat(filepath.Join(root, name)); name != "" && err != nil {
			missing = errors.Join(missing, err)
		}
	}
	return missing
}

func (o sbdOrder) write(root string) error {
	path, text := filepath.Join(root, sbd.OwnFile), o.Text
	if text == "" {
		text = sbd.SwitchedOff
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write sbd's settings: %w", err)
	}
	if err := atomicfile.Write(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write sbd's settings: %w", err)
	}
	return nil
}
