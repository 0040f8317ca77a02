package crm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/cluster/node/client"
)

// Commands that reach other hosts do it over ssh, as root and without a password, as crmsh's do.

// overSSH runs a command on a host and returns what it printed.
func overSSH(host string, command ...string) ([]byte, error) {
	quoted := make([]string, len(command))
	for i, word := range command {
		quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	cmd := exec.Command("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", host, strings.Join(quoted, " "))
	var out, failed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failed
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("ssh %s: %w: %s", host, err, strings.TrimSpace(failed.String()))
	}
	return out.Bytes(), nil
}

// otherHosts are the hosts named or, without a name, all of the cluster's configuration file but this one.
func (s *session) otherHosts(named []string) ([]string, error) {
	if len(named) > 0 {
		return named, nil
	}
	path, lines, err := s.readCorosync()
	if err != nil {
		return nil, err
	}
	var hosts []string
	for _, line := range lines {
		if line.path == "nodelist.node.name" && line.value != thisNode() {
			hosts = append(hosts, line.value)
		}
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("%s names no other hosts", path)
	}
	return hosts, nil
}

// onHosts does something on hosts at once and tells of each in their order; it fails when one did.
func (s *session) onHosts(hosts []string, do func(host string) (string, error)) error {
	said, failed := make([]string, len(hosts)), make([]error, len(hosts))
	var group sync.WaitGroup
	for i, host := range hosts {
		group.Go(func() { said[i], failed[i] = do(host) })
	}
	group.Wait()
	for i, host := range hosts {
		if said[i] != "" {
			s.printf("[%s]\n%s\n", host, strings.TrimRight(said[i], "\n"))
		}
		if failed[i] == nil && said[i] == "" {
			s.info("%s: done", host)
		}
	}
	return errors.Join(failed...)
}

// clusterCopy gives a file to other hosts, at the same place.
func clusterCopy(s *session, words []word) error {
	if len(words) == 0 {
		return usageError("expected a file")
	}
	path := words[0].text
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	hosts, err := s.otherHosts(textsOf(words[1:]))
	if err != nil {
		return err
	}
	return s.onHosts(hosts, func(host string) (string, error) {
		said, err := exec.Command("scp", "-q", "-p", "-o", "BatchMode=yes", path, host+":"+path).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("copy to %s: %w: %s", host, err, strings.TrimSpace(string(said)))
		}
		return "", nil
	})
}

// clusterRun runs a command on all hosts.
func clusterRun(s *session, words []word) error {
	if len(words) == 0 {
		return usageError("expected a command")
	}
	hosts := textsOf(words[1:])
	if len(hosts) == 0 {
		others, err := s.otherHosts(nil)
		if err != nil {
			return err
		}
		hosts = append([]string{thisNode()}, others...)
	}
	return s.onHosts(hosts, func(host string) (string, error) {
		if host == thisNode() {
			out, err := exec.Command("sh", "-c", words[0].text).CombinedOutput()
			return string(out), err
		}
		out, err := overSSH(host, "sh", "-c", words[0].text)
		return string(out), err
	})
}

// clusterDiff shows how a file differs between this host and others.
func clusterDiff(s *session, words []word) error {
	texts := textsOf(words)
	sums := slices.Contains(texts, "--checksum")
	texts = slices.DeleteFunc(texts, func(t string) bool { return t == "--checksum" })
	if len(texts) == 0 {
		return usageError("expected a file")
	}
	hosts, err := s.otherHosts(texts[1:])
	if err != nil {
		return err
	}
	return s.compareFile(texts[0], hosts, sums)
}

func (s *session) compareFile(path string, hosts []string, sums bool) error {
	own, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("diff: %w", err)
	}
	sum := func(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(text)) }
	if sums {
		s.printf("%-16s %s\n", thisNode(), sum(own))
	}
	var all error
	for _, host := range hosts {
		theirs, err := overSSH(host, "cat", path)
		switch {
		case err != nil:
			all = errors.Join(all, err)
		case sums:
			s.printf("%-16s %s\n", host, sum(theirs))
		case bytes.Equal(own, theirs):
			s.info("%s: %s is the same", host, path)
		default:
			s.printf("--- %s:%s\n+++ %s:%s\n%s", thisNode(), path, host, path, lineDifference(string(own), string(theirs)))
		}
	}
	return all
}

// lineDifference lists the lines that only one of two texts has, in their order.
func lineDifference(a, b string) string {
	var out strings.Builder
	left := strings.Split(strings.TrimRight(a, "\n"), "\n")
	right := strings.Split(strings.TrimRight(b, "\n"), "\n")
	for len(left) > 0 || len(right) > 0 {
		switch {
		case len(left) > 0 && len(right) > 0 && left[0] == right[0]:
			left, right = left[1:], right[1:]
		case len(left) > 0 && !slices.Contains(right, left[0]):
			fmt.Fprintf(&out, "-%s\n", left[0])
			left = left[1:]
		case len(right) > 0:
			fmt.Fprintf(&out, "+%s\n", right[0])
			right = right[1:]
		default:
			fmt.Fprintf(&out, "-%s\n", left[0])
			left = left[1:]
		}
	}
	return out.String()
}

// corosyncReload has all hosts of the running cluster take over the configuration file that lies here.
func corosyncReload(s *session, _ []word) error {
	path, err := s.corosyncFile()
	if err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	c, err := s.daemon("reload")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), reloadLimit)
	defer cancel()
	if err := c.Reconfigure(ctx, string(text)); err != nil {
		return err
	}
	s.info("all hosts have this host's %s", filepath.Base(path))
	return nil
}

const reloadLimit = time.Minute

// corosyncPush gives the configuration file to hosts that do not run, or to all of a running cluster.
func corosyncPush(s *session, words []word) error {
	if len(words) == 0 && client.New("").Running() {
		return corosyncReload(s, nil)
	}
	path, err := s.corosyncFile()
	if err != nil {
		return err
	}
	return clusterCopy(s, append(wordsOf([]string{path}), words...))
}

// corosyncPull takes the configuration file over from another host.
func corosyncPull(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected a host")
	}
	path, err := s.corosyncFile()
	if errors.Is(err, fs.ErrNotExist) { // a host that shall join: corosync.conf is what crmsh's hosts have
		path, err = filepath.Join(client.Root(""), "etc/corosync/corosync.conf"), nil
	}
	if err != nil {
		return err
	}
	text, err := overSSH(words[0].text, "cat", path)
	if err != nil {
		return err
	}
	lines, err := parseCorosync(words[0].text+":"+path, string(text))
	if err != nil {
		return fmt.Errorf("%w; nothing is changed", err)
	}
	return writeCorosync(path, lines)
}

func corosyncDiff(s *session, words []word) error {
	hosts, err := s.otherHosts(slices.DeleteFunc(textsOf(words), func(t string) bool { return t == "--checksum" }))
	if err != nil {
		return err
	}
	path, err := s.corosyncFile()
	if err != nil {
		return err
	}
	return s.compareFile(path, hosts, slices.Contains(textsOf(words), "--checksum"))
}
