package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/lab"
	"holdfast/lab/fleet"
)

const configuration = `<configuration>
  <crm_config><cluster_property_set id="options"><nvpair id="options-fencing" name="stonith-enabled" value="true"/></cluster_property_set></crm_config>
  <nodes><node id="1" uname="web1"/><node id="2" uname="web2"/><node id="3" uname="web3"/></nodes>
  <resources>
    <primitive id="Fence" class="stonith" type="fence_lab">
      <instance_attributes id="Fence-params"><nvpair id="Fence-hosts" name="pcmk_host_list" value="web1 web2 web3"/></instance_attributes>
    </primitive>
    <group id="App">
      <primitive id="AppIP" class="ocf" provider="holdfast" type="address">
        <instance_attributes id="AppIP-params"><nvpair id="AppIP-ip" name="ip" value="` + floating + `"/><nvpair id="AppIP-mask" name="cidr_netmask" value="24"/></instance_attributes>
        <operations><op id="AppIP-monitor" name="monitor" interval="1s"/></operations>
      </primitive>
      <primitive id="AppLedger" class="ocf" provider="lab" type="ledger">
        <operations><op id="AppLedger-monitor" name="monitor" interval="1s"/></operations>
      </primitive>
    </group>
  </resources>
  <constraints/>
  <rsc_defaults><meta_attributes id="defaults"><nvpair id="defaults-stickiness" name="resource-stickiness" value="1"/></meta_attributes></rsc_defaults>
</configuration>`

const convergence = 30 * time.Second // from the end of a fault

// cluster is the fleet under chaos.
type cluster struct {
	*fleet.Fleet
	writer *writer
	filled map[string]bool // hosts whose state directory was full
}

