package stats

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/plane"
)

// information is one of `show info`'s fields, under HAProxy's name for it.
type information struct {
	at         int
	name, tags string
	kind       string
	value      string
	meaning    string
}

func (s *Server) information() []information {
	snapshot := s.Plane.Snapshot()
	g := &snapshot.Config.Global
	now := s.Now()
	up := now.Sub(s.Started)
	var limit unix.Rlimit
	_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	var requests int64
	for _, f := range snapshot.Frontends {
		requests += f.Counters.Total().Requests
	}
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	rate, mostRate := s.Plane.Frequency(plane.Clients, now)
	splices := s.Plane.Splices()
	secure := s.Plane.Secure.Load() + s.Plane.SecureServers.Load()
	all := []information{
		{0, "Name", "POS", "str", "HAProxy", "the product whose place this takes"},
		{1, "Version", "POS", "str", s.Version, "version of the program"},
		{2, "Release_date", "POS", "str", releaseDate(), "when the program was built"},
		{3, "Nbthread", "CGS", "u32", n(int64(s.Plane.Loops())), "event loops"},
		{4, "Nbproc", "CGS", "u32", "1", "processes that serve, always 1"},
		{5, "Process_num", "KGP", "u32", "1", "number of this process, always 1"},
		{6, "Pid", "SGP", "u32", n(int64(os.Getpid())), "process id"},
		{7, "Uptime", "MDP", "str", uptime(up), "time since the process was started"},
		{8, "Uptime_sec", "MDP", "u32", n(int64(up.Seconds())), "the same in seconds"},
		{9, "Memmax_MB", "CLP", "u32", "0", "limit of memory; 0: none"},
		{10, "PoolAlloc_MB", "MGP", "u32", n(int64(memory.Sys >> 20)), "memory that the process has of the system, in MB"},
		{11, "PoolUsed_MB", "MGP", "u32", n(int64(memory.HeapInuse >> 20)), "memory in use, in MB"},
		{12, "PoolFailed", "MCP", "u32", "0", "allocations that failed"},
		{13, "Ulimit-n", "CLP", "u32", n(int64(limit.Cur)), "limit of open descriptors"},
		{14, "Maxsock", "CLP", "u32", n(int64(limit.Cur)), "limit of sockets"},
		{15, "Maxconn", "CLP", "u32", n(s.Plane.MaxConn()), "limit of clients' connections; 0: none"},
		{16, "Hard_maxconn", "CLP", "u32", n(int64(g.MaxConn)), "the same as it was configured"},
		{17, "CurrConns", "MGP", "u32", n(s.Plane.Sessions.Load()), "clients' connections at present"},
		{18, "CumConns", "MCP", "u32", n(s.Plane.Total.Load()), "clients' connections since the start"},
		{19, "CumReq", "MCP", "u32", n(requests), "requests since the start"},
		{20, "MaxSslConns", "MMP", "u32", n(int64(g.SecureMost)), "limit of connections with TLS; 0: none"},
		{21, "CurrSslConns", "MGP", "u32", n(secure), "connections with TLS at present"},
		{22, "CumSslConns", "MCP", "u32", n(s.Plane.SecureTotal.Load() + s.Plane.SecureReached.Load()), "connections with TLS since the start"},
		{23, "Maxpipes", "CLP", "u32", "0", "limit of pipes; 0: none"},
		{24, "PipesUsed", "MGP", "u32", n(splices.Used), "pipes that bytes are on their way through"},
		{25, "PipesFree", "MGP", "u32", n(splices.Free), "pipes that are kept for the next bytes"},
		{26, "ConnRate", "MRP", "u32", n(rate), "new connections within a second"},
		{27, "ConnRateLimit", "CLP", "u32", n(s.Plane.ConnectionLimit.Load()), "limit of that; 0: none"},
		{28, "MaxConnRate", "MMP", "u32", n(mostRate), "most new connections within a second"},
		{29, "SessRate", "MRP", "u32", n(rate), "new sessions within a second"},
		{30, "SessRateLimit", "CLP", "u32", n(s.Plane.SessionLimit.Load()), "limit of that; 0: none"},
		{31, "MaxSessRate", "MRP", "u32", n(mostRate), "most new sessions within a second"},
	}
	return slices.Concat(all, s.codingInformation(now), []information{
		{44, "CompressBpsRateLim", "CLP", "u32", n(s.Plane.CodingLimit.Load() << 10), "limit of bytes that are compressed within a second; 0: none"},
		{47, "Tasks", "MGP", "u32", n(int64(runtime.NumGoroutine())), "goroutines"},
		{48, "Run_queue", "MGP", "u32", "0", "tasks that are ready to run"},
		{49, "Idle_pct", "MaP", "u32", n(s.idle(now)), "share of the processors' time that was not used since the last question, in percent"},
		{50, "node", "COS", "str", s.Node, "name of the node"},
		{51, "description", "COS", "str", g.Description, "description in the configuration"},
	}, s.laterInformation(&memory, now))
}

