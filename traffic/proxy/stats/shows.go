package stats

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/peers"
)

func (s *Server) showVersion(w io.Writer, _ []string) error {
	fmt.Fprintln(w, s.Version)
	return nil
}

func (s *Server) showEnvironment(w io.Writer, args []string) error {
	if len(args) > 0 {
		value, set := os.LookupEnv(args[0])
		if !set {
			return errors.New("variable not found")
		}
		fmt.Fprintf(w, "%s=%s\n", args[0], value)
		return nil
	}
	for _, pair := range os.Environ() {
		fmt.Fprintln(w, pair)
	}
	return nil
}

func (s *Server) showSockets(w io.Writer, _ []string) error {
	fmt.Fprintln(w, "# socket lvl processes")
	for _, socket := range s.Plane.Snapshot().Config.Global.StatsSockets {
		network := map[string]string{"tcp": "ipv4@", "unix": "unix@"}[socket.Network]
		fmt.Fprintf(w, "%s%s %s all\n", network, socket.Address, socket.Level)
	}
	return nil
}

func (s *Server) showWarnings(w io.Writer, _ []string) error {
	for _, text := range s.Warned {
		fmt.Fprintf(w, "[WARNING]  (%d) : %s\n", os.Getpid(), text)
	}
	return nil
}

// resolverCounters are what is counted of a name server, in HAProxy's order and under its names.
var resolverCounters = [...]string{"sent", "send_error", "valid", "update", "cname", "cname_error", "any_err", "nx", "timeout", "refused", "other", "invalid",
	"too_big", "truncated", "outdated"}

// resolverRow is a name server; what is not counted is 0.
type resolverRow struct {
	section, name string
	counts        [len(resolverCounters)]int64
}

func (s *Server) resolverRows() []resolverRow {
	var rows []resolverRow
	all := s.Plane.Snapshot().Config.Resolvers
	for _, section := range slices.Sorted(maps.Keys(all)) {
		for i, name := range all[section].Names {
			n := all[section].Counts[i]
			rows = append(rows, resolverRow{section, name, [len(resolverCounters)]int64{n.Sent.Load(), n.NotSent.Load(), n.Valid.Load(), 0, 0, 0, 0, n.NX.Load(), n.Timeout.Load(),
				n.Refused.Load(), n.Other.Load(), n.Invalid.Load(), 0, n.Truncated.Load(), 0}})
		}
	}
	return rows
}

func (s *Server) showResolvers(w io.Writer, args []string) error {
	all := s.Plane.Snapshot().Config.Resolvers
	if len(args) > 0 && all[args[0]] == nil {
		return fmt.Errorf("can't find that resolvers section: %q", args[0])
	}
	last := ""
	for _, r := range s.resolverRows() {
		if len(args) > 0 && args[0] != r.section {
			continue
		}
		if r.section != last {
			fmt.Fprintf(w, "Resolvers section %s\n", r.section)
			last = r.section
		}
		fmt.Fprintf(w, " nameserver %s:\n", r.name)
		for i, name := range resolverCounters {
			fmt.Fprintf(w, "  %-13s%d\n", strings.Replace(name, "send_", "snd_", 1)+":", r.counts[i])
		}
	}
	return nil
}

// showPeers lists the peers of each section, a line for each.
func (s *Server) showPeers(w io.Writer, args []string) error {
	names := slices.DeleteFunc(slices.Clone(args), func(w string) bool { return w == "dict" || w == "-" })
	if len(names) > 0 && !slices.ContainsFunc(s.Peers, func(g *peers.Group) bool { return g.Config.Name == names[0] }) {
		return errors.New("no such peers")
	}
	for i, g := range s.Peers {
		if len(names) > 0 && names[0] != g.Config.Name {
			continue
		}
		fmt.Fprintf(w, "%#x: [%s] id=%s disabled=0\n", i+1, s.Started.Format("02/Jan/2006:15:04:05"), g.Config.Name)
		for n, p := range g.Standings() {
			s.writePeer(w, n+1, &p)
		}
	}
	return nil
}

