package pcs

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
)

func boothLiveCommands() []command {
	return []command{
		{path: "booth create", syntax: "ip ADDRESS", help: "Makes the cluster run booth, on an address of its own.", document: true, options: "f name booth-conf booth-key force", run: createBooth},
		{path: "booth delete", help: "Removes what 'booth create' made.", document: true, options: "f name force", run: deleteBooth},
		{path: "booth remove", help: "Removes what 'booth create' made.", document: true, options: "f name force", run: deleteBooth},
		{path: "booth destroy", help: "Removes booth's configuration and key from this host.", document: true, options: "name force", run: destroyBooth},
		{path: "booth restart", help: "Restarts what 'booth create' made.", document: true, options: "name force", run: restartBooth},
		{path: "booth ticket grant", syntax: "TICKET [SITE]", help: "Grants a ticket to a site.", document: true, options: "name", run: func(s *session) error { return boothTicketTo(s, "grant") }},
		{path: "booth ticket revoke", syntax: "TICKET [SITE]", help: "Revokes a ticket.", document: true, options: "name", run: func(s *session) error { return boothTicketTo(s, "revoke") }},
		{path: "booth status", help: "Shows booth's state on this host.", options: "name", run: boothStatus},
		{path: "status booth", help: "Shows booth's state on this host.", options: "name", run: boothStatus},
		{path: "booth pull", syntax: "HOST", help: "Takes booth's configuration and key over from another host.", options: "name request-timeout", run: pullBooth},
		{path: "booth sync", help: "Gives booth's configuration and key to all hosts of the cluster.", options: "name booth-conf booth-key skip-offline request-timeout", run: syncBooth},
	}
}

func (s *session) boothName() string {
	if name := s.opts["name"]; name != "" {
		return name
	}
	return "booth"
}

// boothServices are the primitives that run booth with this instance's configuration.
func (s *session) boothServices() []*cib.Element {
	want := filepath.Join("/etc/booth", s.boothName()+".conf")
	var out []*cib.Element
	for _, p := range primitives(s.doc.Section("resources")) {
		if p.Get("type") != "booth-site" {
			continue
		}
		for set := range p.All("instance_attributes") {
			if nv := set.Pair("config"); nv != nil && nv.Get("value") == want {
				out = append(out, p)
			}
		}
	}
	return out
}

func createBooth(s *session) error {
	if len(s.args) != 2 || s.args[0] != "ip" {
		return errUsage
	}
	address, name := s.args[1], s.boothName()
	conf, _, err := s.booth()
	if err != nil {
		return err
	}
	if len(s.boothServices()) > 0 {
		return fmt.Errorf("the cluster runs booth instance '%s' already", name)
	}
	if net.ParseIP(address) == nil {
		return fmt.Errorf("'%s' is not an IP address", address)
	}
	if !conf.hasSite(address) {
		s.warn("'%s' is no site of booth's configuration", address)
	}
	service := agentName{"ocf", "pacemaker", "booth-site"}
	if _, err := s.describe(service); err != nil {
		if err := s.forceable("agent '%s' is not installed", service); err != nil {
			return err
		}
	}
	primitive := func(suffix string, agent agentName, values pairs) *cib.Element {
		e := cib.NewElement("primitive", "id", s.freeID("booth-"+name+"-"+suffix), "class", agent.class, "provider", agent.provider, "type", agent.kind)
		e.Append(s.newSet("instance_attributes", e.ID()+"-instance_attributes", values))
		list := e.Append(cib.NewElement("operations"))
		list.Append(cib.NewElement("op", "id", e.ID()+"-monitor-interval-60s", "name", "monitor", "interval", "60s"))
		return e
	}
	group := cib.NewElement("group", "id", s.freeID("booth-"+name+"-group"))
	group.Append(primitive("ip", agentName{"ocf", "heartbeat", "IPaddr2"}, pairs{{"ip", address}}))
	group.Append(primitive("service", service, pairs{{"config", filepath.Join("/etc/booth", name+".conf")}}))
	s.doc.Section("resources").Append(group)
	return nil
}

// hasSite says whether the configuration lists an address as a site.
func (c *boothConf) hasSite(address string) bool {
	for _, line := range c.head {
		name, value, _ := strings.Cut(line, "=")
		if strings.TrimSpace(name) == "site" && strings.Trim(strings.TrimSpace(value), `"'`) == address {
			return true
		}
	}
	return false
}

