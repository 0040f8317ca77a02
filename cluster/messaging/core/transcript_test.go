package core_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
	"holdfast/golden"
)

// TestTranscripts runs each file of testdata/transcripts: a line that begins with "> " is
// a command, what follows is what the hosts said, with the virtual time in milliseconds.
//
//	> cluster 3 [two_node] [tie]   configure that many hosts
//	> start 1 2 3                  start daemons
//	> run 2s                       let time pass
//	> kill 1 | freeze 1 | thaw 1 | leave 1 | fenced 1
//	> cut 1 2 from 3 | heal        break the network both ways
//	> propose 1 text               and wait for the answer
func TestTranscripts(t *testing.T) {
	t.Parallel()
	golden.Files(t, "testdata/transcripts/*.txt", func(t *testing.T, _, text string) string { return replay(t, text) })
}

// replay runs the commands of a transcript and returns it with what the hosts say now.
func replay(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	var c *cluster
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "#") {
			fmt.Fprintln(&out, line)
		}
		command, ok := strings.CutPrefix(line, "> ")
		if !ok {
			continue
		}
		fmt.Fprintln(&out, line)
		words := strings.Fields(command)
		if words[0] == "cluster" {
			c = transcriptCluster(t, words[1:], &out)
			continue
		}
		c.command(words, &out)
	}
	return out.String()
}

func transcriptCluster(t *testing.T, words []string, out *strings.Builder) *cluster {
	t.Helper()
	n, err := strconv.Atoi(words[0])
	if err != nil {
		t.Fatal(err)
	}
	var o quorum.Options
	for _, w := range words[1:] {
		o.TwoNode = o.TwoNode || w == "two_node"
		o.AutoTie = o.AutoTie || w == "tie"
	}
	o.Tie.Lowest = true
	c := newCluster(t, n, o)
	c.trace = func(id core.HostID, text string) {
		fmt.Fprintf(out, "%8.1f host %d: %s\n", float64(c.now)/float64(time.Millisecond), id, text)
	}
	return c
}

// command carries one line of a transcript out.
func (c *cluster) command(words []string, out *strings.Builder) {
	c.t.Helper()
	var sets [2][]core.HostID
	at := 0
	for _, w := range words[1:] {
		if id, err := strconv.Atoi(w); err == nil {
			sets[at] = append(sets[at], core.HostID(id))
		} else if w == "from" {
			at = 1
		}
	}
	switch words[0] {
	case "start":
		c.start(sets[0]...)
	case "kill":
		c.kill(sets[0]...)
	case "freeze":
		c.host(sets[0][0]).frozen = true
	case "thaw":
		c.thaw(sets[0][0])
	case "leave":
		c.host(sets[0][0]).core.Step(c.now, core.Leave{})
	case "fenced":
		for _, h := range c.hosts {
			if h.core != nil {
				h.core.Step(c.now, core.Fenced{Host: sets[0][0]})
			}
		}
	case "cut":
		c.cut(sets[0], sets[1])
	case "heal":
		c.heal()
	case "propose":
		a := c.must(sets[0][0], words[2])
		fmt.Fprintf(out, "%8.1f answer %s unconfirmed %v error %v\n", float64(c.now)/float64(time.Millisecond), a.Data, a.Unconfirmed, a.Err)
	case "run":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			c.t.Fatal(err)
		}
		c.run(d)
	default:
		c.t.Fatalf("unknown command %q", words)
	}
}
