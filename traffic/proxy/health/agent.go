package health

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/proxy/pool"
)

// watchAgent asks a server's agent, whose word changes weight and state. One that does not answer changes nothing.
func (c *Checker) watchAgent(ctx context.Context, s *pool.Server) {
	for {
		if !s.AgentRests() {
			begun := time.Now()
			word, bad := askAgent(ctx, s)
			if ctx.Err() != nil {
				return
			}
			r := pool.Result{Status: "L7OK", Code: 0, Passed: true}
			if bad != nil {
				r = pool.Result{Status: bad.status, Code: -1, Why: bad.why}
			} else {
				obey(s, word, &r, time.Now())
			}
			r.Took = time.Since(begun)
			s.AgentSaid(r)
		}
		if !sleep(ctx, max(time.Millisecond, s.AgentInter), nil) {
			return
		}
	}
}

func askAgent(ctx context.Context, s *pool.Server) (string, *failure) {
	v := conversation{server: s, limits: limitsOf(s)}
	ctx, cancel := context.WithTimeout(ctx, v.limits.connect+v.limits.answer)
	defer cancel()
	at := s.Asking()
	a := s.Address().Addr()
	if at.Agent.Addr().IsValid() {
		a = at.Agent.Addr()
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", netip.AddrPortFrom(a, at.Agent.Port()).String())
	if err != nil {
		return "", v.broken(err, "L4TOUT", "L4CON")
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if at.AgentSend != "" {
		if _, err := io.WriteString(conn, at.AgentSend); err != nil {
			return "", v.broken(err, "L7TOUT", "L7RSP")
		}
	}
	line, err := io.ReadAll(io.LimitReader(conn, 1024))
	text, _, whole := strings.Cut(string(line), "\n")
	switch {
	case whole || text != "" && err == nil:
		return text, nil
	case err != nil:
		return "", v.broken(err, "L7TOUT", "L7RSP")
	}
	return "", failed("L7RSP", "it says nothing")
}

// obey takes an agent's line: words such as 75%, maxconn:30, drain, maint, ready, up, down, stopped and fail, with a text behind them.
func obey(s *pool.Server, line string, r *pool.Result, now time.Time) {
	for word := range strings.FieldsFuncSeq(line, func(c rune) bool { return c == ' ' || c == ',' || c == '\t' || c == '\r' }) {
		word, text, _ := strings.Cut(word, "#")
		switch word {
		case "drain":
			s.SetAdmin(pool.Drain, now)
		case "maint":
			s.SetAdmin(pool.Maintenance, now)
		case "ready":
			s.SetAdmin(pool.Ready, now)
		case "up":
			s.SetAgent(pool.Ready, now)
		case "down", "stopped", "fail":
			s.SetAgent(pool.Maintenance, now)
			r.Passed, r.Status, r.Why = false, "L7STS", strings.TrimSpace(word+" "+text)
		default:
			if percent, ok := strings.CutSuffix(word, "%"); ok {
				if n, err := strconv.Atoi(percent); err == nil && n >= 0 && n <= 256 {
					s.SetWeight(min(256, s.Server.Weight*n/100))
				}
			} else if limit, ok := strings.CutPrefix(word, "maxconn:"); ok {
				if n, err := strconv.Atoi(limit); err == nil && n >= 0 {
					s.SetMaxConn(int64(n))
				}
			}
		}
		if text != "" {
			break
		}
	}
}
