package stats

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/plane"
)

// sessionID is how a session is named: HAProxy has an address in memory there.
func sessionID(id uint64) string { return fmt.Sprintf("%#x", id) }

// showSessions is show sess [all|ID].
func (s *Server) showSessions(w io.Writer, args []string) error {
	all := s.Plane.SessionStates()
	slices.SortFunc(all, func(a, b plane.SessionState) int { return int(a.ID) - int(b.ID) })
	show := showSession
	if len(args) > 0 {
		show = showWholeSession
		if args[0] != "all" {
			all = slices.DeleteFunc(all, func(v plane.SessionState) bool { return sessionID(v.ID) != strings.ToLower(args[0]) })
			if len(all) == 0 {
				return errors.New("session not found")
			}
		}
	}
	for i := range all {
		show(w, &all[i])
	}
	return nil
}

// stages are a server side's states, by HAProxy's numbers and names for them.
var stages = map[plane.Stage]struct {
	number int
	name   string
}{plane.Unserved: {0, "INI"}, plane.InQueue: {2, "QUE"}, plane.Connecting: {5, "CON"}, plane.Connected: {8, "EST"}, plane.Parted: {10, "CLO"}}

// methods are in HAProxy's order; the number behind the last is any other's.
var methods = []string{"OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"}

// left is a time to go, in its two greatest units; none is what stands for no limit.
func left(d time.Duration, none string) string {
	if d <= 0 {
		return none
	}
	return humanTime(d)
}

func humanTime(d time.Duration) string {
	s := int64(d / time.Second)
	switch {
	case s >= 86400:
		return fmt.Sprintf("%dd%dh", s/86400, s/3600%24)
	case s >= 3600:
		return fmt.Sprintf("%dh%dm", s/3600, s/60%60)
	case s >= 60:
		return fmt.Sprintf("%dm%ds", s/60, s%60)
	}
	return fmt.Sprintf("%ds", s)
}

// soonest is the time until the next timeout of either side.
func soonest(v *plane.SessionState) time.Duration {
	if v.Client.Left == 0 || v.Server.Left > 0 && v.Server.Left < v.Client.Left {
		return v.Server.Left
	}
	return v.Client.Left
}

// clientAddress is an address of the client's side: family, and how it is shown. A unix socket's has its bind's number.
func clientAddress(v *plane.SessionState, a netip.AddrPort) (family, text string) {
	switch {
	case v.Bind.Network == "unix":
		return "unix_stream", "unix:" + strconv.Itoa(v.Bind.ID)
	case !a.IsValid():
		return "?", ""
	}
	return familyOf(a), unbracketed(a)
}

func familyOf(a netip.AddrPort) string {
	if a.Addr().Is6() && !a.Addr().Is4In6() {
		return "tcpv6"
	}
	return "tcpv4"
}

// unbracketed is an address and port as HAProxy writes them here: IPv6 has no brackets.
func unbracketed(a netip.AddrPort) string {
	return a.Addr().Unmap().String() + ":" + strconv.Itoa(int(a.Port()))
}

// connectingLeft is the time until a request gives up waiting for a place at a server, or for its connection.
func connectingLeft(v *plane.SessionState) time.Duration {
	switch v.Stage {
	case plane.InQueue:
		return v.Client.Left
	case plane.Connecting:
		return v.Server.Left
	}
	return 0
}

// rulesLeft is the time until rules that wait for something, or have the client wait, go on.
func rulesLeft(v *plane.SessionState) time.Duration {
	if v.Stage == plane.Unserved {
		return v.Client.Left
	}
	return 0
}

// expiries are when reading from and writing to both sides times out, where that is waited for.
func expiries(v *plane.SessionState) (readClient, writeServer, readServer, writeClient time.Duration) {
	r := v.Request
	if v.Tunnel || r == nil || !r.Over {
		readClient = v.Client.Left
	}
	if v.Server.Waiting > 0 {
		writeServer = v.Server.Left
	}
	if v.Stage == plane.Connected {
		readServer = v.Server.Left
	}
	if v.Client.Waiting > 0 {
		writeClient = v.Client.Left
	}
	return
}

