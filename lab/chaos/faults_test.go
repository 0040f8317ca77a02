package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"holdfast/lab"
)

// fault is one way to break a cluster. Its inject returns at once or when the fault has lasted;
// mend ends what is left of it.
type fault struct {
	name   string
	inject func(ctx context.Context, c *cluster, r *rand.Rand) error
}

var faults = []fault{
	{"active host killed", func(ctx context.Context, c *cluster, _ *rand.Rand) error { return first(c.active(ctx).Kill()) }},
	{"leader killed", func(ctx context.Context, c *cluster, _ *rand.Rand) error { return first(c.leader(ctx).Kill()) }},
	{"any host killed", func(_ context.Context, c *cluster, r *rand.Rand) error { return first(c.any(r).Kill()) }},
	{"active host frozen for a while", func(ctx context.Context, c *cluster, r *rand.Rand) error {
		return c.freeze(ctx, c.active(ctx), 300*time.Millisecond+time.Duration(r.IntN(2500))*time.Millisecond)
	}},
	{"any host frozen for a while", func(ctx context.Context, c *cluster, r *rand.Rand) error {
		return c.freeze(ctx, c.any(r), 300*time.Millisecond+time.Duration(r.IntN(2500))*time.Millisecond)
	}},
	{"active host cut off", func(ctx context.Context, c *cluster, _ *rand.Rand) error {
		return first(c.active(ctx).Cut(lab.AllLinks))
	}},
	{"any host cut off for a while", func(ctx context.Context, c *cluster, r *rand.Rand) error {
		h := c.any(r)
		return errors.Join(first(h.Cut(lab.AllLinks)), lasting(ctx, time.Duration(200+r.IntN(2000))*time.Millisecond), h.Heal(lab.AllLinks))
	}},
	{"partition", func(ctx context.Context, c *cluster, r *rand.Rand) error {
		names := c.shuffled(r)
		return errors.Join(c.Partition(names[:1], names[1:]), lasting(ctx, time.Duration(300+r.IntN(3000))*time.Millisecond))
	}},
	{"all hosts apart", func(ctx context.Context, c *cluster, r *rand.Rand) error {
		names := c.shuffled(r)
		return errors.Join(c.Partition(names[:1], names[1:2], names[2:]), lasting(ctx, time.Duration(300+r.IntN(2500))*time.Millisecond))
	}},
	{"two hosts do not hear each other", func(ctx context.Context, c *cluster, r *rand.Rand) error {
		names := c.shuffled(r)
		return errors.Join(c.Block([2]string{names[0], names[1]}), lasting(ctx, time.Duration(300+r.IntN(3000))*time.Millisecond))
	}},
	{"only heartbeats get through to a host", func(ctx context.Context, c *cluster, r *rand.Rand) error {
		names := c.shuffled(r)
		var pairs [][2]string
		for _, other := range names[1:] {
			pairs = append(pairs, [2]string{names[0], other})
		}
		return errors.Join(c.Choke(pairs...), lasting(ctx, time.Duration(300+r.IntN(3000))*time.Millisecond))
	}},
	{"30 % of a host's packets lost", func(ctx context.Context, c *cluster, r *rand.Rand) error {
		return errors.Join(c.any(r).Lose(lab.AllLinks, 30), lasting(ctx, 3*time.Second))
	}},
	{"daemon of the active host killed, started anew", func(ctx context.Context, c *cluster, _ *rand.Rand) error {
		return c.restart(ctx, c.active(ctx), "KILL")
	}},
	{"daemon of any host killed, started anew", func(ctx context.Context, c *cluster, r *rand.Rand) error {
		return c.restart(ctx, c.any(r), "KILL")
	}},
	{"daemon of the active host told to stop, started anew", func(ctx context.Context, c *cluster, _ *rand.Rand) error {
		return c.restart(ctx, c.active(ctx), "TERM")
	}},
	{"service killed", func(ctx context.Context, c *cluster, _ *rand.Rand) error {
		_, _ = c.active(ctx).Exec(ctx, "pkill", "-KILL", "-f", "busybox httpd")
		return nil
	}},
	{"planned move", func(ctx context.Context, c *cluster, r *rand.Rand) error { return c.move(ctx, c.any(r).Name()) }},
	{"state directory of the active host full", func(ctx context.Context, c *cluster, _ *rand.Rand) error {
		h := c.active(ctx)
		c.filled[h.Name()] = true
		return errors.Join(h.FillDisk(), lasting(ctx, time.Second))
	}},
	{"fence device fails for a while, its host killed", func(ctx context.Context, c *cluster, r *rand.Rand) error {
		h := c.active(ctx)
		return errors.Join(h.FenceFault(lab.FenceFails), first(h.Kill()), lasting(ctx, time.Duration(r.IntN(3000))*time.Millisecond), h.FenceFault(lab.FenceWorks))
	}},
	{"flapping link", func(ctx context.Context, c *cluster, r *rand.Rand) error {
		h := c.any(r)
		var err error
		for range 3 {
			err = errors.Join(err, first(h.Cut(lab.AllLinks)), lasting(ctx, 400*time.Millisecond), h.Heal(lab.AllLinks), lasting(ctx, 400*time.Millisecond))
		}
		return err
	}},
	{"all hosts killed", func(_ context.Context, c *cluster, _ *rand.Rand) error {
		var err error
		for _, h := range c.Hosts() {
			err = errors.Join(err, first(h.Kill()))
		}
		return err
	}},
}

func first(_ lab.Moment, err error) error { return err }

// lasting lets a fault last.
func lasting(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
