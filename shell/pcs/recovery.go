package pcs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
)

func recoveryCommands() []command {
	return []command{
		{path: "dr config", help: "Shows which sites stand in for each other, as this host knows it.", run: showRecovery},
		{path: "dr status", syntax: "[--full] [--hide-inactive]", help: "Shows the status of this cluster and of the other site's.", options: "full hide-inactive request-timeout", run: statusOfSites},
		{path: "dr set-recovery-site", syntax: "HOST", options: "request-timeout", run: setRecoverySite,
			help: "Makes this cluster the primary site, and the cluster that HOST belongs to its recovery site. All hosts of both have to be logged in to (host auth).\nExample: pcs dr set-recovery-site gamma"},
		{path: "dr destroy", help: "Has all hosts of both sites forget that they stand in for each other.", options: "skip-offline request-timeout", run: destroyRecovery},
	}
}

// recoveryFile is what hosts of both sites keep, below the root. An empty file is as good as none: hosts give each other files
// and take none away.
const recoveryFile = "etc/holdfast/sites/disaster-recovery"

// siteRole says which of two sites serves and which stands by.
type siteRole string

const (
	primarySite  siteRole = "PRIMARY"
	recoverySite siteRole = "RECOVERY"
)

// title is the role as it is shown.
func (r siteRole) title() string {
	if r == "" {
		return "Unknown"
	}
	return string(r[:1]) + strings.ToLower(string(r[1:]))
}

// siteRecord is a site other than this one, as recoveryFile has it.
type siteRecord struct {
	Nodes []siteNode `json:"nodes"`
	Role  siteRole   `json:"role"`
}

type siteNode struct {
	Name string `json:"name"`
}

func (r siteRecord) names() []string {
	var names []string
	for _, n := range r.Nodes {
		names = append(names, n.Name)
	}
	return names
}

// recovery is the text of recoveryFile; its names are those of pcs's own file.
type recovery struct {
	Version int `json:"version"`
	Local   struct {
		Role siteRole `json:"role"`
	} `json:"local"`
	Remote []siteRecord `json:"remote_sites"`
}

// newRecovery is what hosts of a site keep whose role is own, when names are the hosts of the other one.
func newRecovery(own, other siteRole, names []string) recovery {
	r := recovery{Version: 1, Remote: []siteRecord{{Role: other}}}
	r.Local.Role = own
	for _, name := range slices.Sorted(slices.Values(names)) {
		r.Remote[0].Nodes = append(r.Remote[0].Nodes, siteNode{name})
	}
	return r
}

func (r recovery) files() (map[string][]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the configuration of sites: %w", err)
	}
	return map[string][]byte{recoveryFile: append(text, '\n')}, nil
}

var errNoRecovery = errors.New("disaster recovery is not configured on this host; 'pcs dr set-recovery-site HOST' does it")

