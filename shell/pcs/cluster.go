package pcs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"holdfast/cluster/cib/upgrade"
	"holdfast/cluster/node/client"
)

func clusterCommands() []command {
	start := func(s *session) error {
		names, err := s.targets()
		if err != nil {
			return err
		}
		return s.startOn(names)
	}
	stopping := onHosts("Stopping Cluster...", func(ctx context.Context, c caller) error { return c.Stop(ctx) })
	stop := func(s *session) error {
		delete(s.opts, "wait") // a host answers once it has stopped
		return stopping(s)
	}
	destroy := onHosts("Successfully destroyed cluster", func(ctx context.Context, c caller) error {
		return errors.Join(forgetRecovery(ctx, c), c.Destroy(ctx))
	})
	return []command{
		{path: "cluster setup", run: setUpCluster,
			syntax:  "NAME HOST [addr=ADDRESS]...... [transport knet|udp|udpu [OPTION=VALUE...] [link OPTION=VALUE...]... [crypto ...] [compression ...]] [totem ...] [quorum ...]",
			help:    "Makes a cluster of hosts that this one has logged in to (host auth); with --corosync_conf, only the file.",
			options: "force corosync_conf overwrite no-cluster-uuid no-keys-sync start enable wait local name " + olderSetupOptions},
		{path: "cluster cib", syntax: "[FILE] [scope=SECTION | --config]", help: "Shows the document or a section of it, or writes it to a file.", document: true, options: "f config", run: showDocument},
		{path: "cluster cib-upgrade", help: "Brings the document to the latest schema.", document: true, options: "f", run: upgradeDocument},
		{path: "cluster start", syntax: "[--all | HOST...] [--wait[=SECONDS]]", help: "Starts clustering on hosts.", options: "all wait request-timeout", run: start},
		{path: "cluster stop", syntax: "[--all | HOST...]", help: "Stops clustering on hosts; their resources are handed over.", options: "all force request-timeout wait", run: stop},
		{path: "cluster destroy", syntax: "[--all]", help: "Removes hosts' cluster configuration.", options: "all force", run: destroy},
		{path: "cluster node remove", syntax: "HOST...", help: "Takes hosts out of the cluster for good; their resources are handed over first.", options: "force skip-offline", run: removeHosts},
		{path: "cluster corosync", syntax: "[HOST]", help: "Shows corosync.conf, this host's or another's.", options: "request-timeout", run: showConf},
	}
}

// removeHosts takes hosts out of the running cluster, one after another.
func removeHosts(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	daemon := client.New("")
	for _, host := range s.args {
		if err := daemon.Remove(context.Background(), host, s.opts.has("force")); err != nil {
			return err
		}
		awaitForgotten(host)
		s.note("%s: taken out of the cluster", host)
	}
	return nil
}

func showConf(s *session) error {
	if len(s.args) > 1 {
		return errUsage
	}
	if len(s.args) == 1 {
		hosts, err := callers(s.args)
		if err != nil {
			return err
		}
		if _, isOwn := hosts[s.args[0]].(ownHost); !isOwn {
			site, err := hosts[s.args[0]].Site(contextOf())
			s.printf("%s", site.Configuration)
			return err
		}
	}
	text, err := os.ReadFile(s.confPath())
	if err != nil {
		return fmt.Errorf("read the cluster's configuration: %w; 'pcs cluster setup' makes one", err)
	}
	s.printf("%s", text)
	return nil
}

// showDocument prints the document, or the section that scope= names, or writes it to a file.
func showDocument(s *session) error {
	scope, words := "", s.args
	if s.opts.has("config") {
		scope = "configuration"
	}
	if n := len(words); n > 0 && strings.HasPrefix(words[n-1], "scope=") {
		if scope != "" {
			return usageError{"--config and scope exclude each other"}
		}
		_, scope, _ = strings.Cut(words[n-1], "=")
		words = words[:n-1]
		if !slices.Contains(editScopes, scope) {
			return fmt.Errorf("'%s' is not a section of the configuration; sections are %s", scope, quoted(editScopes))
		}
	}
	if len(words) > 1 || len(words) == 1 && strings.Contains(words[0], "=") {
		return errUsage
	}
	text := s.doc.Bytes()
	switch scope {
	case "":
	case "configuration":
		text = []byte(s.doc.Configuration().String())
	default:
		section := s.doc.Section(scope)
		if section == nil {
			return fmt.Errorf("the document has no section %s", scope)
		}
		text = []byte(section.String())
	}
	if len(words) == 0 {
		s.printf("%s", text)
		return nil
	}
	if err := os.WriteFile(words[0], text, 0o600); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	return nil
}

// upgradeDocument brings the document to the schema of today's Pacemaker.
func upgradeDocument(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	if _, err := upgrade.Upgrade(s.doc); err != nil {
		return fmt.Errorf("upgrade the document: %w", err)
	}
	s.note("Cluster CIB has been upgraded to latest version")
	return nil
}
