package stats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"holdfast/traffic/proxy/accesslog"
)

// showEvents is show events [RING [-w] [-n]]: the rings, or the lines of one; -w waits for more, -n begins with those that come.
func (c *conversation) showEvents(args []string) error {
	if len(args) == 0 {
		c.say("Supported events sinks are listed below. Add -w(wait), -n(new). Any key to stop\n")
		c.say("    %-10s : type=fd, 0 dropped, standard output (fd#1)\n    %-10s : type=fd, 0 dropped, standard output (fd#2)\n", "stdout", "stderr")
		for _, name := range slices.Sorted(maps.Keys(c.Rings)) {
			r := c.Rings[name]
			c.say("    %-10s : type=buffer, %d dropped, %s\n", name, r.Dropped(), cmp.Or(r.Description, name))
		}
		return nil
	}
	r := c.Rings[args[0]]
	if r == nil {
		return errors.New("no such event sink")
	}
	from := uint64(0)
	if slices.Contains(args, "-n") {
		_, from, _, _ = r.Since(0)
	}
	if !slices.Contains(args, "-w") {
		return writeLines(c.w, r, &from)
	}
	return c.follow(r, from)
}

func writeLines(w io.Writer, r *accesslog.Ring, from *uint64) error {
	lines, next, _, _ := r.Since(*from)
	*from = next
	for _, line := range lines {
		if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// follow writes lines as they come, until the client says anything or has gone.
func (c *conversation) follow(r *accesslog.Ring, from uint64) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if c.conn == nil {
		return errors.New("there is nobody to wait")
	}
	_ = c.conn.SetDeadline(time.Time{})
	go func() {
		defer cancel()
		_, _ = c.lines.ReadByte()
	}()
	for {
		_, _, _, news := r.Since(from)
		if err := writeLines(c.w, r, &from); err != nil {
			return err
		}
		select {
		case <-news:
		case <-ctx.Done():
			c.over = true
			return nil
		}
	}
}
