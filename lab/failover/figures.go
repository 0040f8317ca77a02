package failover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/lab"
)

// runFigures measures what is not an outage: cold start, an idle daemon, changes a second.
func (o Options) runFigures(ctx context.Context, w io.Writer) error {
	s, err := o.start(ctx, true, three)
	if err != nil {
		return err
	}
	defer s.close()
	return errors.Join(o.coldStarts(ctx, s, w), idle(ctx, s, w), changes(ctx, s, w))
}

// coldStarts cuts the power of all hosts at once and switches them on again.
func (o Options) coldStarts(ctx context.Context, s *service, w io.Writer) error {
	r := row{name: "cold start: power on of three hosts to first answer", runs: o.Runs}
	for range o.Runs {
		ctx, cancel := context.WithTimeout(ctx, 2*patience)
		defer cancel()
		for _, h := range s.Hosts() {
			if _, err := h.Kill(); err != nil {
				return err
			}
		}
		at := lab.Now()
		for _, h := range s.Hosts() {
			if err := h.Boot(); err != nil {
				return err
			}
		}
		answer, err := s.poll.Await(ctx, at, lab.Answered)
		if err != nil {
			return fmt.Errorf("cold start: %w", err)
		}
		r.outages = append(r.outages, answer.Done.Sub(at))
		if err := s.mend(ctx); err != nil {
			return fmt.Errorf("cold start: %w", err)
		}
	}
	r.print(w)
	return nil
}

// idleTime is long, because processor time is counted in hundredths of a second.
const idleTime = 30 * time.Second

// idle measures each daemon's memory and processor time while nothing happens. The
// resources' monitors are processes of their own and not counted.
func idle(ctx context.Context, s *service, w io.Writer) error {
	before := map[string]time.Duration{}
	for _, h := range s.Hosts() {
		used, _, err := usage(ctx, h)
		if err != nil {
			return err
		}
		before[h.Name()] = used
	}
	select {
	case <-time.After(idleTime):
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, h := range s.Hosts() {
		used, resident, err := usage(ctx, h)
		if err != nil {
			return err
		}
		share := float64(used-before[h.Name()]) / float64(idleTime)
		fmt.Fprintf(w, "%-50s %9.1f MB, %.2f %% of a core\n", "idle daemon on "+h.Name(), float64(resident)/1e6, 100*share)
	}
	return nil
}

const clockTick = time.Second / 100 // USER_HZ of every Linux platform that Go knows

// usage is the processor time that the daemon of a host has used, and its resident bytes.
func usage(ctx context.Context, h *lab.Host) (cpu time.Duration, resident int64, err error) {
	stat, err := h.Exec(ctx, "sh", "-c", "cat /proc/$(pgrep -o -f '^holdfast node')/stat")
	if err != nil {
		return 0, 0, err
	}
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 22 {
		return 0, 0, fmt.Errorf("the daemon's /proc stat is %q", stat)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	pages, err3 := strconv.ParseInt(fields[21], 10, 64)
	return time.Duration(user+system) * clockTick, pages * 4096, errors.Join(err1, err2, err3)
}

const changesFor = 5 * time.Second

// changes makes one change of the configuration after the other.
func changes(ctx context.Context, s *service, w io.Writer) error {
	c := s.Fleet.Client("web1")
	began, n := time.Now(), 0
	for time.Since(began) < changesFor {
		n++
		_, err := c.Change(ctx, client.Change{Op: client.Modify, Section: "crm_config", AllowCreate: true, Cause: "benchmark",
			XML: fmt.Sprintf(`<cluster_property_set id="options"><nvpair id="options-mark" name="bench-mark" value="%d"/></cluster_property_set>`, n)})
		if err != nil {
			return fmt.Errorf("change %d of the configuration: %w", n, err)
		}
	}
	fmt.Fprintf(w, "%-50s %9.0f a second\n", "acknowledged changes from one client", float64(n)/time.Since(began).Seconds())
	return nil
}
