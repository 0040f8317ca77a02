package config

import (
	"slices"
	"strings"

	"holdfast/traffic/proxy/sample"
)

// HealthCheck is how a proxy's servers are asked.
type HealthCheck struct {
	Protocol  string // "" for connect, http, smtp, mysql, pgsql, redis, ldap, ssl-hello, tcp-sequence, external
	Request   CheckRequest
	User      string // mysql, pgsql
	Pre41     bool   // mysql: clients from before 4.1 log in another way
	Greeting  string // smtp
	HTTPSteps []CheckStep
	TCPSteps  []CheckStep
	Sequence  []CheckStep // what is done, of these or of the protocol; nil for a program
	Command   string
	Path      string // of programs that Command runs
	NoStop    bool   // disable-on-404
	SendState bool
}

// httpchkOption reads option httpchk [METHOD] [URI] [VERSION].
func httpchkOption(p *parser, l Line, on bool) *Problem {
	c := &p.proxy.Check
	if c.Protocol = "http"; !on {
		c.Protocol = ""
	}
	switch w := l.Words[2:]; len(w) {
	case 0:
	case 1:
		c.Request.Path = w[0]
	case 2, 3:
		c.Request.Method, c.Request.Path = w[0], w[1]
		if len(w) == 3 {
			return c.Request.version(p, l, w[2])
		}
	default:
		return l.problem("option httpchk takes a method, a path and a version; headers belong into `http-check send`")
	}
	return nil
}

// version takes HTTP/1.x, behind which old configurations put headers, with \r\n before each, and a body.
func (r *CheckRequest) version(p *parser, l Line, text string) *Problem {
	text, body, _ := strings.Cut(text, "\r\n\r\n")
	lines := strings.Split(text, "\r\n")
	r.Version, r.Body = lines[0], body
	if !slices.Contains(fields("HTTP/0.9 HTTP/1.0 HTTP/1.1 HTTP/2 HTTP/2.0"), r.Version) {
		return l.problem("version %q is not HTTP/1.0, HTTP/1.1 or HTTP/2", r.Version)
	}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok && line != "" {
			return l.problem("option httpchk: %q is not a header", line)
		}
		if ok {
			f, err := p.config.Compiler.Format(strings.ReplaceAll(strings.TrimSpace(value), "%", "%%"))
			if err != nil {
				return l.problem("option httpchk: %v", err)
			}
			r.Fields = append(r.Fields, Assigned{name, f})
		}
	}
	return nil
}

func smtpOption(p *parser, l Line, on bool) *Problem {
	c := &p.proxy.Check
	if c.Protocol, c.Greeting = "smtp", "HELO localhost"; !on {
		c.Protocol = ""
	}
	if len(l.Words) == 4 && (l.Words[2] == "HELO" || l.Words[2] == "EHLO") {
		c.Greeting = l.Words[2] + " " + l.Words[3]
	}
	return l.wants(1, 3)
}

func userOption(protocol string) func(*parser, Line, bool) *Problem {
	return func(p *parser, l Line, on bool) *Problem {
		c := &p.proxy.Check
		if c.Protocol, c.User, c.Pre41 = protocol, "", false; !on {
			c.Protocol = ""
			return l.wants(1, 1)
		}
		t := l.take(2)
		for t.more() {
			switch w := t.next(); {
			case w == "user":
				c.User = t.value(w)
			case protocol == "mysql" && (w == "post-41" || w == "pre-41"):
				c.Pre41 = w == "pre-41"
			default:
				t.fail("option %s: %q is not known; there is user", l.Words[1], w)
			}
		}
		if protocol == "pgsql" && c.User == "" {
			t.fail("option pgsql-check wants user and a name")
		}
		return t.err
	}
}

func externalCheckLine(p *parser, l Line) *Problem {
	if problem := l.wants(2, 2); problem != nil {
		return problem
	}
	switch l.Words[1] {
	case "command":
		p.proxy.Check.Command = l.Words[2]
	case "path":
		p.proxy.Check.Path = l.Words[2]
	default:
		return l.problem("external-check takes command or path, not %q", l.Words[1])
	}
	return nil
}

// httpCheckLine reads http-check and its steps.
func httpCheckLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	c := &p.proxy.Check
	switch l.Words[1] {
	case "disable-on-404":
		c.NoStop = true
		return l.wants(1, 1)
	case "send-state":
		c.SendState = true
		return l.wants(1, 1)
	}
	step, problem := p.checkStep(l, true)
	if problem == nil {
		c.HTTPSteps, problem = withStep(l, c.HTTPSteps, step)
	}
	return problem
}

// tcpCheckLine reads tcp-check and its steps.
func tcpCheckLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	c := &p.proxy.Check
	step, problem := p.checkStep(l, false)
	if problem == nil {
		c.TCPSteps, problem = withStep(l, c.TCPSteps, step)
	}
	return problem
}

// withStep appends a step; where there is any `connect` it has to come first.
func withStep(l Line, steps []CheckStep, step CheckStep) ([]CheckStep, *Problem) {
	if step.Action == StepConnect {
		for _, other := range steps {
			if other.talks() {
				return steps, l.problem("%s connect has to be the first step where it is used, behind set-var, unset-var and comment at most", l.Words[0])
			}
			if other.Action == StepConnect {
				break
			}
		}
	}
	step.Number = len(steps) + 1
	return append(steps, step), nil
}