// codingInformation are the fields about TLS and compression.
func (s *Server) codingInformation(now time.Time) []information {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	p := s.Plane
	rate, mostRate := p.Frequency(plane.SecureClients, now)
	keys, mostKeys := p.Frequency(plane.ClientKeys, now)
	own, mostOwn := p.Frequency(plane.ServerKeys, now)
	toCode, _ := p.Frequency(plane.BytesToCode, now)
	coded, _ := p.Frequency(plane.BytesCoded, now)
	resumed := int64(0)
	if rate > 0 {
		resumed = max(0, rate-keys) * 100 / rate
	}
	return []information{
		{32, "SslRate", "MRP", "u32", n(rate), "new connections with TLS within a second"},
		{33, "SslRateLimit", "CLP", "u32", n(p.SecureLimit.Load()), "limit of new connections with TLS within a second; 0: none"},
		{34, "MaxSslRate", "MMP", "u32", n(mostRate), "most new connections with TLS within a second"},
		{35, "SslFrontendKeyRate", "MGP", "u32", n(keys), "keys that were agreed on with clients within a second"},
		{36, "SslFrontendMaxKeyRate", "MMP", "u32", n(mostKeys), "most keys that were agreed on with clients within a second"},
		{37, "SslFrontendSessionReuse_pct", "MGP", "u32", n(resumed), "share of new connections with TLS that took up the keys of an earlier one, in percent"},
		{38, "SslBackendKeyRate", "MRP", "u32", n(own), "keys that were agreed on with servers within a second"},
		{39, "SslBackendMaxKeyRate", "MMP", "u32", n(mostOwn), "most keys that were agreed on with servers within a second"},
		{40, "SslCacheLookups", "MCP", "u32", "0", "questions to the store of keys; clients keep their own in tickets"},
		{41, "SslCacheMisses", "MCP", "u32", "0", "those of them that were in vain"},
		{42, "CompressBpsIn", "MRP", "u32", n(toCode), "bytes that were compressed within a second"},
		{43, "CompressBpsOut", "MRP", "u32", n(coded), "what they became"},
	}
}