func start(ctx context.Context) (*cluster, error) {
	f, err := fleet.Start(ctx, fleet.Config{Hosts: lab.Names("web", 3), Binary: fleet.Program(), Shared: storage,
		Files: []lab.File{{Path: "/usr/lib/ocf/resource.d/lab/ledger", Data: ledgerAgent, Mode: 0o755}}})
	if err != nil {
		return nil, err
	}
	c := &cluster{Fleet: f, writer: newWriter(f.Lab.Client()), filled: map[string]bool{}}
	ctx, cancel := context.WithTimeout(ctx, convergence)
	defer cancel()
	if err = c.Ready(ctx); err == nil {
		if err = c.Load(ctx, "web1", configuration); err == nil {
			err = c.Ready(ctx)
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return c, nil
}

func (c *cluster) any(r *rand.Rand) *lab.Host { return c.Hosts()[r.IntN(len(c.Hosts()))] }

func (c *cluster) shuffled(r *rand.Rand) []string {
	var names []string
	for _, i := range r.Perm(len(c.Hosts())) {
		names = append(names, c.Hosts()[i].Name())
	}
	return names
}

// active is the host that runs the ledger as the cluster knows, or the first.
func (c *cluster) active(ctx context.Context) *lab.Host {
	if name, err := c.Active(ctx, "AppLedger"); err == nil && name != "" {
		return c.Host(name)
	}
	return c.Hosts()[0]
}

func (c *cluster) leader(ctx context.Context) *lab.Host {
	if name := c.Leader(ctx); name != "" {
		return c.Host(name)
	}
	return c.Hosts()[0]
}

// freeze stops a host for a while. If it is fenced meanwhile there is nothing to thaw.
func (c *cluster) freeze(ctx context.Context, h *lab.Host, d time.Duration) error {
	if s, err := h.Status(); err != nil || s.State != lab.On {
		return err
	}
	if _, err := h.Freeze(); err != nil {
		return err
	}
	err := lasting(ctx, d)
	_ = h.Thaw()
	return err
}

// restart ends a daemon with a signal and starts it anew, as systemd would.
func (c *cluster) restart(ctx context.Context, h *lab.Host, signal string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	end := "pkill -" + signal + " -f '^holdfast node'; while pgrep -f '^holdfast node' >/dev/null; do busybox usleep 10000; done"
	_, _ = h.Exec(ctx, "sh", "-c", end) // the host may be fenced under it
	c.ensureDaemon(ctx, h)
	return nil
}

// ensureDaemon starts the daemon of a host that is on and has none.
func (c *cluster) ensureDaemon(ctx context.Context, h *lab.Host) {
	if s, err := h.Status(); err != nil || s.State != lab.On {
		return
	}
	const command = "pgrep -f '^holdfast node' >/dev/null || { holdfast node >>/var/log/boot.log 2>&1 </dev/null & }"
	_, _ = h.Exec(ctx, "sh", "-c", command)
}

// move lets the group go to a host, as crm_resource --move does, and takes the constraint away again.
func (c *cluster) move(ctx context.Context, to string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	at := c.Client(to)
	_, err := at.Change(ctx, client.Change{Op: client.Modify, AllowCreate: true, Section: "constraints", Cause: "move",
		XML: fmt.Sprintf(`<constraints><rsc_location id="move" rsc="App" node="%s" score="INFINITY"/></constraints>`, to)})
	if err == nil {
		_ = at.Wait(ctx, 5*time.Second)
	}
	return nil // under a second fault a move may well be refused
}

// mend ends every fault, and waits until the cluster is whole.
func (c *cluster) mend(ctx context.Context) error {
	if err := c.repair(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, convergence)
	defer cancel()
	if err := c.whole(ctx); err != nil {
		return fmt.Errorf("not converged within %s of the fault's end: %w", convergence, err)
	}
	any := c.Client("web1")
	_, _ = any.Change(ctx, client.Change{Op: client.Delete, ID: "move", Cause: "moved"})
	if _, err := any.Forget(ctx, client.Forget{FailedOnly: true}); err != nil {
		return err
	}
	if err := c.whole(ctx); err != nil {
		return err
	}
	return c.writer.served(ctx)
}

// whole waits until all hosts are in one view and the group runs. The cluster is never without
// something to do here, because its configuration changes all the time.
func (c *cluster) whole(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.look(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

func (c *cluster) look(ctx context.Context) error {
	var view uint64
	for _, h := range c.Hosts() {
		s, err := c.Client(h.Name()).Status(ctx)
		if err != nil {
			return err
		}
		if len(s.View.Members) < len(c.Hosts()) || view != 0 && s.View.Number != view || s.View.Leader == 0 {
			return fmt.Errorf("host %s is in view %d of hosts %v, leader %d", h.Name(), s.View.Number, s.View.Members, s.View.Leader)
		}
		view = s.View.Number
		for _, other := range s.Hosts {
			if !other.Online || other.Unclean {
				return fmt.Errorf("host %s is not online, says %s", other.Name, h.Name())
			}
		}
		for _, r := range []string{"AppIP", "AppLedger"} {
			if !slices.ContainsFunc(s.Resources, func(have client.ResourceStatus) bool { return have.ID == r && have.Role == "Started" && !have.Failed }) {
				return fmt.Errorf("%s is not started, says %s", r, h.Name())
			}
		}
	}
	return nil
}

func (c *cluster) repair(ctx context.Context) error {
	err := errors.Join(c.Partition(), c.Block())
	for _, h := range c.Hosts() {
		err = errors.Join(err, h.FenceFault(lab.FenceWorks), h.Heal(lab.AllLinks), h.Lose(lab.AllLinks, 0))
		if c.filled[h.Name()] { // its daemon takes part no more
			err = errors.Join(err, h.EmptyDisk(), first(h.Kill()))
			delete(c.filled, h.Name())
		}
		_ = h.Thaw()
		err = errors.Join(err, h.Boot())
		c.ensureDaemon(ctx, h)
	}
	return err
}

// finalReads are the registers as every host has them.
func (c *cluster) finalReads(ctx context.Context) (reads []read, violations []string) {
	var agreed string
	for _, h := range c.Hosts() {
		doc, err := c.Client(h.Name()).Document(ctx)
		if err != nil {
			return reads, append(violations, fmt.Sprintf("read the configuration of %s: %v", h.Name(), err))
		}
		text := string(doc.Configuration().String())
		if agreed == "" {
			agreed = text
		} else if text != agreed {
			violations = append(violations, fmt.Sprintf("%s has another configuration than %s", h.Name(), c.Hosts()[0].Name()))
		}
		for e := range doc.Section("crm_config").Descendants() {
			if strings.HasPrefix(e.ID(), "chaos-") {
				reads = append(reads, read{key: e.ID(), value: e.Get("value"), at: lab.Now()})
			}
		}
	}
	return reads, violations
}
