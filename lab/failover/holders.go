package failover

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/lab"
)

// holders is what the hosts' kernels tell of the floating address: who had it, and when. The
// address is the first of its group to start and the last to stop, so while a host has not got it
// nothing of the group runs there.
type holders struct {
	began  time.Time
	first  string // who had it then
	told   map[string]*notes
	runs   []*lab.Running
	ending sync.WaitGroup
}

// notes are one host's: the output of `ip -ts monitor address`.
type notes struct {
	mu    sync.Mutex // guards all below
	text  bytes.Buffer
	ended time.Time // when the host died; zero: it lives
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

// watch begins to look at all hosts.
func (s *service) watch(active string) (*holders, error) {
	h := &holders{began: time.Now(), first: active, told: map[string]*notes{}}
	for _, host := range s.Hosts() {
		n := &notes{}
		run, err := host.Start(lab.Process{Command: lab.Command{Args: []string{"ip", "-ts", "monitor", "address"}}, Stdout: n})
		if err != nil {
			h.stop()
			return nil, err
		}
		h.told[host.Name()], h.runs = n, append(h.runs, run)
		h.ending.Go(func() {
			_ = run.Wait() // it is killed, with its host or by stop
			n.mu.Lock()
			defer n.mu.Unlock()
			n.ended = time.Now()
		})
	}
	return h, nil
}

// stop ends the watching.
func (h *holders) stop() {
	for _, run := range h.runs {
		run.Kill()
	}
	h.ending.Wait()
}

// span is a time in which a host had the address.
type span struct {
	host       string
	begin, end time.Time // end is zero while it has it
}

// spans are all of them, in the order of their beginnings. A host has nothing any more when it is dead.
func (h *holders) spans(fenced map[string]time.Time) ([]span, error) {
	all := []span{{host: h.first, begin: h.began}}
	for host, n := range h.told {
		n.mu.Lock()
		text, died := n.text.String(), n.ended
		n.mu.Unlock()
		if at, ok := fenced[host]; ok && (died.IsZero() || at.Before(died)) {
			died = at
		}
		mine, err := read(host, text)
		if err != nil {
			return nil, err
		}
		if host == h.first {
			all, mine = slices.Delete(all, 0, 1), after(h.began, host, mine)
		}
		if last := len(mine) - 1; last >= 0 && mine[last].end.IsZero() {
			mine[last].end = died
		}
		all = append(all, mine...)
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Or(a.begin.Compare(b.begin), strings.Compare(a.host, b.host)) })
	return all, nil
}

// after completes what was told of the host that had the address when the watching began.
func after(began time.Time, host string, told []span) []span {
	if len(told) > 0 && told[0].begin.IsZero() {
		told[0].begin = began
		return told
	}
	if len(told) > 0 {
		return told // it was lost before the first word, and got again
	}
	return []span{{host: host, begin: began}}
}

// read makes spans of a host's notes. The first has no beginning when the address goes first.
func read(host, text string) ([]span, error) {
	var all []span
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 3 || !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, floating+"/") }) {
			continue
		}
		at, err := time.ParseInLocation("[2006-01-02T15:04:05.999999]", words[0], time.Local)
		if err != nil {
			return nil, fmt.Errorf("what the kernel of %s tells of its addresses: %w", host, err)
		}
		open := len(all) > 0 && all[len(all)-1].end.IsZero()
		switch gone := words[1] == "Deleted"; {
		case gone && open:
			all[len(all)-1].end = at
		case gone && len(all) == 0:
			all = append(all, span{host: host, end: at})
		case !gone && !open:
			all = append(all, span{host: host, begin: at})
		}
	}
	return all, lines.Err()
}

// errTwice is said of a service that two hosts had at once.
var errTwice = errors.New("the service was on two hosts at once")

// judge tells whether the address was never on two hosts at once, and went to another at most so often.
func judge(all []span, moves int) error {
	var wrong []error
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.host != b.host && (a.end.IsZero() || b.begin.Before(a.end)) {
				wrong = append(wrong, fmt.Errorf("%w: %s began to serve %v before %s had stopped", errTwice, b.host, a.end.Sub(b.begin), a.host))
			}
		}
	}
	if n := len(all) - 1; n > moves {
		wrong = append(wrong, fmt.Errorf("the service was started %d times, more than %d", n, moves))
	}
	return errors.Join(wrong...)
}

// fencedSince tells when each host was told to be dead.
func (s *service) fencedSince(at lab.Moment) map[string]time.Time {
	dead := map[string]time.Time{}
	for _, e := range s.Events().Since(at) {
		if _, known := dead[e.Subject]; e.Kind == client.Fenced && e.Code == 0 && !known {
			dead[e.Subject] = time.Now().Add(lab.Moment(e.Boottime).Sub(lab.Now()))
		}
	}
	return dead
}

// heldBy is judge of what the watching saw since a moment.
func (s *service) heldBy(h *holders, at lab.Moment, moves int) error {
	all, err := h.spans(s.fencedSince(at))
	if err != nil {
		return err
	}
	if err := judge(all, moves); err != nil {
		return fmt.Errorf("%w: %v", err, all)
	}
	return nil
}