// readRecovery reads this host's file.
func readRecovery() (recovery, error) {
	var r recovery
	path := filepath.Join(client.Root(""), recoveryFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(text) == 0 {
		return r, errNoRecovery
	}
	if err != nil {
		return r, fmt.Errorf("read the configuration of sites: %w", err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read the configuration of sites %s: %w; remove the file and run 'pcs dr set-recovery-site' again", path, err)
	}
	if r.Version > 1 {
		return r, fmt.Errorf("%s has version %d; this program reads version 1: use the newer one that wrote it", path, r.Version)
	}
	return r, nil
}

func showRecovery(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	r, err := readRecovery()
	if err != nil {
		return err
	}
	s.printf("Local site:\n  Role: %s\n", r.Local.Role.title())
	for _, site := range r.Remote {
		s.printf("Remote site:\n  Role: %s\n  Nodes:\n", site.Role.title())
		for _, name := range site.names() {
			s.printf("    %s\n", name)
		}
	}
	return nil
}

// setRecoverySite asks the other cluster for its hosts, and gives all hosts of both their side's view. Nothing is written before
// every host has answered.
func setRecoverySite(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	there := s.args[0]
	if _, err := readRecovery(); !errors.Is(err, errNoRecovery) {
		return errors.Join(err, errors.New("disaster recovery is configured already; 'pcs dr config' shows it, 'pcs dr destroy' ends it"))
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	local := conf.hostNames()
	if slices.Contains(local, there) {
		return fmt.Errorf("host '%s' belongs to this cluster; a host of the recovery site's was expected", there)
	}
	known, err := knownHosts()
	if err != nil {
		return err
	}
	asked, err := known.Client(there)
	if err != nil {
		return err
	}
	site, err := asked.Site(contextOf())
	if err != nil {
		return err
	}
	for _, name := range site.Hosts {
		if slices.Contains(local, name) {
			return fmt.Errorf("both sites have a host '%s'; hosts are known by their names, so these have to differ", name)
		}
	}
	hosts, err := callers(append(slices.Clone(local), site.Hosts...))
	if err != nil {
		return err
	}
	r := s.reports()
	for _, name := range append(slices.Clone(local), site.Hosts...) {
		switch shared, err := hosts[name].Shared(contextOf()); {
		case err != nil:
			r.fail("%v", err)
		case len(shared[recoveryFile]) > 0:
			r.fail("host '%s' belongs to a site with disaster recovery already; 'pcs dr destroy' there ends it", name)
		}
	}
	if err := r.err(); err != nil {
		return err
	}
	if err := s.shareRecovery(hosts, site.Hosts, newRecovery(recoverySite, primarySite, local)); err != nil {
		return err
	}
	return s.shareRecovery(hosts, local, newRecovery(primarySite, recoverySite, site.Hosts))
}

func (s *session) shareRecovery(hosts map[string]caller, names []string, r recovery) error {
	files, err := r.files()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := hosts[name].Share(contextOf(), files); err != nil {
			return fmt.Errorf("%s: %w; hosts before it know the sites: 'pcs dr destroy' has them forget it", name, err)
		}
		s.note("%s: knows the %s site", name, r.Remote[0].Role.title())
	}
	return nil
}

// destroyRecovery has every host of both sites forget, this one last: what it knows is needed to repeat the command.
func destroyRecovery(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	r, err := readRecovery()
	if err != nil {
		return err
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	names := conf.hostNames()
	for _, site := range r.Remote {
		names = append(names, site.names()...)
	}
	hosts, err := callers(names)
	if err != nil && !s.opts.has("skip-offline") {
		return fmt.Errorf("%w; --skip-offline goes on without", err)
	}
	problems := s.reports()
	own := map[string][]byte{recoveryFile: nil}
	for _, name := range names {
		host, known := hosts[name]
		if _, isOwn := host.(ownHost); isOwn {
			continue
		}
		err := errors.New("it is not authenticated")
		if known {
			err = host.Share(contextOf(), own)
		}
		switch {
		case err == nil:
			s.note("%s: has forgotten the other site", name)
		case s.opts.has("skip-offline"):
			s.warn("%s: %v; 'pcs dr destroy --skip-offline' there has it forget", name, err)
		default:
			problems.fail("%s: %v; --skip-offline goes on without", name, err)
		}
	}
	if problems.failed {
		return errors.New("this host still knows the other site: repeat the command")
	}
	if err := ownFiles().WriteShared(own); err != nil {
		return err
	}
	s.note("this host has forgotten the other site")
	return nil
}

// statusOfSites shows the status of this site and of the other one; of a site, the first host that answers tells it.
func statusOfSites(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	if s.opts.has("full") && s.opts.has("hide-inactive") {
		return errors.New("--full and --hide-inactive exclude each other")
	}
	r, err := readRecovery()
	if err != nil {
		return err
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	problems := s.reports()
	s.printf("--- Local cluster - %s site ---\n", r.Local.Role.title())
	problems.add(s.siteStatus(conf.hostNames()))
	for _, site := range r.Remote {
		s.printf("\n\n--- Remote cluster - %s site ---\n", site.Role.title())
		problems.add(s.siteStatus(site.names()))
	}
	if problems.failed {
		return errors.New("not every site's status is known")
	}
	return nil
}

// siteStatus shows the status of the cluster of these hosts.
func (s *session) siteStatus(names []string) error {
	var causes error
	for _, name := range names {
		hosts, err := callers([]string{name})
		if err != nil {
			causes = errors.Join(causes, err)
			continue
		}
		site, err := hosts[name].Site(contextOf())
		if err == nil && site.Document == "" {
			err = fmt.Errorf("host %s takes no part in cluster '%s' at the moment", name, site.Cluster)
		}
		if err != nil {
			causes = errors.Join(causes, err)
			continue
		}
		doc, err := cib.Parse("", []byte(site.Document))
		if err != nil {
			return fmt.Errorf("the document that host %s sent: %w", name, err)
		}
		shown := *s
		shown.doc, shown.source = doc, nil
		if err := shown.printStatus(site.Cluster); err != nil {
			return err
		}
		shown.printTickets()
		return nil
	}
	return fmt.Errorf("none of %s tells its cluster's status:\n%w", quoted(names), causes)
}

// forgetRecovery has a host that leaves its cluster forget the other site.
func forgetRecovery(ctx context.Context, c caller) error {
	shared, err := c.Shared(ctx)
	if err != nil || len(shared[recoveryFile]) == 0 {
		return err
	}
	return c.Share(ctx, map[string][]byte{recoveryFile: nil})
}