// completeCheck makes the sequence of a proxy whose lines were all read.
func (p *parser) completeCheck(x *Proxy) *Problem {
	c := &x.Check
	switch c.Protocol {
	case "http":
		c.Sequence = c.completeHTTP()
	case "tcp-sequence", "":
		c.Sequence = []CheckStep{{Action: StepConnect, Connect: &CheckConnect{Default: true}}}
		if c.Protocol != "" {
			c.Sequence = connected(c.TCPSteps)
		}
	case "external":
		if x.Back && !p.config.Global.ExternalOK {
			return x.problem("option external-check wants `external-check` in the global section, which allows it")
		}
		if x.Back && c.Command == "" {
			return x.problem("option external-check wants `external-check command FILE`")
		}
	default:
		var problem *Problem
		if c.Sequence, problem = p.protocolSteps(c); problem != nil {
			return problem
		}
	}
	at := Line{File: x.File, Number: x.Line}
	if len(c.HTTPSteps) > 0 && c.Protocol != "http" {
		p.warn(at, "%s %s: its http-check lines have no effect without option httpchk", x.Kind(), x.Name)
	}
	if len(c.TCPSteps) > 0 && c.Protocol != "tcp-sequence" {
		p.warn(at, "%s %s: its tcp-check lines have no effect without option tcp-check", x.Kind(), x.Name)
	}
	return nil
}

// secureChecks has a server whose checks connect with TLS verify it as its line says, which may be of a server that does not speak TLS.
func (s *Server) secureChecks(c *HealthCheck) {
	asks := func(step CheckStep) bool { return step.Connect != nil && step.Connect.Secure }
	if s.CheckSecurity != nil || !s.Check || !slices.ContainsFunc(c.Sequence, asks) {
		return
	}
	if s.CheckSecurity = s.said; s.said == nil {
		s.CheckSecurity = &TLSOptions{}
	}
}

// connected puts a connect before steps that have none.
func connected(steps []CheckStep) []CheckStep {
	for _, s := range steps {
		if s.Action == StepConnect {
			return steps
		}
	}
	return slices.Insert(slices.Clone(steps), 0, CheckStep{Action: StepConnect, Connect: &CheckConnect{Default: true}})
}

// completeHTTP adds what goes without saying: the connection, the request of option httpchk, and that the answer is to be 2xx or 3xx.
func (c *HealthCheck) completeHTTP() []CheckStep {
	steps := slices.Clone(connected(c.HTTPSteps))
	first := slices.IndexFunc(steps, func(s CheckStep) bool { return s.Action == StepRequest })
	if first >= 0 {
		steps[first].Request = steps[first].Request.over(&c.Request)
	} else {
		first = slices.IndexFunc(steps, func(s CheckStep) bool { return s.Action == StepConnect }) + 1
		steps = slices.Insert(steps, first, CheckStep{Action: StepRequest, Request: (&CheckRequest{}).over(&c.Request)})
	}
	last := steps[len(steps)-1].Action
	for i := len(steps) - 1; i >= 0 && last != StepExpect && last != StepRequest; i-- {
		last = steps[i].Action
	}
	if last == StepRequest {
		steps = append(steps, CheckStep{Action: StepExpect, Expect: &Expect{Kind: ExpectStatus, Status: [][2]int{{200, 399}}, Minimum: -1}})
	}
	return steps
}

// over is the request with what it leaves open as in the one below.
func (r *CheckRequest) over(below *CheckRequest) *CheckRequest {
	own := *r
	if own.Method == "" {
		own.Method = below.Method
	}
	if own.Path == "" && own.PathFormat == nil {
		own.Path = below.Path
	}
	if own.Version == "" {
		own.Version = below.Version
	}
	own.Fields = slices.Concat(below.Fields, own.Fields)
	if own.Body == "" && own.BodyFormat == nil {
		own.Body = below.Body
	}
	return &own
}

// StepAction is what a step of a check does.
type StepAction string

// The actions of steps.
const (
	StepConnect  StepAction = "connect"
	StepSend     StepAction = "send"    // bytes
	StepRequest  StepAction = "request" // of HTTP
	StepExpect   StepAction = "expect"
	StepSetVar   StepAction = "set-var"
	StepUnsetVar StepAction = "unset-var"
	StepComment  StepAction = "comment"
)

// CheckStep is a step of a check's sequence.
type CheckStep struct {
	Action  StepAction
	Number  int // as it is told, from 1; 0: it goes without saying
	Comment string
	Connect *CheckConnect
	Data    []byte         // to send
	Format  *sample.Format // of what is sent, or of the variable's value
	Hex     bool           // Format gives hexadecimal digits
	Request *CheckRequest
	Expect  *Expect
	Name    string // of a variable
	Expr    *sample.Expr
	When    func(c *sample.Context, name string, v *sample.Value) bool // set-var: nil: always
}

// talks tells whether the step needs a connection.
func (s *CheckStep) talks() bool {
	return s.Action == StepSend || s.Action == StepRequest || s.Action == StepExpect
}
