package health

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/pool"
	"holdfast/traffic/proxy/sample"
)

// longestAnswer is how much of an answer is looked at.
const longestAnswer = 64 << 10

// conversation is one check of a server: what its steps have come to.
type conversation struct {
	server  *pool.Server
	steps   []config.CheckStep
	node    string
	secret  *tls.Config // of the server's own checks; nil: plain
	limits  limits
	context sample.Context

	conn    net.Conn
	secured bool
	http2   bool
	linger  bool
	got     []byte // of the answer
	ended   bool   // nothing more comes
	answer  *answer
	asked   string // the method of the request that is answered
	head    h1.Head
}

// limits are how long a check may take.
type limits struct {
	connect time.Duration
	answer  time.Duration // 0: what connecting left
}

// limitsOf are min(timeout connect, inter) and then timeout check; without that one, inter for all of it.
func limitsOf(s *pool.Server) limits {
	t := s.Backend.Timeouts
	whole := s.Inter
	if whole <= 0 {
		whole = 2 * time.Second
	}
	switch {
	case t.Check <= 0:
		return limits{connect: whole}
	case t.Connect > 0:
		return limits{connect: min(t.Connect, whole), answer: t.Check}
	}
	return limits{connect: t.Check, answer: t.Check}
}

// failure is why a check did not pass, with HAProxy's word for it.
type failure struct {
	status string
	code   int
	why    string
}

func (f *failure) Error() string { return f.why }

func failed(status, why string, args ...any) *failure {
	return &failure{status: status, code: -1, why: fmt.Sprintf(why, args...)}
}

// run goes through the steps. The result's Status begins with what the last one was about.
func (v *conversation) run(ctx context.Context) pool.Result {
	passed := pool.Result{Passed: true, Status: "L4OK", Code: -1}
	defer v.close()
	for i := range v.steps {
		step := &v.steps[i]
		var bad *failure
		switch step.Action {
		case config.StepConnect:
			if bad = v.connect(ctx, step.Connect); bad == nil {
				if passed.Status = "L4OK"; v.secured {
					passed.Status = "L6OK"
				}
			}
		case config.StepSend:
			bad = v.send(step)
			passed.Status, passed.Code = "L7OK", 0
		case config.StepRequest:
			bad = v.request(ctx, step.Request)
			passed.Status, passed.Code = "L7OK", 0
		case config.StepExpect:
			passed, bad = v.expect(step)
		case config.StepSetVar:
			v.set(step)
		case config.StepUnsetVar:
			v.context.Unset(step.Name)
		}
		if bad != nil {
			return pool.Result{Status: bad.status, Code: bad.code, Why: v.told(bad, step, i), Conditional: bad.status == "L7OKC"}
		}
		if passed.Status == "L7OKC" && i == len(v.steps)-1 {
			passed.Conditional = true
		}
	}
	return passed
}

// told says where in a sequence that an administrator wrote something failed, and what he says to that.
func (v *conversation) told(bad *failure, step *config.CheckStep, i int) string {
	why := bad.why
	if step.Number > 0 && (step.Action != config.StepExpect || step.Expect.OnError == nil) {
		why += fmt.Sprintf(" (step %d: %s)", step.Number, step.Action)
	}
	comment := step.Comment
	for ; comment == "" && i > 0 && v.steps[i-1].Action == config.StepComment; i-- {
		comment = v.steps[i-1].Comment
	}
	if comment != "" {
		why += " comment: " + comment
	}
	return strings.TrimSpace(why)
}

func (v *conversation) set(step *config.CheckStep) {
	var value sample.Value
	if step.Format != nil {
		value = sample.Value{Kind: sample.Text, Bytes: step.Format.Append(nil, &v.context)}
	} else if !step.Expr.Get(&v.context, &value) {
		v.context.Unset(step.Name)
		return
	}
	if step.When == nil || step.When(&v.context, step.Name, &value) {
		v.context.Set(step.Name, value)
	}
}

func (v *conversation) send(step *config.CheckStep) *failure {
	data := step.Data
	if step.Format != nil {
		data = step.Format.Append(nil, &v.context)
		if step.Hex {
			b, err := hex.DecodeString(string(data))
			if err != nil {
				return failed("L7RSP", "%q is not hexadecimal", data)
			}
			data = b
		}
	}
	v.forget()
	return v.write(data)
}

// forget drops what an earlier question was answered with.
func (v *conversation) forget() {
	v.got, v.answer, v.context.AnswerBody = nil, nil, nil
	v.context.Answer = sample.Message{}
}

func (v *conversation) write(data []byte) *failure {
	if _, err := v.conn.Write(data); err != nil {
		return v.broken(err, "L7TOUT", "L7RSP")
	}
	return nil
}

// more reads once. It tells whether something came; a connection that broke has ended as one that was closed.
func (v *conversation) more() (bool, error) {
	if v.ended || len(v.got) > longestAnswer {
		v.ended = true
		return false, nil
	}
	room := make([]byte, 4096)
	n, err := v.conn.Read(room)
	v.got = append(v.got, room[:n]...)
	v.context.AnswerBody = v.got
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		v.ended, err = true, nil
	}
	return n > 0, err
}

// broken words an error of a connection.
func (v *conversation) broken(err error, late, otherwise string) *failure {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return failed(late, "nothing came in time")
	}
	return failed(otherwise, "%s", reason(err))
}

// reason is an error as the kernel words it.
func reason(err error) string {
	var number syscall.Errno
	switch {
	case errors.As(err, &number):
		text := number.Error()
		return strings.ToUpper(text[:1]) + text[1:]
	case errors.Is(err, io.EOF):
		return "the server closed the connection"
	}
	return err.Error()
}
