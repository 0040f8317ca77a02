package crm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/node/client"
)

// clusterLevel holds the commands on the daemons.
func clusterLevel() *level {
	unit := func(verb string) func(*session, []word) error {
		return func(s *session, words []word) error { return s.daemons(verb, textsOf(words)) }
	}
	native := func(name string) func(*session, []word) error {
		return func(s *session, words []word) error { return s.native(name, textsOf(words)) }
	}
	return &level{name: "cluster", summary: "the cluster's daemon on this host; hosts that join and leave", commands: []*command{
		{name: "start", usage: "[--all | NODE…]", summary: "start the daemon on this host, or on others, over ssh", run: unit("start"), words: completeNodes},
		{name: "stop", usage: "[--all | NODE…]", summary: "stop the daemon on this host, or on others, over ssh; their resources move away first, unless all stop", example: "stop --all", run: unit("stop"), words: completeNodes},
		{name: "restart", usage: "[--all | NODE…]", summary: "restart the daemon on this host, or on others, over ssh", run: unit("restart"), words: completeNodes},
		{name: "enable", usage: "[--all | NODE…]", summary: "start the daemon when the host boots", run: unit("enable"), words: completeNodes},
		{name: "disable", usage: "[--all | NODE…]", summary: "do not start it then", run: unit("disable"), words: completeNodes},
		{name: "status", summary: "members and quorum", run: clusterStatus},
		{name: "health", summary: "say what is wrong with the cluster", run: clusterHealth},
		{name: "wait_for_startup", usage: "[SECONDS]", summary: "wait until the daemon answers and knows a leader", run: waitForStartup},
		{name: "init", usage: "[OPTIONS]", summary: "make a cluster of this host (holdfast init)", run: native("init")},
		{name: "join", usage: "[OPTIONS]", summary: "let this host join a cluster (holdfast join)", run: native("join")},
		{name: "remove", usage: "NODE", summary: "remove a host from the configuration", run: deleteNode, words: completeNodes},
		{name: "copy", usage: "FILE [NODE…]", summary: "give a file to other hosts, over ssh", run: clusterCopy},
		{name: "run", usage: "COMMAND [NODE…]", summary: "run a command on all hosts, over ssh", example: "run 'df -h /'", run: clusterRun},
		{name: "diff", usage: "FILE [--checksum] [NODE…]", summary: "how a file differs between hosts, over ssh", run: clusterDiff},
		{name: "rename", usage: "NAME", summary: "give the cluster another name in corosync.conf or holdfast.conf", run: func(s *session, words []word) error {
			if len(words) != 1 {
				return usageError("expected a name")
			}
			return corosyncSet(s, []word{{text: "totem.cluster_name"}, words[0]})
		}},
	}}
}

// daemonUnit is the systemd unit of the daemon.
const daemonUnit = "holdfast.service"

func (s *session) systemctl(verb string) error {
	cmd := exec.Command("systemctl", verb, daemonUnit)
	cmd.Stdout, cmd.Stderr = s.stdout, s.stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("systemctl %s %s: %w", verb, daemonUnit, err)
	}
	s.info("%s: %s done", daemonUnit, verb)
	return nil
}

// daemons does something with the daemons of the hosts named, of all hosts (--all), or of this one, at once: hosts that
// stop together wait for each other, and move nothing.
func (s *session) daemons(verb string, hosts []string) error {
	switch {
	case len(hosts) == 0:
		return s.systemctl(verb)
	case slices.Contains(hosts, "--all") && len(hosts) > 1:
		return usageError("--all and names of hosts exclude each other")
	case hosts[0] == "--all":
		others, err := s.otherHosts(nil)
		if err != nil {
			return err
		}
		hosts = append([]string{thisNode()}, others...)
	}
	return s.onHosts(hosts, func(host string) (string, error) {
		command := []string{"systemctl", verb, daemonUnit}
		if host != thisNode() {
			out, err := overSSH(host, command...)
			return string(out), err
		}
		out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
		if err != nil {
			return string(out), fmt.Errorf("%s on this host: %w", strings.Join(command, " "), err)
		}
		return string(out), nil
	})
}

// native runs another of this program's commands.
func (s *session) native(name string, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("%s: find this program: %w", name, err)
	}
	cmd := exec.Command(self, append([]string{name}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.stdin, s.stdout, s.stderr
	if s.shadow != "" {
		cmd.Env = append(os.Environ(), "CIB_shadow="+s.shadow)
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (s *session) clusterState(what string) (*client.Status, error) {
	c, err := s.daemon(what)
	if err != nil {
		return nil, err
	}
	return c.Status(context.Background())
}

func clusterStatus(s *session, _ []word) error {
	status, err := s.clusterState("status")
	if err != nil {
		return err
	}
	quorum := "no quorum"
	if status.View.Quorate {
		quorum = "quorum"
	}
	s.printf("Cluster %s: view %d, %s\n", status.Cluster, status.View.Number, quorum)
	for _, host := range status.Hosts {
		state := "offline"
		if host.Online {
			state = "online"
		}
		if host.Leader {
			state += ", leader"
		}
		s.printf("  %d %-20s %s\n", host.ID, host.Name, state)
		for _, link := range host.Links {
			up := "down"
			if link.Up {
				up = "up"
			}
			s.printf("      link %d %s - %s: %s\n", link.Number, link.Local, link.Remote, up)
		}
	}
	return nil
}

// clusterHealth lists what is wrong; it fails when something is.
func clusterHealth(s *session, _ []word) error {
	status, err := s.clusterState("health")
	if err != nil {
		return err
	}
	problems := status.Problems
	if !status.View.Quorate {
		problems = append(problems, "the members have no quorum")
	}
	for _, host := range status.Hosts {
		if !host.Online {
			problems = append(problems, "host "+host.Name+" is not online")
		}
	}
	for _, r := range status.Resources {
		if r.Failed {
			problems = append(problems, "resource "+r.ID+" failed: "+r.Reason)
		}
	}
	for _, p := range problems {
		s.printf("%s\n", p)
	}
	if len(problems) > 0 {
		return errReported
	}
	s.info("the cluster is well")
	return nil
}

// startupLimit is how long wait_for_startup waits unless it is told.
const startupLimit = 10 * time.Second

func waitForStartup(s *session, words []word) error {
	limit := startupLimit
	if len(words) == 1 {
		seconds, err := strconv.Atoi(words[0].text)
		if err != nil || seconds < 0 {
			return usageError(fmt.Sprintf("expected a number of seconds, not %q", words[0].text))
		}
		limit = time.Duration(seconds) * time.Second
	}
	c := client.New("")
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if status, err := c.Status(ctx); err == nil && status.View.Leader != 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("the daemon did not come up in time; its log says why")
		case <-tick.C:
		}
	}
}
