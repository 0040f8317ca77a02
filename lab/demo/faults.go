package demo

import (
	"context"

	"holdfast/cluster/node/client"
	"holdfast/lab"
)

// fault is one way to break the cluster, or to trouble its service on purpose.
type fault struct {
	name string
	do   func(ctx context.Context, d *demo, active string) (lab.Moment, error)
	over func(active string) func(lab.Answer) bool // an answer that shows that the service survived
}

var faults = []fault{
	{"the active host loses its power", func(_ context.Context, d *demo, active string) (lab.Moment, error) {
		return d.Host(active).Kill()
	}, elsewhere},
	{"one of two links of the active host is cut", func(ctx context.Context, d *demo, active string) (lab.Moment, error) {
		at, err := d.Host(active).Cut(1)
		if err != nil {
			return 0, err
		}
		return at, d.AwaitEvent(ctx, at, client.LinkDown)
	}, anywhere},
	{"the web server crashes", func(ctx context.Context, d *demo, active string) (lab.Moment, error) {
		if _, err := d.Host(active).Exec(ctx, "pkill", "-KILL", "-x", "apache2"); err != nil {
			return 0, err
		}
		at := lab.Now()
		_, err := d.poll.Await(ctx, at, func(a lab.Answer) bool { return !a.OK })
		return at, err
	}, anywhere},
	{"the active host is put in standby", func(ctx context.Context, d *demo, active string) (lab.Moment, error) {
		at := lab.Now()
		_, err := d.Host(active).Exec(ctx, "sh", "-c", d.shell.standby+active)
		return at, err
	}, elsewhere},
	{"the group is moved by hand", func(ctx context.Context, d *demo, active string) (lab.Moment, error) {
		at := lab.Now()
		to := "web1"
		if active == to {
			to = "web2"
		}
		_, err := d.Host(active).Exec(ctx, "sh", "-c", d.shell.move+to)
		return at, err
	}, elsewhere},
}

// elsewhere is an answer of another host than the one that was active.
func elsewhere(active string) func(lab.Answer) bool {
	return func(a lab.Answer) bool { return a.OK && a.Body != active }
}

func anywhere(string) func(lab.Answer) bool { return lab.Answered }