func showSession(w io.Writer, v *plane.SessionState) {
	family, source := clientAddress(v, v.Source)
	back, server, retries := "<NONE>", "<none>", 0
	if v.Backend != nil {
		back = v.Backend.Name
	}
	if v.ServerName != "" {
		server = v.ServerName
	}
	if v.Request != nil {
		retries = v.Request.Retries
	}
	rc, ws, rs, wc := expiries(v)
	fmt.Fprintf(w, "%s: proto=%s src=%s fe=%s be=%s srv=%s ts=00 epoch=0 age=%s calls=%d rate=0 cpu=0 lat=0", sessionID(v.ID), family, source, v.Frontend.Name, back, server,
		humanTime(v.Age), v.Requests)
	fmt.Fprintf(w, " rq[f=0h,i=%d,an=00h,rx=%s,wx=%s,ax=%s] rp[f=0h,i=%d,an=00h,rx=%s,wx=%s,ax=]", v.Client.Unused, left(rc, ""), left(ws, ""), left(rulesLeft(v), ""), v.Server.Unused, left(rs, ""), left(wc, ""))
	fmt.Fprintf(w, " scf=[8,0h,fd=%d] scb=[%d,0h,fd=%d] exp=%s rc=%d c_exp=%s state=%s\n", v.Client.FD, stages[v.Stage].number, v.Server.FD, left(soonest(v), ""), retries,
		left(connectingLeft(v), ""), v.State)
}

// showWholeSession writes a session in HAProxy's form. Where there stands an address in memory, here is the session's number, or that of what is named; flags
// that nothing here corresponds to are 0. The last line is this program's own.
func showWholeSession(w io.Writer, v *plane.SessionState) {
	id := sessionID(v.ID)
	family, source := clientAddress(v, v.Source)
	r := v.Request
	if r == nil {
		r = &plane.RequestState{}
	}
	server, pending := "(nil)", "(nil)"
	if v.ServerName != "" {
		server = fmt.Sprintf("%#x", v.ServerID)
	}
	if v.Stage == plane.InQueue {
		pending = id
	}
	fmt.Fprintf(w, "%s: [%s] id=%d proto=%s source=%s\n", id, v.Began.Format("02/Jan/2006:15:04:05.000000"), v.ID, family, source)
	fmt.Fprintf(w, "  flags=0x0, conn_retries=%d, conn_exp=%s conn_et=0x000 srv_conn=%s, pend_pos=%s waiting=0 epoch=0\n", r.Retries, left(connectingLeft(v), "<NEVER>"), server, pending)
	showPlaces(w, v)
	fmt.Fprintf(w, "  task=%s (state=0x00 nice=0 calls=%d rate=0 exp=%s tmask=%#x age=%s)\n", id, v.Requests, left(soonest(v), "<NEVER>"), uint64(1)<<v.Loop, humanTime(v.Age))
	if v.Frontend.Mode == config.HTTP {
		showTransaction(w, v, r)
	}
	showSides(w, v)
	rc, ws, rs, wc := expiries(v)
	showChannel(w, channelState{"req", id, v.Frontend.Mode, r.Received, rulesLeft(v), rc, ws, v.Server.Waiting, v.Client.Unused})
	showChannel(w, channelState{"res", id, v.Frontend.Mode, r.Sent, 0, rs, wc, v.Client.Waiting, v.Server.Unused})
	fmt.Fprintf(w, "  state=%s requests=%d\n", v.State, v.Requests)
}

// showPlaces names frontend, backend and server, with the addresses at hand.
func showPlaces(w io.Writer, v *plane.SessionState) {
	listener := v.Bind.Name
	if listener == "" {
		listener = "?"
	}
	fmt.Fprintf(w, "  frontend=%s (id=%d mode=%s), listener=%s (id=%d)", v.Frontend.Name, v.Frontend.ID, modes[v.Frontend.Mode], listener, v.Bind.ID)
	if _, own := clientAddress(v, v.Client.Local); own != "" {
		fmt.Fprintf(w, " addr=%s", own)
	}
	fmt.Fprintln(w)
	if v.Backend == nil {
		fmt.Fprint(w, "  backend=<NONE> (id=-1 mode=-)\n  server=<NONE> (id=-1)\n")
		return
	}
	fmt.Fprintf(w, "  backend=%s (id=%d mode=%s)", v.Backend.Name, v.Backend.ID, modes[v.Backend.Mode])
	if v.Server.Local.IsValid() {
		fmt.Fprintf(w, " addr=%s", unbracketed(v.Server.Local))
	}
	if fmt.Fprintln(w); v.ServerName == "" {
		fmt.Fprintln(w, "  server=<none> (id=0)")
		return
	}
	fmt.Fprintf(w, "  server=%s (id=%d)", v.ServerName, v.ServerID)
	if v.Stage == plane.Connected && v.Server.Peer.IsValid() {
		fmt.Fprintf(w, " addr=%s", unbracketed(v.Server.Peer))
	}
	fmt.Fprintln(w)
}

