package services

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// address floats with the services.
const address = "10.77.0.100"

// service is one service and how it is tried.
type service struct {
	name    string   // as the table names it
	agent   string   // whose work it is
	debian  string   // the package that brings the program, whose version the table names
	needs   []string // files without which it is not tried
	quick   bool     // part of every test run
	systemd bool     // the hosts run a systemd
	shared  bool     // the hosts share /shared
	disk    bool     // the hosts share a loop device, /dev/shared

	files     []lab.File
	prepare   string // run by the shell of each host, one after the other
	configure string // what its user types: lines for `crm configure`
	resource  string // the resource that is followed
	promoted  bool   // its promoted instance is

	look  string   // the client looks at it with this command
	local string   // … or the host that runs it, with this one
	says  []string // patterns of what the command prints

	kill string // run on the host where it is
	move string // how it is moved from $FROM to $TO
	stay string // how the cluster is told that it may go anywhere again

	proof string // what losing shows, for the table
	// steady, if set, waits until the service could be taken over.
	steady func(*trial)
	// losing, if set, is called when the host is about to be lost; what it returns is called afterwards.
	losing func(*trial) func()
}

// common is configured for every service.
const common = `property stonith-enabled=true
rsc_defaults resource-stickiness=100
primitive power stonith:fence_lab
`

// vip is the floating address as a resource.
const vip = "primitive vip IPaddr2 params ip=" + address + " cidr_netmask=24 op monitor interval=2s\n"

// trial is a service on a cluster.
type trial struct {
	*fleettest.Fleet
	t *testing.T
	s service
}

// patience is how long one service may take, whatever else the machine does. A lost host stays away as
// long: some agents would rather have the old primary back than promote another.
const patience = 6 * time.Minute

// begin makes the cluster.
func begin(t *testing.T, s service) *trial {
	t.Helper()
	fleettest.Root(t)
	fleettest.Needs(t, append(s.needs, agentPath(s.agent))...)
	config := fleet.Config{Hosts: lab.Names("web", 3), Binary: fleet.Program(), Files: s.files, Keep: []string{"haproxy"}, RebootDelay: patience}
	if s.shared {
		config.Shared = "/shared"
	}
	var disk string
	if s.disk {
		disk = loopDevice(t)
	}
	c := &trial{Fleet: fleettest.Begin(t, patience, config), t: t, s: s}
	c.Must(c.Ready(c.Ctx))
	if disk != "" {
		c.Everywhere(disk)
	}
	if s.systemd {
		unit, err := os.ReadFile("../../packaging/systemd/holdfast.service")
		c.Must(err)
		for _, h := range c.Hosts() {
			if err := c.Systemd(c.Ctx, h.Name(), unit); err != nil {
				t.Skip(err)
			}
		}
		c.Must(c.Ready(c.Ctx))
	}
	if s.prepare != "" {
		c.Everywhere("set -e\n" + s.prepare)
	}
	return c
}

// agentPath is where an agent lies that is a file of its own.
func agentPath(agent string) string {
	parts := strings.Split(agent, ":")
	switch parts[0] {
	case "ocf":
		return "/usr/lib/ocf/resource.d/" + parts[1] + "/" + parts[2]
	case "systemd":
		return "/usr/lib/systemd/system/" + parts[1] + ".service"
	}
	return "/"
}

// try takes the service through all that may happen to it.
func (c *trial) try() {
	c.t.Helper()
	c.Run("web1", common+c.s.configure, "sh", "-c", "crm configure")
	at := c.runs()
	c.looks(at)
	c.monitored(at)
	c.t.Logf("started on %s, and monitored", at)

	c.Sh(at, c.s.kill)
	c.Says("web1", "crm_mon -1rf", c.s.resource+`(:\d+)?: .*fail-count=[1-9]`)
	at = c.runs()
	c.looks(at)
	c.t.Logf("killed, and well again on %s", at)
	c.Sh("web1", "crm_resource --cleanup --resource "+c.s.resource)
	c.Settled("web1")
	at = c.runs()

	if c.s.move != "" {
		to := slices.DeleteFunc(c.ready(), func(host string) bool { return host == at })
		if len(to) == 0 {
			c.t.Fatalf("no other host can take %s over from %s", c.s.resource, at)
		}
		c.Sh("web1", "FROM="+at+" TO="+to[0]+"; "+c.s.move)
		c.looks(c.runs(at))
		if c.s.stay != "" {
			c.Sh("web1", c.s.stay)
		}
		c.Settled("web1")
		c.t.Logf("moved from %s to %s", at, to[0])
		at = c.runs()
	}
	after := func() {}
	if c.s.losing != nil {
		after = c.s.losing(c)
	}
	c.s.steady = nil // who takes over may be alone
	_, err := c.Host(at).Kill()
	c.Must(err)
	next := c.runs(at)
	c.looks(next)
	after()
	c.t.Logf("%s was lost, and %s took over", at, next)
}

// ready are the hosts that could run the service: for a promotable one, where it is already.
func (c *trial) ready() []string {
	if !c.s.promoted {
		return []string{"web1", "web2", "web3"}
	}
	status, err := c.AnyStatus(c.Ctx)
	c.Must(err)
	var hosts []string
	for _, r := range status.Resources {
		if instanceOf(r.ID, c.s.resource) && r.Role != "Stopped" {
			hosts = append(hosts, r.Host)
		}
	}
	return hosts
}

func instanceOf(id, resource string) bool {
	return id == resource || strings.HasPrefix(id, resource+":")
}

// runs waits until the service is where it should be and on none of the hosts given.
func (c *trial) runs(but ...string) string {
	c.t.Helper()
	if !c.s.promoted {
		return c.Runs(c.s.resource, but...)
	}
	var at string
	c.Until(func() error {
		status, err := c.AnyStatus(c.Ctx)
		if err != nil {
			return err
		}
		for _, r := range status.Resources {
			if instanceOf(r.ID, c.s.resource) && r.Role == "Promoted" && !slices.Contains(but, r.Host) {
				at = r.Host
				return nil
			}
		}
		return fmt.Errorf("no instance of %s is promoted, but for %v", c.s.resource, but)
	})
	return at
}

// looks waits until the service answers.
func (c *trial) looks(at string) {
	c.t.Helper()
	if c.s.local != "" {
		c.Says(at, c.s.local, c.s.says...)
		return
	}
	c.Says(lab.ClientName, c.s.look, c.s.says...)
	if c.s.steady != nil {
		c.s.steady(c)
	}
}

// monitored waits for a recurring monitor's success.
func (c *trial) monitored(at string) {
	c.t.Helper()
	c.Says("web1", fmt.Sprintf(`cibadmin -Q --xpath "//node_state[@uname='%s']//lrm_resource[@id='%s' or starts-with(@id,'%[2]s:')]/lrm_rsc_op[@operation='monitor' and @interval!='0']"`, at, c.s.resource),
		`rc-code="[08]"`)
}