// writePeer writes a peer as HAProxy does, with a number for its address in memory. last_status is NONE for one that never was connected, ESTA for one
// that is, and CONN for one that was or is being asked.
func (s *Server) writePeer(w io.Writer, number int, p *peers.Standing) {
	kind, status, last := "remote,active", "CONN", "<NEVER>"
	if p.Local {
		kind = "local,inactive"
	}
	switch {
	case p.Connected:
		status = "ESTA"
	case p.Since.IsZero():
		status = "NONE"
	}
	if !p.Since.IsZero() {
		last = s.Now().Sub(p.Since).Truncate(time.Second).String()
	}
	fmt.Fprintf(w, "  %#x: id=%s(%s) addr=%s last_status=%s last_hdshk=%s\n        new_conn=%d proto_err=%d\n        status=%q\n",
		number, p.Name, kind, p.Address, status, last, p.Opened, p.Errors, p.Status)
}

func (s *Server) peersConnected() (connected, known int) {
	for _, g := range s.Peers {
		for _, p := range g.Standings() {
			if !p.Local {
				known++
			}
			if p.Connected {
				connected++
			}
		}
	}
	return connected, known
}

// showActivity tells what the process used.
func (s *Server) showActivity(w io.Writer, _ []string) error {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return err
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	fmt.Fprintf(w, "date_now: %d.%06d\n", s.Now().Unix(), s.Now().Nanosecond()/1000)
	for _, line := range []struct {
		name  string
		value int64
	}{
		{"loops", int64(s.Plane.Loops())}, {"goroutines", int64(runtime.NumGoroutine())}, {"accepted", s.Plane.Total.Load()},
		{"sessions", s.Plane.Sessions.Load()}, {"ctxsw", usage.Nvcsw + usage.Nivcsw}, {"cpu_user_ms", usage.Utime.Nano() / 1e6},
		{"cpu_system_ms", usage.Stime.Nano() / 1e6}, {"memory_bytes", int64(memory.Sys)}, {"heap_bytes", int64(memory.HeapInuse)},
		{"collections", int64(memory.NumGC)}, {"collection_pause_us", int64(memory.PauseTotalNs / 1000)},
	} {
		fmt.Fprintf(w, "%s: %d\n", line.name, line.value)
	}
	return nil
}

// showSchema describes the objects of `show info json` and `show stat json`.
func (s *Server) showSchema(w io.Writer, _ []string) error {
	_, err := io.WriteString(w, `{"$schema":"http://json-schema.org/draft-04/schema#","oneOf":[{"title":"Info","type":"array","items":{"$ref":"#/definitions/infoItem"}},`+
		`{"title":"Stat","type":"array","items":{"title":"Row","type":"array","items":{"$ref":"#/definitions/statItem"}}}],"definitions":{`+
		`"field":{"type":"object","properties":{"pos":{"type":"integer","minimum":0},"name":{"type":"string"}},"required":["pos","name"]},`+
		`"tags":{"type":"object","properties":{"origin":{"type":"string"},"nature":{"type":"string"},"scope":{"type":"string"}},"required":["origin","nature","scope"]},`+
		`"value":{"type":"object","properties":{"type":{"enum":["str","s32","u32","u64"]},"value":{"type":["string","integer"]}},"required":["type","value"]},`+
		`"infoItem":{"type":"object","properties":{"field":{"$ref":"#/definitions/field"},"processNum":{"type":"integer","minimum":1},"tags":{"$ref":"#/definitions/tags"},`+
		`"value":{"$ref":"#/definitions/value"}},"required":["field","processNum","tags","value"]},`+
		`"statItem":{"type":"object","properties":{"objType":{"enum":["Frontend","Backend","Server"]},"proxyId":{"type":"integer","minimum":0},"id":{"type":"integer","minimum":0},`+
		`"field":{"$ref":"#/definitions/field"},"processNum":{"type":"integer","minimum":1},"tags":{"$ref":"#/definitions/tags"},"value":{"$ref":"#/definitions/value"}},`+
		`"required":["objType","proxyId","id","field","processNum","tags","value"]}}}`+"\n")
	return err
}

func (s *Server) shutdownSession(_ io.Writer, args []string) error {
	if len(args) != 1 {
		return errors.New("session pointer expected (use 'show sess')")
	}
	id, err := strconv.ParseUint(strings.TrimPrefix(args[0], "0x"), 16, 64)
	if err != nil || !s.Plane.EndSession(id) {
		return errors.New("no such session (use 'show sess')")
	}
	return nil
}
