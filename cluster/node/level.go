package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/messaging"
)

// Hosts of two releases take part in one cluster while it is upgraded. What is written on disk and sent says which form
// it has (core.FormatVersion, controller.FormatVersion), and what two releases do differently in one form has a
// feature level: a host does what a level brought only when every host that it concerns has that level.
//
// Level 1 is that of the releases without levels, which do not know the service by which they are asked. Level 2 brought
// the quorum disk, the waiting of hosts that leave together, and the end of a daemon by another host's order. Level 3 brought
// what hosts tell each other of one that was lost, before anybody counts on its watchdog.
const (
	firstLevel   = 1
	levelOfDisk  = 2
	levelOfSight = 3
	newestLevel  = 3
	levelService = "level"
)

// levels are what services came with, above the first level.
var levels = map[string]int{levelService: 2, leaveService: 2, dieService: 2, sightService: levelOfSight}

// levelFile holds a host at a level below what its build has. It is read when the daemon starts.
const levelFile = "etc/holdfast/feature-level"

// readLevel is the level that a host below root is to have.
func readLevel(root string) (int, error) {
	path := filepath.Join(root, levelFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newestLevel, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the feature level: %w", err)
	}
	word := strings.TrimSpace(string(text))
	level, err := strconv.Atoi(word)
	if err != nil || level < firstLevel || level > newestLevel {
		return 0, fmt.Errorf("%s: %q: a feature level from %d to %d is accepted; remove the file to have the newest", path, word, firstLevel, newestLevel)
	}
	return level, nil
}

func (n *Node) serveLevel(context.Context, messaging.HostID, []byte) (any, error) {
	return n.settings.Level, nil
}

// offers tells whether this host's level has a service.
func (n *Node) offers(service string) bool { return levels[service] <= n.settings.Level }

// requireLevel tells which of the hosts that are reached has not a level, so that what came with it cannot be used.
func (n *Node) requireLevel(ctx context.Context, level int, what string) error {
	var old []string
	for _, h := range n.messenger.Status().Reach {
		has := firstLevel
		if answer, err := n.messenger.Call(ctx, h, levelService, nil); err == nil {
			if err := json.Unmarshal(answer, &has); err != nil {
				return fmt.Errorf("read the feature level of host %s: %w", n.name(h), err)
			}
		}
		if has < level {
			old = append(old, fmt.Sprintf("%s has %d", n.name(h), has))
		}
	}
	if slices.Sort(old); len(old) > 0 {
		return fmt.Errorf("%s needs feature level %d on every host: %s; upgrade these first", what, level, strings.Join(old, ", "))
	}
	return nil
}
