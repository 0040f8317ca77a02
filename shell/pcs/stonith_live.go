package pcs

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"strings"

	"holdfast/cluster/node/client"
	"holdfast/shell/tools/monitor"
)

// stonithLiveCommands are those of the running cluster.
func stonithLiveCommands() []command {
	return []command{
		{path: "stonith fence", syntax: "NODE [--off]", help: "Reboots a node by its fence devices, or switches it off.", options: "off", run: fenceNode},
		{path: "stonith confirm", syntax: "NODE [--force]", help: "Takes your word that a node is off. If it is not, data will be corrupted.", options: "force", run: confirmNode},
		{path: "stonith history", syntax: "[show [NODE]]", help: "Shows what was done to a node, or to all nodes.", run: showFenceHistory},
		{path: "stonith history cleanup", syntax: "[NODE]", help: "Forgets the history of fencing of a node, or of all nodes.", run: cleanFenceHistory},
		{path: "stonith history update", help: "Does nothing: every node always has the whole history.", run: updateFenceHistory},
	}
}

func fenceNode(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	action := "reboot"
	if s.opts.has("off") {
		action = "off"
	}
	if err := client.New("").Fence(contextOf(), client.Fence{Target: s.args[0], Action: action}); err != nil {
		return fmt.Errorf("unable to fence '%s': %w", s.args[0], err)
	}
	s.printf("Node: %s fenced\n", s.args[0])
	return nil
}

func confirmNode(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	node := s.args[0]
	warning := fmt.Sprintf("Is node %s really off, without access to shared storage? If not, data will be corrupted", node)
	if s.force() {
		fmt.Fprintf(s.stderr, "Warning: %s\n", warning)
	} else {
		s.printf("%s. Confirm it? [y/N] ", warning)
		answer, _ := bufio.NewReader(s.stdin).ReadString('\n')
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
			return errors.New("not confirmed; nothing was done")
		}
	}
	if err := client.New("").ConfirmFenced(contextOf(), node); err != nil {
		return fmt.Errorf("unable to confirm fencing of node '%s': %w", node, err)
	}
	s.printf("Node: %s confirmed fenced\n", node)
	return nil
}

// historyTarget is the node that a history command is about; "" is all.
func (s *session) historyTarget() (string, error) {
	if len(s.args) > 1 {
		return "", errUsage
	}
	return strings.Join(s.args, ""), nil
}

func showFenceHistory(s *session) error {
	if len(s.args) > 0 && s.args[0] != "show" {
		return errUsage
	}
	s.args = s.args[min(1, len(s.args)):]
	target, err := s.historyTarget()
	if err != nil {
		return err
	}
	events, err := client.New("").FenceHistory(contextOf(), target)
	if err != nil {
		return fmt.Errorf("unable to get the history of fencing: %w", err)
	}
	monitor.FenceHistory(s.stdout, events, false)
	return nil
}

func cleanFenceHistory(s *session) error {
	target, err := s.historyTarget()
	if err != nil {
		return err
	}
	if err := client.New("").CleanFenceHistory(contextOf(), target); err != nil {
		return fmt.Errorf("unable to clean the history of fencing: %w", err)
	}
	s.printf("cleaning up fencing-history for node %s\n", cmp.Or(target, "*"))
	return nil
}

func updateFenceHistory(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	_, err := client.New("").FenceHistory(contextOf(), "")
	return err
}
