package failover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"holdfast/cluster/node/client"
)

// What the bench of configuration writes does: so many clients, spread over the hosts, for so long.
const (
	writers     = 8
	writesFor   = 5 * time.Second
	writesStart = 500 * time.Millisecond // not counted
)

// runWrites lets eight clients change the configuration as fast as they get answers.
func (o Options) runWrites(ctx context.Context, w io.Writer) error {
	s, err := o.start(ctx, true, three)
	if err != nil {
		return err
	}
	defer s.close()
	var all error
	for range o.Runs {
		before, err := s.used(ctx)
		if err != nil {
			return err
		}
		took, err := s.writes(ctx, writesStart+writesFor)
		if err != nil {
			all = errors.Join(all, err)
			break
		}
		after, err := s.used(ctx)
		if err != nil {
			return err
		}
		slices.Sort(took)
		at := func(share float64) float64 { return ms(took[int(share*float64(len(took)-1))]) }
		fmt.Fprintf(w, "%-50s %9.0f a second; answered in ms: median %.1f, p99 %.1f, max %.1f; %.2f ms of processor time each\n",
			fmt.Sprintf("acknowledged changes from %d clients", writers), float64(len(took))/writesFor.Seconds(), at(0.5), at(0.99), at(1), ms(after-before)/float64(len(took)))
	}
	return all
}

// used is the processor time that all daemons have used.
func (s *service) used(ctx context.Context) (time.Duration, error) {
	all := time.Duration(0)
	for _, h := range s.Hosts() {
		used, _, err := usage(ctx, h)
		if err != nil {
			return 0, err
		}
		all += used
	}
	return all, nil
}

// writes returns how long each change took that was acknowledged after the start.
func (s *service) writes(ctx context.Context, long time.Duration) ([]time.Duration, error) {
	var (
		mu     sync.Mutex // guards the next two
		took   []time.Duration
		failed error
		each   sync.WaitGroup
	)
	hosts := s.Hosts()
	began := time.Now()
	for n := range writers {
		c := s.Fleet.Client(hosts[n%len(hosts)].Name())
		each.Go(func() {
			mine, err := write(ctx, c, n, began, long)
			mu.Lock()
			defer mu.Unlock()
			took, failed = append(took, mine...), errors.Join(failed, err)
		})
	}
	each.Wait()
	if failed == nil && len(took) == 0 {
		failed = errors.New("no change was acknowledged")
	}
	return took, failed
}

// write is one client.
func write(ctx context.Context, c *client.Client, n int, began time.Time, long time.Duration) ([]time.Duration, error) {
	var took []time.Duration
	for i := 0; time.Since(began) < long; i++ {
		at := time.Now()
		_, err := c.Change(ctx, client.Change{Op: client.Modify, Section: "crm_config", AllowCreate: true, Cause: "benchmark", XML: fmt.Sprintf(
			`<cluster_property_set id="bench-%[1]d"><nvpair id="bench-%[1]d-mark" name="bench-mark-%[1]d" value="%[2]d"/></cluster_property_set>`, n, i)})
		if err != nil {
			return took, fmt.Errorf("client %d, change %d: %w", n, i, err)
		}
		if at.Sub(began) >= writesStart {
			took = append(took, time.Since(at))
		}
	}
	return took, nil
}
