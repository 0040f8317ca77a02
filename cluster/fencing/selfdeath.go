package fencing

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/fencing/outlast"
)

// Watchdog fencing kills nobody: it waits until a host has certainly been reset by its own watchdog,
// which nobody feeds once the host has lost quorum. It is used for hosts that no device can fence, or
// where a topology or a stonith:fence_watchdog resource names it.

// watchdogID names the device that stands for the hosts' watchdogs.
const watchdogID = "watchdog"

// watchdogAgent is the agent by which a configuration restricts watchdog fencing to some hosts.
const watchdogAgent = "fence_watchdog"

// WatchdogTime is stonith-watchdog-timeout, and whether hosts fence themselves at all. Below 0 it is
// twice the watchdog's own time.
func WatchdogTime(doc *cib.Document) (limit time.Duration, on bool) {
	text := doc.Property("fencing-watchdog-timeout", "stonith-watchdog-timeout")
	if len(text) > 0 && text[0] == '-' {
		return -1, true
	}
	limit, _ = metadata.Duration(text)
	return limit, limit > 0
}

// WatchdogWait is how long after its loss a host has certainly been reset, when its watchdog resets
// it within own (0: it has none) of the last feeding, and it may take it until unaware to find out that it has lost quorum: a host that
// hears others may hope for a quorum device's vote, and one that stands still again and again is late. It is
// stonith-watchdog-timeout, or twice the watchdog's time, unless these together take longer.
func WatchdogWait(doc *cib.Document, own, unaware time.Duration) (time.Duration, error) {
	limit, on := WatchdogTime(doc)
	least := (own + unaware + outlast.StandsStill(own) + 99*time.Millisecond).Truncate(100 * time.Millisecond)
	switch {
	case !on:
		return 0, fmt.Errorf("stonith-watchdog-timeout is not set")
	case own <= 0:
		return 0, fmt.Errorf("it had no watchdog when it was last here; see 'pcs stonith sbd status'")
	case limit < 0:
		return max(2*own, least), nil
	case limit <= own:
		return 0, fmt.Errorf("stonith-watchdog-timeout %s is not longer than its watchdog's %s; make it %s", limit, own, 2*own)
	}
	return max(limit, least), nil
}

// OwnWatchdog is the time of a host's watchdog as the document tells it; mark is the attribute of
// node_state that does.
func OwnWatchdog(doc *cib.Document, host, mark string) time.Duration {
	for state := range doc.Section("status").All("node_state") {
		if state.Get("uname") == host {
			ms, _ := strconv.ParseInt(state.Get(mark), 10, 32)
			return time.Duration(ms) * time.Millisecond
		}
	}
	return 0
}

// withWatchdog adds the watchdogs as the device of last resort, unless a resource of the
// configuration stands for them already.
func withWatchdog(doc *cib.Document, devices []*Device) []*Device {
	if _, on := WatchdogTime(doc); !on {
		return slices.DeleteFunc(devices, func(d *Device) bool { return d.watchdog })
	}
	if slices.ContainsFunc(devices, func(d *Device) bool { return d.watchdog }) {
		return devices
	}
	d := &Device{ID: watchdogID, Agent: watchdogAgent, watchdog: true, Params: map[string]string{"pcmk_host_check": "none", "pcmk_action_limit": "-1"}}
	d.prepare(nil)
	return append(devices, d)
}
