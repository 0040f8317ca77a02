package router

import (
	"bufio"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/golden"
	"holdfast/traffic/vrrp/packet"
)

// TestTranscripts plays testdata/*.txt: one command a line, what the set did indented below it.
//
//	router NAME key=value…          id, version, priority, interval, source, address, preempt, preempt-delay, announce-delay, refresh
//	group NAME ROUTER…              a sync group; both before the first of
//	start TIME                      TIME is since the beginning, as 3.6s; "due" is when the next timer fires
//	tick TIME
//	hear TIME ROUTER FROM PRIORITY [INTERVAL]
//	fault|mend TIME ROUTER REASON
//	priority ROUTER N
//	shutdown TIME
func TestTranscripts(t *testing.T) {
	t.Parallel()
	golden.Files(t, "testdata/*.txt", func(t *testing.T, _, text string) string { return play(t, text) })
}

type player struct {
	t       *testing.T
	routers []Config
	groups  []Group
	set     *Set
}

func play(t *testing.T, text string) string {
	p := &player{t: t}
	var out strings.Builder
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "  ") {
			continue // what it did last time
		}
		fmt.Fprintln(&out, line)
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") || p.declare(words) {
			continue
		}
		for _, a := range p.step(words) {
			fmt.Fprintf(&out, "  %s\n", a)
		}
		if at, ok := p.set.Due(); ok {
			fmt.Fprintf(&out, "  due %s\n", at)
		}
	}
	return out.String()
}

func (p *player) declare(words []string) bool {
	switch words[0] {
	case "router":
		p.routers = append(p.routers, p.config(words[1], words[2:]))
	case "group":
		p.groups = append(p.groups, Group{words[1], words[2:]})
	default:
		return false
	}
	return true
}

func (p *player) config(name string, settings []string) Config {
	c := Config{Name: name, ID: 51, Version: 3, Priority: 100, Interval: time.Second}
	for _, setting := range settings {
		key, value, _ := strings.Cut(setting, "=")
		switch key {
		case "id":
			c.ID = uint8(p.number(value))
		case "version":
			c.Version = p.number(value)
		case "priority":
			c.Priority = uint8(p.number(value))
		case "interval":
			c.Interval = p.time(value)
		case "source":
			c.Source = netip.MustParseAddr(value)
		case "address":
			c.Addresses = append(c.Addresses, netip.MustParseAddr(value))
		case "missed":
			c.Missed = p.number(value)
		case "preempt":
			c.Preempt = true
		case "preempt-delay":
			c.PreemptDelay = p.time(value)
		case "announce-delay":
			c.Announce.Delay = p.time(value)
		case "lower-delay":
			c.Announce.LowerDelay = p.time(value)
		case "mute":
			c.Mute = true
		case "refresh":
			c.Announce.Refresh = p.time(value)
		default:
			p.t.Fatalf("unknown setting %q", setting)
		}
	}
	return c
}

func (p *player) step(words []string) []Action {
	if p.set == nil {
		set, err := New(p.routers, p.groups)
		if err != nil {
			p.t.Fatal(err)
		}
		p.set = set
	}
	if words[0] == "priority" {
		p.set.SetPriority(words[1], p.number(words[2]))
		return nil
	}
	now := p.time(words[1])
	switch words[0] {
	case "start":
		return p.set.Start(now)
	case "tick":
		return p.set.Tick(now)
	case "shutdown":
		return p.set.Shutdown(now)
	case "fault", "mend":
		return p.set.SetFault(now, words[2], strings.Join(words[3:], " "), words[0] == "fault")
	case "hear":
		return p.hear(now, words[2:])
	}
	p.t.Fatalf("unknown command %q", words[0])
	return nil
}

func (p *player) hear(now time.Duration, words []string) []Action {
	c := p.set.routers[words[0]].config
	a := packet.Advertisement{Version: c.Version, Router: c.ID, Interval: c.Interval, Addresses: c.Addresses}
	a.Priority = uint8(p.number(words[2]))
	if len(words) > 3 {
		a.Interval = p.time(words[3])
	}
	return p.set.Receive(now, words[0], netip.MustParseAddr(words[1]), a)
}

func (p *player) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

func (p *player) time(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		p.t.Fatal(err)
	}
	return d
}