// laterInformation are the fields behind the description.
func (s *Server) laterInformation(memory *runtime.MemStats, now time.Time) []information {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	sent, listeners := s.sent(), s.listeners()
	sentRate, _ := s.Plane.Frequency(plane.BytesSent, now)
	stopping := n(0)
	if s.Plane.Stopping() {
		stopping = n(1)
	}
	connected, known := s.peersConnected()
	return []information{
		{52, "Stopping", "MGP", "u32", stopping, "1 while the process takes no more clients and ends"},
		{53, "Jobs", "MGP", "u32", n(s.Plane.Sessions.Load() + int64(listeners)), "connections and listeners"},
		{54, "Unstoppable Jobs", "MGP", "u32", "0", "those of them that outlive the end"},
		{55, "Listeners", "MGP", "u32", n(int64(listeners)), "addresses that are listened on"},
		{56, "ActivePeers", "MGP", "u32", n(int64(known)), "peers that tables are exchanged with"},
		{57, "ConnectedPeers", "MGP", "u32", n(int64(connected)), "those of them that are connected"},
		{58, "DroppedLogs", "MGP", "u32", n(s.dropped()), "log lines that nobody took"},
		{59, "BusyPolling", "MGP", "u32", "0", "1 where loops never sleep"},
		{60, "FailedResolutions", "MGP", "u32", n(s.failedResolutions()), "questions to name servers that were answered with no address, or not at all"},
		{61, "TotalBytesOut", "MGP", "u64", n(sent), "bytes to clients and servers since the start"},
		{62, "TotalSplicdedBytesOut", "MGP", "u64", n(s.Plane.Splices().Bytes), "those of them that went through pipes"}, // HAProxy's spelling
		{63, "BytesOutRate", "MRP", "u64", n(sentRate), "bytes to clients and servers, of exchanges that ended within a second"},
		{64, "DebugCommandsIssued", "MGP", "u32", "0", "commands for developers; there are none"},
		{65, "CumRecvLogs", "MCP", "u32", "0", "log lines from others; none are taken"},
		{66, "Build info", "POS", "str", s.Version, "version of the program"},
		{67, "Memmax_bytes", "CLP", "u32", "0", "limit of memory; 0: none"},
		{68, "PoolAlloc_bytes", "MGP", "u64", n(int64(memory.Sys)), "memory that the process has of the system"},
		{69, "PoolUsed_bytes", "MGP", "u64", n(int64(memory.HeapInuse)), "memory in use"},
		{70, "Start_time_sec", "MDP", "u32", n(s.Started.Unix()), "when the process was started, in seconds since 1970"},
		{71, "Tainted", "SGP", "str", "0", "experiments in use; there are none"},
	}
}

// sent are the bytes that went to clients and servers.
func (s *Server) sent() (n int64) {
	snapshot := s.Plane.Snapshot()
	for _, f := range snapshot.Frontends {
		n += f.Counters.Total().BytesOut
	}
	for _, b := range snapshot.Backends {
		n += b.Counters.Total().BytesIn
	}
	return n
}

// listeners are the addresses that are listened on, run-time sockets and peers among them.
func (s *Server) listeners() int {
	snapshot := s.Plane.Snapshot()
	n := len(snapshot.Config.Global.StatsSockets) + len(s.Peers)
	for _, f := range snapshot.Frontends {
		n += len(f.Binds)
	}
	return n
}

// releaseDate is when the program was built from a commit, or else when its file was made.
func releaseDate() string {
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range build.Settings {
			if at, err := time.Parse(time.RFC3339, setting.Value); setting.Key == "vcs.time" && err == nil {
				return at.Format("2006/01/02")
			}
		}
	}
	if file, err := os.Stat("/proc/self/exe"); err == nil {
		return file.ModTime().UTC().Format("2006/01/02")
	}
	return "unknown"
}

func (s *Server) failedResolutions() int64 {
	var failed int64
	for _, r := range s.Plane.Snapshot().Config.Resolvers {
		for _, c := range r.Counts {
			failed += c.NX.Load() + c.Timeout.Load() + c.Refused.Load() + c.Other.Load()
		}
	}
	return failed
}

// uptime is a time as `show info` has it: days, hours, minutes, seconds.
func uptime(d time.Duration) string {
	s := int64(d.Seconds())
	return fmt.Sprintf("%dd %dh%02dm%02ds", s/86400, s/3600%24, s/60%60, s%60)
}

// idle is the share of the processors that was not used since it was asked last, or since the start.
func (s *Server) idle(now time.Time) int64 {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) != nil {
		return 100
	}
	used := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	s.mu.Lock()
	defer s.mu.Unlock()
	passed, spent := now.Sub(s.asked), used-s.spent
	if s.asked.IsZero() {
		passed = now.Sub(s.Started)
	}
	s.asked, s.spent = now, used
	if passed <= 0 {
		return 100
	}
	return max(0, 100-int64(spent*100/passed)/int64(max(1, s.Plane.Loops())))
}

