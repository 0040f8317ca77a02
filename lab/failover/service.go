package failover

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/lab"
	"holdfast/lab/fleet"
)

const (
	floating  = "10.77.0.100"
	pollEvery = 5 * time.Millisecond
	patience  = 30 * time.Second // for anything that should happen
	settling  = 300 * time.Millisecond
	server    = "resource.d/holdfast/web serve" // in the server's command line
)

// defaultAddress is the agent of the floating address that users have.
const defaultAddress = "ocf:heartbeat:IPaddr2"

// configuration is the cluster's: floating address and server in a group, a monitor every second,
// and fencing of all hosts by the lab.
func configuration(fencing bool, fences, addressProvider, addressType string) string {
	return fmt.Sprintf(`<configuration>
  <crm_config><cluster_property_set id="options">
    <nvpair id="options-stonith" name="stonith-enabled" value="%t"/>
  </cluster_property_set></crm_config>
  <nodes/>
  <resources>
    %s
    <group id="WebApp">
      <primitive id="AppIP" class="ocf" provider="%s" type="%s">
        <instance_attributes id="AppIP-params">
          <nvpair id="AppIP-ip" name="ip" value="%s"/><nvpair id="AppIP-mask" name="cidr_netmask" value="24"/>
        </instance_attributes>
        <operations><op id="AppIP-monitor" name="monitor" interval="1s"/></operations>
      </primitive>
      <primitive id="AppWebServer" class="ocf" provider="holdfast" type="web">
        <operations><op id="AppWebServer-monitor" name="monitor" interval="1s"/></operations>
      </primitive>
    </group>
  </resources>
  <constraints/>
  <rsc_defaults><meta_attributes id="defaults"><nvpair id="defaults-stickiness" name="resource-stickiness" value="1"/></meta_attributes></rsc_defaults>
</configuration>`, fencing, fences, addressProvider, addressType, floating)
}

// service is the fleet with a service that a client watches.
type service struct {
	*fleet.Fleet
	poll *lab.Poller
}

// fence is a device for some hosts.
func fence(id, hosts, delay string) string {
	return fmt.Sprintf(`<primitive id="%[1]s" class="stonith" type="fence_lab"><instance_attributes id="%[1]s-params">
<nvpair id="%[1]s-hosts" name="pcmk_host_list" value="%[2]s"/><nvpair id="%[1]s-delay" name="pcmk_delay_base" value="%[3]s"/>
</instance_attributes></primitive>`, id, hosts, delay)
}

// fences are the devices of a cluster. Two hosts that fence each other at once would both die, so one of
// them is given a second's start.
func fences(hosts layout) string {
	if hosts == pair {
		return fence("Fence-"+winner, winner, "1s") + fence("Fence-"+loser, loser, "0s")
	}
	return fence("Fence", "web1 web2 web3 web4 web5", "0s")
}

// start makes the cluster.
func (o Options) start(ctx context.Context, fencing bool, hosts layout) (*service, error) {
	provider, agent, ok := strings.Cut(strings.TrimPrefix(o.Address, "ocf:"), ":")
	if !ok || strings.ContainsAny(o.Address, "<>&\"") {
		return nil, fmt.Errorf("address agent %q: want one like %s", o.Address, defaultAddress)
	}
	config := fleet.Config{Hosts: lab.Names("web", 3), Binary: o.Binary}
	switch hosts {
	case witnessed:
		config.Hosts, config.Witness = lab.Names("web", 2), "ffsplit"
	case pair:
		config.Hosts, config.Quorum = lab.Names("web", 2), "\ttwo_node: 1\n"
	case five:
		config.Hosts = lab.Names("web", 5)
	}
	f, err := fleet.Start(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &service{Fleet: f}
	if err := s.begin(ctx, configuration(fencing, fences(hosts), provider, agent)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func (s *service) begin(ctx context.Context, configuration string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.Ready(ctx); err != nil {
		return err
	}
	if err := s.Load(ctx, "web1", configuration); err != nil {
		return err
	}
	var err error
	if s.poll, err = s.Lab.Client().Poll(floating+":80", pollEvery); err != nil {
		return err
	}
	if _, err := s.poll.Await(ctx, 0, lab.Answered); err != nil {
		return err
	}
	return s.Ready(ctx)
}

func (s *service) close() error {
	if s.poll != nil {
		s.poll.Stop()
	}
	return s.Fleet.Close()
}

// active is the host that answers now.
func (s *service) active(ctx context.Context) (*lab.Host, error) {
	answer, err := s.poll.Await(ctx, lab.Now(), lab.Answered)
	if err != nil {
		return nil, err
	}
	return s.Host(answer.Body), nil
}

// other is the first host that is none of the given.
func (s *service) other(not ...string) *lab.Host {
next:
	for _, h := range s.Hosts() {
		for _, name := range not {
			if h.Name() == name {
				continue next
			}
		}
		return h
	}
	return nil
}

// move lets the group go to a host, as crm_resource --move does, waits until it answers there,
// and lets it stay there for its stickiness alone.
func (s *service) move(ctx context.Context, to string) (at lab.Moment, err error) {
	c := s.Fleet.Client(to)
	at = lab.Now()
	_, err = c.Change(ctx, client.Change{Op: client.Create, Section: "constraints", Cause: "move",
		XML: fmt.Sprintf(`<rsc_location id="move" rsc="WebApp" node="%s" score="INFINITY"/>`, to)})
	if err != nil {
		return 0, fmt.Errorf("move the group to %s: %w", to, err)
	}
	if _, err := s.poll.Await(ctx, at, lab.AnsweredBy(to)); err != nil {
		return 0, err
	}
	if err := s.Ready(ctx); err != nil {
		return 0, err
	}
	_, err = c.Change(ctx, client.Change{Op: client.Delete, ID: "move", Cause: "moved"})
	return at, err
}

// mend switches on and heals every host, and waits until all is as before.
func (s *service) mend(ctx context.Context) error {
	if err := s.Block(); err != nil {
		return err
	}
	for _, h := range s.Hosts() {
		if err := errors.Join(h.Boot(), h.Thaw(), h.Heal(lab.AllLinks), h.Lose(lab.AllLinks, 0)); err != nil {
			return err
		}
	}
	if err := s.Ready(ctx); err != nil {
		return err
	}
	if _, err := s.Fleet.Client("web1").Forget(ctx, client.Forget{FailedOnly: true}); err != nil {
		return err
	}
	if err := s.Ready(ctx); err != nil {
		return err
	}
	_, err := s.poll.Await(ctx, lab.Now(), lab.Answered)
	return err
}

// settle waits until the fate of every request that was sent up to now is known, and
// then a little.
func settle(ctx context.Context) {
	select {
	case <-time.After(settling):
	case <-ctx.Done():
	}
}
