package ipvsadm

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/golden"
	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// session runs lines on one plane in memory, as a shell would.
func session(p *plane.Memory, script string) string {
	var out bytes.Buffer
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "$ ipvsadm") {
			continue
		}
		fmt.Fprintln(&out, line)
		command, input, _ := strings.Cut(strings.TrimPrefix(line, "$ ipvsadm"), "<<<")
		input = strings.ReplaceAll(strings.TrimSpace(input), `\n`, "\n")
		code := Command(strings.Fields(command), strings.NewReader(input), &out, &out, func() (plane.Plane, error) { return p, nil })
		if code != 0 {
			fmt.Fprintf(&out, "[%d]\n", code)
		}
	}
	return out.String()
}

// TestTranscripts runs each testdata/*.txt: lines that begin with "$ ipvsadm", each followed by what it prints and its status.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	golden.Files(t, "testdata/*.txt", func(_ *testing.T, _, text string) string {
		p := plane.NewMemory()
		key, _ := table.ParseKey("tcp 192.0.2.1:80")
		at := netip.MustParseAddrPort
		p.Count(plane.Service{
			Service:  table.Service{Key: key},
			Counters: plane.Counters{Connections: 5, InPackets: 99_999_999, OutPackets: 100_000_000, InBytes: 123_456_789_012, OutBytes: 1 << 60},
			Rates:    plane.Counters{Connections: 3},
			Servers:  []plane.Server{{Server: table.Server{Address: at("10.0.0.11:80")}, Active: 7, Inactive: 8, Persistent: 9}},
		})
		p.Open(
			plane.Connection{Protocol: table.TCP, Client: at("198.51.100.9:40000"), Virtual: at("192.0.2.1:80"), Server: at("10.0.0.11:80"), State: "ESTABLISHED", Expires: 899 * time.Second},
			plane.Connection{Client: at("198.51.100.9:0"), Virtual: at("0.0.0.5:0"), Server: at("10.0.0.11:0"), State: "NONE", Expires: 65 * time.Second, Engine: "sip", Data: "call"},
		)
		return session(p, text)
	})
}

// FuzzTake: whatever is typed, a command line is understood or refused, and what -S writes is what -R reads.
func FuzzTake(f *testing.F) {
	f.Add("-A -t 192.0.2.1:80 -s rr -p 60 -M 255.255.255.0")
	f.Add("-a -t [2001:db8::1]:80 -r [2001:db8::2]:80 -i --tun-type=gue --tun-port 6080 -w3 -x 9 -y 1")
	f.Add("-Ln --stats --exact")
	f.Add("--set 1 2 3")
	f.Fuzz(func(t *testing.T, line string) {
		c, err := take(strings.Fields(line))
		if err != nil || changeKinds[c.command] == 0 || strings.ContainsAny(line, "abcdefghijklmnopqrstuvwxyz") && !strings.Contains(line, " -") {
			return
		}
		for _, name := range append(services, "real-server") { // nothing is asked of name servers
			if v := strings.Trim(c.given[name], "[]:0123456789.abcdef"); v != "" {
				return
			}
		}
		change, err := c.change()
		p := plane.NewMemory()
		if err != nil || change.Do != table.AddService || p.Apply([]table.Change{change}) != nil {
			return
		}
		saved := session(p, "$ ipvsadm -S -n")
		_, saved, _ = strings.Cut(saved, "\n")
		again := plane.NewMemory()
		changes, err := restored(strings.NewReader(saved))
		if err != nil {
			t.Fatalf("%q saved as %q: %v", line, saved, err)
		}
		if err := again.Apply(changes); err != nil {
			t.Fatal(err)
		}
		before, _ := p.Table()
		after, _ := again.Table()
		if left := table.Difference(before, after); len(left) > 0 {
			t.Fatalf("%q saved as %q differs: %v", line, saved, left)
		}
	})
}
