package health

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/sample"
)

// answer is an answer of HTTP: its head is known, and its body comes.
type answer struct {
	status int
	reason string
	fields http.Header
	body   io.ReadCloser
}

// request sends a request. In HTTP/2 its answer is waited for at once; a version that the configuration does not say is 1.0.
func (v *conversation) request(ctx context.Context, r *config.CheckRequest) *failure {
	v.forget()
	method, path, version := cmp.Or(r.Method, "OPTIONS"), cmp.Or(r.Path, "/"), cmp.Or(r.Version, "HTTP/1.0")
	if r.PathFormat != nil {
		path = string(r.PathFormat.Append(nil, &v.context))
	}
	body := r.Body
	if r.BodyFormat != nil {
		body = string(r.BodyFormat.Append(nil, &v.context))
	}
	fields := v.fields(r)
	v.asked = method
	if v.http2 {
		return v.requestHTTP2(ctx, method, path, fields, body)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\n", method, path, version)
	told := version == "HTTP/1.0"
	for _, f := range fields {
		told = told || strings.EqualFold(f[0], "connection")
		fmt.Fprintf(&b, "%s: %s\r\n", f[0], f[1])
	}
	if body != "" {
		fmt.Fprintf(&b, "content-length: %d\r\n", len(body))
	}
	if !told {
		b.WriteString("connection: close\r\n")
	}
	b.WriteString("\r\n" + body)
	return v.write([]byte(b.String()))
}

// fields are the header fields to send.
func (v *conversation) fields(r *config.CheckRequest) [][2]string {
	var all [][2]string
	for _, f := range r.Fields {
		all = append(all, [2]string{f.Name, string(f.Format.Append(nil, &v.context))})
	}
	if v.server.Backend.Check.SendState {
		all = append(all, [2]string{"x-haproxy-server-state", state(v.server, v.node)})
	}
	return all
}

// requestHTTP2 asks in HTTP/2, with prior knowledge or after ALPN.
func (v *conversation) requestHTTP2(ctx context.Context, method, path string, fields [][2]string, body string) *failure {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true) // what is below it may well be TLS
	conn := v.conn
	transport := &http.Transport{Protocols: &protocols, DisableCompression: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return unclosed{conn}, nil }}
	defer transport.CloseIdleConnections()
	q, err := http.NewRequestWithContext(ctx, method, "http://"+conn.RemoteAddr().String()+"/", strings.NewReader(body))
	if err != nil {
		return failed("L7RSP", "%v", err)
	}
	q.URL.Opaque = "//" + q.URL.Host + path
	for _, f := range fields {
		if strings.EqualFold(f[0], "host") {
			q.Host = f[1]
		} else {
			q.Header.Add(f[0], f[1])
		}
	}
	a, err := transport.RoundTrip(q)
	if err != nil {
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			return failed("L7TOUT", "")
		}
		return failed("SOCKERR", "%s", reason(err))
	}
	v.answered(a)
	return nil
}

// unclosed is a connection that its user cannot close: the check does, in its way.
type unclosed struct{ net.Conn }

func (unclosed) Close() error { return nil }

// answered notes an answer whose head has come, also for expressions.
func (v *conversation) answered(a *http.Response) {
	_, text, _ := strings.Cut(a.Status, " ")
	v.answer = &answer{a.StatusCode, text, a.Header, a.Body}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %03d %s\r\n", a.StatusCode, text)
	_ = a.Header.Write(&b)
	b.WriteString("\r\n")
	v.head.Reset()
	if bad := v.head.Response(b.Bytes()); bad == nil {
		v.context.Answer = sample.Message{Head: &v.head, Bytes: b.Bytes()}
	}
	v.got = nil
}

// awaitHead reads up to an answer's head. Whoever answers something else, or nothing, does not pass.
func (v *conversation) awaitHead() *failure {
	if v.answer != nil {
		return nil
	}
	for v.head.Reset(); v.head.Size == 0; {
		came, err := v.more()
		if err != nil {
			return v.broken(err, "L7TOUT", "L7RSP")
		}
		if v.head.Reset(); came {
			if bad := v.head.Response(v.got); bad != nil {
				return failed("L7RSP", "the answer is not HTTP: %v", bad)
			}
		}
		if v.head.Size == 0 && v.ended {
			return failed("L7RSP", "the connection ended before the answer's head did")
		}
	}
	all := io.MultiReader(bytes.NewReader(v.got), v.conn)
	a, err := http.ReadResponse(bufio.NewReader(all), &http.Request{Method: v.asked})
	if err != nil {
		return failed("L7RSP", "the answer is not HTTP: %v", err)
	}
	if n := a.StatusCode; n == 204 || n == 304 {
		a.Body = http.NoBody
	}
	v.answered(a)
	return nil
}

// moreBody is more, of an answer's body.
func (v *conversation) moreBody() (bool, error) {
	if v.ended || len(v.got) > longestAnswer {
		v.ended = true
		return false, nil
	}
	room := make([]byte, 4096)
	n, err := v.answer.body.Read(room)
	v.got = append(v.got, room[:n]...)
	v.context.AnswerBody = v.got
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		v.ended, err = true, nil
	}
	return n > 0, err
}