func deleteBooth(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	services := s.boothServices()
	switch {
	case len(services) == 0:
		return fmt.Errorf("the cluster does not run booth instance '%s'", s.boothName())
	case len(services) > 1:
		if err := s.forceable("the cluster runs booth instance '%s' %d times", s.boothName(), len(services)); err != nil {
			return err
		}
	}
	for _, p := range services {
		if p.Parent.Name == "group" {
			p = p.Parent // the address goes with the service
		}
		if err := s.deleteTree(p); err != nil {
			return err
		}
	}
	return nil
}

func destroyBooth(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	if len(s.boothServices()) > 0 {
		return fmt.Errorf("the cluster runs booth instance '%s'; 'pcs booth remove' first", s.boothName())
	}
	conf, key, err := s.boothFiles()
	if err != nil {
		return err
	}
	for _, path := range []string{key, conf} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove booth's configuration: %w", err)
		}
	}
	return nil
}

func restartBooth(s *session) error {
	services := s.boothServices()
	if len(services) == 0 {
		return fmt.Errorf("the cluster does not run booth instance '%s'", s.boothName())
	}
	for _, p := range services {
		if err := s.crmResource([]string{"--restart", "--resource", p.ID()}); err != nil {
			return err
		}
	}
	s.note("booth@%s: restarted", s.boothName())
	return nil
}

// boothAddress is the address beside the service that the cluster runs.
func (s *session) boothAddress() string {
	for _, p := range s.boothServices() {
		for _, beside := range primitives(p.Parent) {
			if nv := beside.PairIn("instance_attributes", "ip"); nv != nil {
				return nv.Get("value")
			}
		}
	}
	return ""
}

// boothTicketTo lets the booth program grant or revoke a ticket.
func boothTicketTo(s *session, verb string) error {
	if len(s.args) == 0 || len(s.args) > 2 {
		return errUsage
	}
	site := s.boothAddress()
	if len(s.args) == 2 {
		site = s.args[1]
	}
	if site == "" {
		return errors.New("the cluster runs no booth here, so the site has to be named: TICKET SITE")
	}
	return s.callBooth(verb, "-s", site, s.args[0])
}

// callBooth runs the booth program, which talks to the daemons of booth.
func (s *session) callBooth(args ...string) error {
	cmd := exec.Command("booth", args...)
	said, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("booth is not installed on this host: %w", err)
	}
	if err != nil {
		return fmt.Errorf("booth %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(said)))
	}
	s.printf("%s", said)
	return nil
}

func boothStatus(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	for _, part := range []struct{ title, verb string }{{"TICKETS:", "list"}, {"PEERS:", "peers"}, {"DAEMON STATUS:", "status"}} {
		s.printf("%s\n", part.title)
		if err := s.callBooth(part.verb, "-c", s.boothName()); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) boothShared() []string {
	return []string{"etc/booth/" + s.boothName() + ".conf", "etc/booth/" + s.boothName() + ".key"}
}

func pullBooth(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	files, err := s.boothOf(s.args[0])
	if err != nil {
		return err
	}
	if err := ownFiles().WriteShared(files); err != nil {
		return err
	}
	s.note("Booth config saved")
	return nil
}

// boothOf are booth's files of a host.
func (s *session) boothOf(host string) (map[string][]byte, error) {
	hosts, err := callers([]string{host})
	if err != nil {
		return nil, err
	}
	all, err := hosts[host].Shared(contextOf())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", host, err)
	}
	files := map[string][]byte{}
	for _, name := range s.boothShared() {
		if text, ok := all[name]; ok {
			files[name] = text
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("host '%s' has no configuration of booth instance '%s'", host, s.boothName())
	}
	return files, nil
}

func syncBooth(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	all, err := ownFiles().ReadShared()
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	for _, name := range s.boothShared() {
		if text, ok := all[name]; ok {
			files[name] = text
		}
	}
	if len(files) == 0 {
		return fmt.Errorf("there is no %s; 'pcs booth setup' makes it", filepath.Join(client.Root(""), s.boothShared()[0]))
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	hosts, err := callers(conf.hostNames())
	if err != nil {
		return err
	}
	r := s.reports()
	for _, name := range conf.hostNames() {
		switch err := hosts[name].Share(contextOf(), files); {
		case err == nil:
			s.note("%s: Booth config saved", name)
		case s.opts.has("skip-offline"):
			s.warn("%s: %v", name, err)
		default:
			r.fail("%s: %v", name, err)
		}
	}
	return r.err()
}
