package lab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Poller asks one address for a page, again and again, from inside a host. A new attempt
// starts at every tick, whether or not earlier ones have been answered.
type Poller struct {
	running *Running

	mu      sync.Mutex // guards answers and changed
	answers []Answer   // in order of arrival
	changed chan struct{}
}

// Answer is one attempt's outcome.
type Answer struct {
	Sent, Done Moment
	OK         bool
	Body       string // first line of the page; how it failed, when not OK
}

const (
	pollPatience = 250 * time.Millisecond // after which an attempt has failed
	maxBody      = 4096
)

// Poll starts polling http://address/ from the host. Stop ends it.
func (h *Host) Poll(address string, every time.Duration) (*Poller, error) {
	p := &Poller{changed: make(chan struct{})}
	read, write := io.Pipe()
	running, err := h.Start(Process{
		Command: Command{Path: "/proc/1/exe", Args: []string{pollName, address, every.String()}}, Stdout: write,
	})
	if err != nil {
		return nil, err
	}
	p.running = running
	go p.collect(read)
	return p, nil
}

func (p *Poller) collect(from io.Reader) {
	for lines := bufio.NewScanner(from); lines.Scan(); {
		a, err := parseAnswer(lines.Text())
		if err != nil {
			continue
		}
		p.mu.Lock()
		p.answers = append(p.answers, a)
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// Stop ends the polling.
func (p *Poller) Stop() {
	p.running.Kill()
	_ = p.running.Wait()
}

// Answers returns the outcomes of the attempts sent since a moment, in order of sending.
func (p *Poller) Answers(since Moment) []Answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	var answers []Answer
	for _, a := range p.answers {
		if a.Sent >= since {
			answers = append(answers, a)
		}
	}
	sort.Slice(answers, func(i, j int) bool { return answers[i].Sent < answers[j].Sent })
	return answers
}

// Outage is how long no attempt sent since a moment was answered: from the sending of the
// first that failed to the first answer after it, summed over all such times. ok is false while
// the latest attempts fail, or when none is known.
func (p *Poller) Outage(since Moment) (total time.Duration, ok bool) {
	return outage(p.Answers(since))
}

func outage(answers []Answer) (total time.Duration, ok bool) {
	var down Moment
	for _, a := range answers {
		switch {
		case !a.OK && down == 0:
			down = a.Sent
		case a.OK && down != 0:
			total += a.Done.Sub(down)
			down = 0
		}
		ok = a.OK
	}
	return total, ok
}

// Await waits until an answer fits, among the attempts sent since a moment.
func (p *Poller) Await(ctx context.Context, since Moment, fits func(Answer) bool) (Answer, error) {
	for next := 0; ; {
		p.mu.Lock()
		for ; next < len(p.answers); next++ {
			if a := p.answers[next]; a.Sent >= since && fits(a) {
				p.mu.Unlock()
				return a, nil
			}
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return Answer{}, fmt.Errorf("wait for an answer from the polled address: %w", ctx.Err())
		}
	}
}

// Answered is a condition for Await: the page came, from anyone.
func Answered(a Answer) bool { return a.OK }

// AnsweredBy is a condition for Await: the page came, and its first line holds the name.
func AnsweredBy(host string) func(Answer) bool {
	return func(a Answer) bool { return a.OK && strings.Contains(a.Body, host) }
}

// runPoll is the main function of the process that polls. It prints a line per attempt.
func runPoll(args []string, stdout, stderr io.Writer) int {
	if len(args) != 2 {
		fmt.Fprintln(stderr, "usage: holdfast-lab-poll ADDRESS INTERVAL")
		return 2
	}
	every, err := time.ParseDuration(args[1])
	if err != nil || every <= 0 {
		fmt.Fprintf(stderr, "holdfast-lab-poll: interval %q: want a duration like 5ms\n", args[1])
		return 2
	}
	var mu sync.Mutex // one line at a time
	for range time.Tick(every) {
		go func() {
			line := attempt(args[0]).line()
			mu.Lock()
			defer mu.Unlock()
			if _, err := io.WriteString(stdout, line); err != nil {
				_ = syscall.Kill(syscall.Getpid(), syscall.SIGTERM)
			}
		}()
	}
	return 0
}

func attempt(address string) Answer {
	a := Answer{Sent: Now()}
	body, err := get(address)
	a.Done = Now()
	if err != nil {
		a.Body = err.Error()
		return a
	}
	a.OK, a.Body = true, body
	return a
}

// get is a request of HTTP/1.0 by hand: the cheapest there is.
func get(address string) (string, error) {
	deadline := time.Now().Add(pollPatience)
	conn, err := (&net.Dialer{Deadline: deadline}).Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(deadline); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\nHost: lab\r\n\r\n"); err != nil {
		return "", err
	}
	page, err := io.ReadAll(io.LimitReader(conn, maxBody))
	if err != nil {
		return "", err
	}
	head, body, _ := strings.Cut(string(page), "\r\n\r\n")
	status, _, _ := strings.Cut(head, "\r\n")
	if fields := strings.Fields(status); len(fields) < 2 || fields[1] != "200" {
		return "", fmt.Errorf("answer %q", status)
	}
	line, _, _ := strings.Cut(body, "\n")
	return strings.TrimSpace(line), nil
}

func (a Answer) line() string {
	return fmt.Sprintf("%d %d %t %s\n", a.Sent, a.Done, a.OK, strconv.Quote(a.Body))
}

func parseAnswer(line string) (Answer, error) {
	fields := strings.SplitN(line, " ", 4)
	if len(fields) != 4 {
		return Answer{}, fmt.Errorf("poll answer %q: want four fields", line)
	}
	sent, err1 := strconv.ParseInt(fields[0], 10, 64)
	done, err2 := strconv.ParseInt(fields[1], 10, 64)
	ok, err3 := strconv.ParseBool(fields[2])
	body, err4 := strconv.Unquote(fields[3])
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return Answer{}, fmt.Errorf("poll answer %q: %w", line, err)
		}
	}
	return Answer{Sent: Moment(sent), Done: Moment(done), OK: ok, Body: body}, nil
}