func showTransaction(w io.Writer, v *plane.SessionState, r *plane.RequestState) {
	method := slices.Index(methods, r.Method)
	if method < 0 {
		method = len(methods)
	}
	status := r.Status
	if status == 0 {
		status = -1
	}
	request, answer := "MSG_BODY", "MSG_RPBEFORE"
	switch {
	case v.Tunnel:
		request = "MSG_TUNNEL"
	case r.Method == "":
		request = "MSG_RQBEFORE"
	case r.Over:
		request = "MSG_DONE"
	case v.Stage == plane.Connected:
		request = "MSG_DATA"
	}
	switch {
	case v.Tunnel:
		answer = "MSG_TUNNEL"
	case r.AnswerOver:
		answer = "MSG_DONE"
	case r.Answered:
		answer = "MSG_DATA"
	}
	fmt.Fprintf(w, "  txn=%s flags=0x0 meth=%d status=%d req.st=%s rsp.st=%s req.f=0x00 rsp.f=0x00\n", sessionID(v.ID), method, status, request, answer)
}

// showSides writes the two connections.
func showSides(w io.Writer, v *plane.SessionState) {
	id := sessionID(v.ID)
	family, _ := clientAddress(v, v.Source)
	fmt.Fprintf(w, "  scf=%s flags=0x00000000 state=EST endp=CONN,%s,0x00000000 sub=%d\n", id, id, waitsToRead(v.Client))
	showConnection(w, "co0", family, fmt.Sprintf("LISTENER:%#x", v.Bind.ID), v, v.Client)
	if v.Server.FD < 0 {
		fmt.Fprintf(w, "  scb=%s flags=0x00000000 state=%s endp=NONE,(nil),0x00000000 sub=0\n", id, stages[v.Stage].name)
		return
	}
	fmt.Fprintf(w, "  scb=%s flags=0x00000000 state=%s endp=CONN,%s,0x00000000 sub=%d\n", id, stages[v.Stage].name, id, waitsToRead(v.Server))
	family = "unix_stream"
	if v.Server.Peer.IsValid() {
		family = familyOf(v.Server.Peer)
	}
	showConnection(w, "co1", family, fmt.Sprintf("SERVER:%#x", v.ServerID), v, v.Server)
}

func waitsToRead(c plane.ConnectionState) int {
	if c.Readable {
		return 0
	}
	return 1
}

func showConnection(w io.Writer, name, family, target string, v *plane.SessionState, c plane.ConnectionState) {
	transport, mux, ready := "RAW", "H1", 0x20
	if c.TLS {
		transport = "SSL"
	}
	switch {
	case c.HTTP2:
		mux = "H2"
	case v.Frontend.Mode == config.TCP:
		mux = "PASS"
	}
	if c.Readable {
		ready |= 1
	}
	fmt.Fprintf(w, "      %s=%s ctrl=%s xprt=%s mux=%s data=STRM target=%s\n", name, sessionID(v.ID), family, transport, mux, target)
	fmt.Fprintf(w, "      flags=0x00000300 fd=%d fd.state=%02x updt=0 fd.tmask=%#x\n", c.FD, ready, uint64(1)<<v.Loop)
}

// channelState is one direction's bytes.
type channelState struct {
	name, id      string
	mode          config.Mode
	total         int64
	rules         time.Duration
	read, write   time.Duration
	output, input int // bytes that wait to be sent, and those that came and were not looked at
}

func showChannel(w io.Writer, c channelState) {
	forward := 0
	data := "(nil)"
	if c.mode == config.TCP {
		forward = -1
	}
	if c.output+c.input > 0 {
		data = c.id
	}
	fmt.Fprintf(w, "  %s=%s (f=0x000000 an=0x0 pipe=0 tofwd=%d total=%d)\n", c.name, c.id, forward, c.total)
	fmt.Fprintf(w, "      an_exp=%s rex=%s wex=%s\n", left(c.rules, "<NEVER>"), left(c.read, "<NEVER>"), left(c.write, "<NEVER>"))
	fmt.Fprintf(w, "      buf=%s data=%s o=%d p=%d i=%d size=%d\n", c.id, data, c.output, c.output, c.input, c.output+c.input)
	if c.mode == config.HTTP {
		fmt.Fprintf(w, "      htx=%s flags=0x0 size=0 data=0 used=0 wrap=NO extra=0\n", c.id)
	}
}