func (s *Server) dropped() int64 {
	if s.Dropped == nil {
		return 0
	}
	return s.Dropped()
}

// showInfo is show info [typed|json] [desc] [float].
func (s *Server) showInfo(w io.Writer, args []string) error {
	meaning := func(i *information) string {
		if slices.Contains(args, "desc") {
			return ":" + strconv.Quote(i.meaning)
		}
		return ""
	}
	all := s.information()
	switch {
	case slices.Contains(args, "json"):
		b := []byte{'['}
		for i, f := range all {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendTyped(append(b, '{'), f.at, f.name, f.tags, f.kind, f.value), '}')
		}
		_, err := w.Write(append(b, "]\n"...))
		return err
	case slices.Contains(args, "typed"):
		for _, f := range all {
			fmt.Fprintf(w, "%d.%s.1:%s:%s:%s%s\n", f.at, f.name, f.tags, f.kind, f.value, meaning(&f))
		}
	default:
		for _, f := range all {
			fmt.Fprintf(w, "%s: %s%s\n", f.name, f.value, meaning(&f))
		}
	}
	return nil
}

// showStat is show stat [domain proxy|resolvers] [PROXY KINDS SERVER] [typed|json] [up] [no-maint]. What it does not know it leaves aside, as HAProxy does.
func (s *Server) showStat(w io.Writer, args []string) error {
	if len(args) > 1 && args[0] == "domain" {
		switch args[1] {
		case "resolvers":
			return s.resolverStatistics(w)
		case "proxy":
			args = args[2:]
		default:
			return fmt.Errorf("invalid statistics domain %q; there are proxy and resolvers", args[1])
		}
	}
	rows := Rows(s.Plane, s.Now())
	withIdle(rows, s.Plane)
	form := CSV
	if len(args) >= 3 && args[0] != "typed" && args[0] != "json" {
		var err error
		if rows, err = selected(rows, args[:3]); err != nil {
			return err
		}
		args = args[3:]
	}
	described := slices.Contains(args, "desc")
	for _, a := range args {
		switch a {
		case "typed":
			form = func(rows []Row) []byte { return Typed(rows, described) }
		case "json":
			form = JSON
		case "up":
			rows = slices.DeleteFunc(rows, func(r Row) bool { return r.Kind == OfServer && r.Active+r.Backups == 0 })
		case "no-maint":
			rows = slices.DeleteFunc(rows, func(r Row) bool { return r.Kind == OfServer && strings.HasPrefix(r.Status, "MAINT") })
		}
	}
	_, err := w.Write(form(rows))
	return err
}

// selected are the rows of a proxy (by number or name; -1 for all), of kinds (1 frontends, 2 backends, 4 servers; -1 for all) and of a server's number.
func selected(rows []Row, words []string) ([]Row, error) {
	number := func(text string) int {
		n, _ := strconv.Atoi(text)
		return n
	}
	proxy, kinds, id := number(words[0]), number(words[1]), number(words[2])
	if _, err := strconv.Atoi(words[0]); err != nil && !slices.ContainsFunc(rows, func(r Row) bool { return r.Proxy == words[0] }) {
		return nil, fmt.Errorf("no such proxy: %q", words[0])
	}
	return slices.DeleteFunc(rows, func(r Row) bool {
		return words[0] != "-1" && r.ProxyID != proxy && r.Proxy != words[0] || kinds != -1 && kinds&(1<<r.Kind) == 0 || id != -1 && r.Kind == OfServer && r.ID != id
	}), nil
}

// resolverStatistics is show stat domain resolvers.
func (s *Server) resolverStatistics(w io.Writer) error {
	fmt.Fprintln(w, "# id,pid,"+strings.Join(resolverCounters[:], ",")+",")
	for _, r := range s.resolverRows() {
		fmt.Fprintf(w, "%s,%s,", r.name, r.section)
		for _, n := range r.counts {
			fmt.Fprintf(w, "%d,", n)
		}
		fmt.Fprintln(w)
	}
	return nil
}
