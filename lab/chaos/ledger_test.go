package chaos

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"holdfast/lab"
)

//go:embed ledger.sh
var ledgerAgent []byte

const (
	storage  = "/srv/ledger" // as in ledger.sh
	floating = "10.77.0.100"
)

// write is one attempt to append to the ledger.
type write struct {
	id         int
	sent, done lab.Moment
	host       string // that acknowledged it; "" for none
}

// writer is the client that appends, one write after the other. Its goroutine alone touches
// writes until run has returned.
type writer struct {
	http   *http.Client
	writes []write
	latest atomic.Int64 // when the latest acknowledged write was sent
}

func newWriter(from *lab.Host) *writer {
	c := from.HTTP()
	c.Timeout = 400 * time.Millisecond
	return &writer{http: c}
}

// run writes until ctx ends.
func (w *writer) run(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.append()
		}
	}
}

func (w *writer) append() {
	a := write{id: len(w.writes), sent: lab.Now()}
	response, err := w.http.Get(fmt.Sprintf("http://%s/cgi-bin/append?%d", floating, a.id))
	if err == nil {
		body, failed := io.ReadAll(response.Body)
		response.Body.Close()
		if failed == nil && response.StatusCode == http.StatusOK {
			a.host = strings.TrimSpace(string(body))
			w.latest.Store(int64(a.sent))
		}
	}
	a.done = lab.Now()
	w.writes = append(w.writes, a)
}

// served waits until a write sent from now on is acknowledged.
func (w *writer) served(ctx context.Context) error {
	began := lab.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for lab.Moment(w.latest.Load()) < began {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the ledger does not answer at its floating address: %w", ctx.Err())
		}
	}
	return nil
}

// outage is how long nothing was acknowledged between two moments, at a stretch and at most.
func (w *writer) outage(from, to lab.Moment) time.Duration {
	var longest time.Duration
	last := from
	for _, a := range w.writes {
		if a.host == "" || a.done < from {
			continue
		}
		if a.sent > to {
			break
		}
		longest = max(longest, a.done.Sub(last))
		last = a.done
	}
	return longest
}

// judgeBook compares the ledger's file with what was acknowledged.
func judgeBook(book string, writes []write) (violations []string) {
	written := map[int]int{}
	generation, owner := 0, ""
	lines := bufio.NewScanner(strings.NewReader(book))
	for number := 1; lines.Scan(); number++ {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 {
			violations = append(violations, fmt.Sprintf("book line %d is torn: %q", number, lines.Text()))
			continue
		}
		g, err := strconv.Atoi(fields[1])
		switch {
		case err != nil:
			violations = append(violations, fmt.Sprintf("book line %d: %q", number, lines.Text()))
		case fields[0] == "start":
			if g <= generation {
				violations = append(violations, fmt.Sprintf("book line %d: %s started generation %d at the same time as %s", number, fields[2], g, owner))
			}
			generation, owner = g, fields[2]
		case g != generation || fields[2] != owner:
			violations = append(violations, fmt.Sprintf("book line %d: %s wrote (generation %d) after %s had started (generation %d)", number, fields[2], g, owner, generation))
		}
		if fields[0] == "write" && len(fields) == 4 {
			if id, err := strconv.Atoi(fields[3]); err == nil {
				written[id]++
			}
		}
	}
	for _, a := range writes {
		if a.host != "" && written[a.id] == 0 {
			violations = append(violations, fmt.Sprintf("write %d was acknowledged by %s and is not in the book", a.id, a.host))
		}
	}
	return violations
}
