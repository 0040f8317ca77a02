package health

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/director/check"
	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/pool"
	"holdfast/traffic/proxy/preamble"
)

// statusError is an answer whose status does not count.
type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d %s", e.code, e.text) }

// longestAnswer is how much of an answer is looked at.
const longestAnswer = 64 << 10

// converse asks over a connection of its own: sequences and headers are more than a single question.
func (c *Checker) converse(ctx context.Context, s *pool.Server, h *config.HealthCheck, one check.Check) error {
	ctx, cancel := context.WithTimeout(ctx, one.Timeout)
	defer cancel()
	conn, err := dial(ctx, s, one, int(s.Asking().Check.Port()))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	switch h.Protocol {
	case "ssl-hello":
		return nil // dial has shaken hands
	case "http":
		err = askHTTP(conn, h)
	default:
		err = c.sequence(ctx, s, h, one, &conn)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("no answer within %s: %w", one.Timeout, context.DeadlineExceeded)
	}
	return err
}

func dial(ctx context.Context, s *pool.Server, one check.Check, port int) (net.Conn, error) {
	network, address := "tcp", one.Target.String()
	if s.Path != "" {
		network, address = "unix", s.Path
	}
	if port > 0 {
		address = netip.AddrPortFrom(one.Target.Addr(), uint16(port)).String()
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	if s.CheckSendProxy || s.SendProxy > 0 && s.CheckPort == 0 {
		if _, err := conn.Write(preamble.Append1(nil, preamble.Header{})); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	if one.TLS == nil && s.Backend.Check.Protocol != "ssl-hello" {
		return conn, nil
	}
	secured := tls.Client(conn, &tls.Config{ServerName: s.CheckSNI, InsecureSkipVerify: true})
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("agree on TLS: %w", err)
	}
	return secured, nil
}

// askHTTP sends the request of option httpchk and http-check send, and judges the answer.
func askHTTP(conn net.Conn, h *config.HealthCheck) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\n", h.Method, h.Path, h.Version)
	host := false
	for _, field := range h.Headers {
		host = host || strings.EqualFold(field[0], "host")
		fmt.Fprintf(&b, "%s: %s\r\n", field[0], field[1])
	}
	if !host && h.Version == "HTTP/1.1" {
		fmt.Fprintf(&b, "Host: %s\r\n", conn.RemoteAddr())
	}
	if h.Body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(h.Body))
	}
	b.WriteString("Connection: close\r\n\r\n" + h.Body)
	if _, err := io.WriteString(conn, b.String()); err != nil {
		return err
	}
	return judge(conn, h)
}

// judge reads an answer as far as is needed.
func judge(conn net.Conn, h *config.HealthCheck) error {
	var answer []byte
	var head h1.Head
	for head.Size == 0 {
		room := make([]byte, 4096)
		n, err := conn.Read(room)
		answer = append(answer, room[:n]...)
		if bad := head.Response(answer); bad != nil {
			return fmt.Errorf("the answer is not HTTP: %w", bad)
		}
		if head.Size == 0 && (err != nil || len(answer) > longestAnswer) {
			return errors.Join(errors.New("the answer's head is not whole"), err)
		}
	}
	e := h.Expect
	reason := string(head.ReasonOf(answer))
	if e == nil {
		if head.Status < 200 || head.Status > 399 {
			return &statusError{head.Status, reason}
		}
		return nil
	}
	switch e.Kind {
	case "status", "rstatus":
		hit := e.Kind == "rstatus" && e.Regexp.MatchString(strconv.Itoa(head.Status))
		for _, r := range e.Status {
			hit = hit || head.Status >= r[0] && head.Status <= r[1]
		}
		if hit == e.Negate {
			return &statusError{head.Status, reason}
		}
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(conn, longestAnswer))
	if body = append(answer[head.Size:], body...); err != nil && len(body) == 0 {
		return err
	}
	if matches(e, body) == e.Negate {
		return errors.New("the page has not what is expected")
	}
	return nil
}

