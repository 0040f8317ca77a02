package pcs

import (
	"context"
	"fmt"
	"os"

	"holdfast/cluster/node/client"
)

func clusterCommands() []command {
	start := onHosts("Starting Cluster...", func(ctx context.Context, c caller) error { return c.Start(ctx) })
	stop := onHosts("Stopping Cluster...", func(ctx context.Context, c caller) error { return c.Stop(ctx) })
	destroy := onHosts("Successfully destroyed cluster", func(ctx context.Context, c caller) error { return c.Destroy(ctx) })
	return []command{
		{path: "cluster setup", run: setUpCluster,
			syntax:  "NAME HOST [addr=ADDRESS]...... [transport knet|udp|udpu [OPTION=VALUE...] [link OPTION=VALUE...]... [crypto ...] [compression ...]] [totem ...] [quorum ...]",
			help:    "Makes a cluster of hosts that this one has logged in to (host auth); with --corosync_conf, only the file.",
			options: "force corosync_conf overwrite no-cluster-uuid no-keys-sync start enable wait name"},
		{path: "cluster cib", syntax: "[FILE]", help: "Shows the document, or writes it to a file.", document: true, options: "f config", run: showDocument},
		{path: "cluster cib-upgrade", help: "Brings the document to the latest schema.", document: true, options: "f", run: func(*session) error { return nil }},
		{path: "cluster start", syntax: "[--all | HOST...] [--wait[=SECONDS]]", help: "Starts clustering on hosts.", options: "all wait request-timeout", run: start},
		{path: "cluster stop", syntax: "[--all | HOST...]", help: "Stops clustering on hosts; their resources are handed over.", options: "all force request-timeout", run: stop},
		{path: "cluster destroy", syntax: "[--all]", help: "Removes hosts' cluster configuration.", options: "all force", run: destroy},
		{path: "cluster node remove", syntax: "HOST...", help: "Takes hosts out of the cluster for good; their resources are handed over first.", options: "force skip-offline", run: removeHosts},
		{path: "cluster corosync", syntax: "", help: "Shows corosync.conf.", options: "", run: showConf},
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
		s.note("%s: taken out of the cluster", host)
	}
	return nil
}

func showConf(s *session) error {
	text, err := os.ReadFile(s.confPath())
	if err != nil {
		return fmt.Errorf("read the cluster's configuration: %w; 'pcs cluster setup' makes one", err)
	}
	s.printf("%s", text)
	return nil
}

func showDocument(s *session) error {
	if len(s.args) == 0 {
		s.printf("%s", s.doc.Bytes())
		return nil
	}
	return os.WriteFile(s.args[0], s.doc.Bytes(), 0o600)
}
