package pcs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/shell/tools/votes"
)

// showVotes prints how votes stand in the running cluster.
func showVotes(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	q, err := client.New("").Quorum(contextOf())
	if err != nil {
		return err
	}
	s.printf("%s\n", votes.Status(q, time.Now(), votes.Style{Device: true}))
	return nil
}

// expectVotes sets the expected votes of the running cluster.
func expectVotes(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	n, err := strconv.Atoi(s.args[0])
	if err != nil || n < 1 {
		return fmt.Errorf("expected votes %q: a number above 0 was expected", s.args[0])
	}
	return client.New("").ChangeQuorum(contextOf(), client.QuorumChange{Expected: n})
}

// unblock ends wait_for_all, by the word of a person who knows that the hosts that are
// missing run nothing.
func unblock(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	daemon := client.New("")
	q, err := daemon.Quorum(contextOf())
	if err != nil {
		return err
	}
	if !q.Waiting {
		return errors.New("unblock: this cluster does not wait for missing hosts; 'pcs quorum status' shows how votes stand")
	}
	if !s.force() {
		var missing []string
		for _, m := range q.Missing {
			missing = append(missing, m.Name)
		}
		return fmt.Errorf("unblock: hosts that were not seen must be off, or data may be corrupted: %s; use --force when they certainly are", strings.Join(missing, ", "))
	}
	return daemon.ChangeQuorum(contextOf(), client.QuorumChange{Unblock: true})
}

// deviceStatus tells of the quorum device, which no running cluster of this build has.
func deviceStatus(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	d, err := client.New("").Device(contextOf())
	if err != nil {
		return err
	}
	if d == nil {
		return errors.New("quorum device status: no quorum device takes part in this cluster's votes")
	}
	s.printf("%s", votes.DeviceStatus(d, s.opts.has("full"), time.Now()))
	return nil
}