func matches(e *config.Expect, b []byte) bool {
	if e.Regexp != nil && e.Hex {
		return e.Regexp.MatchString(hex.EncodeToString(b))
	}
	if e.Regexp != nil {
		return e.Regexp.Match(b)
	}
	return bytes.Contains(b, []byte(e.Text))
}

// sequence runs the steps of tcp-check.
func (c *Checker) sequence(ctx context.Context, s *pool.Server, h *config.HealthCheck, one check.Check, conn *net.Conn) error {
	var got []byte
	for i, step := range h.Steps {
		switch step.Action {
		case "connect":
			if i == 0 && step.Port == 0 && !step.TLS {
				continue // it is made
			}
			_ = (*conn).Close()
			with := one
			if step.TLS {
				with.TLS = &check.TLS{}
			}
			next, err := dial(ctx, s, with, step.Port)
			if err != nil {
				return fmt.Errorf("step %d: %w", i+1, err)
			}
			*conn, got = next, nil
		case "send":
			if _, err := (*conn).Write(step.Data); err != nil {
				return fmt.Errorf("step %d: %w", i+1, err)
			}
		case "expect":
			rest, err := await(*conn, got, step.Expect)
			if err != nil {
				return fmt.Errorf("step %d: expect %q: %w", i+1, step.Expect.Text, err)
			}
			got = rest
		}
	}
	return nil
}

// await reads until what is expected has come, or cannot any more. It returns what came.
func await(conn net.Conn, got []byte, e *config.Expect) ([]byte, error) {
	room := make([]byte, 4096)
	for {
		if matches(e, got) {
			if e.Negate {
				return nil, errors.New("it came")
			}
			return nil, nil
		}
		n, err := conn.Read(room)
		got = append(got, room[:n]...)
		if n > 0 && e.Negate && !matches(e, got) {
			return got, nil
		}
		if err != nil || len(got) > longestAnswer {
			return nil, fmt.Errorf("%d bytes came without it: %w", len(got), errors.Join(err))
		}
	}
}

// watchAgent asks a server's agent, whose word changes weight and state.
func (c *Checker) watchAgent(ctx context.Context, s *pool.Server) {
	for {
		if s.AgentRests() {
			if !sleep(ctx, max(time.Millisecond, s.AgentInter), nil) {
				return
			}
			continue
		}
		word, err := askAgent(ctx, s)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			obey(s, word, time.Now())
		}
		if !sleep(ctx, max(time.Millisecond, s.AgentInter), nil) {
			return
		}
	}
}

func askAgent(ctx context.Context, s *pool.Server) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout(s))
	defer cancel()
	at := s.Asking()
	a := s.Address().Addr()
	if at.Agent.Addr().IsValid() {
		a = at.Agent.Addr()
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", netip.AddrPortFrom(a, at.Agent.Port()).String())
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	if at.AgentSend != "" {
		if _, err := io.WriteString(conn, at.AgentSend); err != nil {
			return "", err
		}
	}
	line, err := io.ReadAll(io.LimitReader(conn, 1024))
	text, _, _ := strings.Cut(string(line), "\n")
	if text == "" && err == nil {
		err = io.ErrUnexpectedEOF
	}
	return text, err
}

// obey takes an agent's line: words such as 75%, maxconn:30, drain, maint, ready, up, down, stopped and fail.
func obey(s *pool.Server, line string, now time.Time) {
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\r' }) {
		switch word {
		case "drain":
			s.SetAgent(pool.Drain, now)
		case "maint":
			s.SetAgent(pool.Maintenance, now)
		case "ready":
			s.SetAgent(pool.Ready, now)
		case "up":
			s.SetAgent(pool.Ready, now)
		case "down", "stopped", "fail":
			s.SetAgent(pool.Maintenance, now)
		default:
			if percent, ok := strings.CutSuffix(word, "%"); ok {
				if n, err := strconv.Atoi(percent); err == nil && n >= 0 && n <= 256 {
					s.SetWeight((s.Server.Weight*n + 99) / 100)
				}
			} else if limit, ok := strings.CutPrefix(word, "maxconn:"); ok {
				if n, err := strconv.Atoi(limit); err == nil && n >= 0 {
					s.SetMaxConn(int64(n))
				}
			}
		}
	}
}
