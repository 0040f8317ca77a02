// Package demo is `holdfast lab demo`: a cluster of three virtual hosts, on this machine, is
// made, loaded with the commands of a published cookbook, shown, broken in five ways, and shown
// to keep its web service alive, with a timeline of what the cluster did meanwhile.
//
// The package starts no goroutines of its own.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet"
)

const (
	floating  = "192.168.56.204"
	server    = "AppWebServer"
	group     = "WebApp"
	pollEvery = 5 * time.Millisecond
	patience  = 40 * time.Second // for anything that should happen
	settling  = 300 * time.Millisecond
)

// demo is a run of it.
type demo struct {
	*fleet.Fleet
	shell shell
	out   io.Writer
	poll  *lab.Poller
	rows  []row
}

// row is a line of the table at the end.
type row struct {
	fault  string
	outage time.Duration
	took   string // the host that answers afterwards
	err    error
}

// Run shows everything on w. The error says which fault the service did not survive.
func Run(ctx context.Context, o Options, w io.Writer) error {
	shell, err := o.shell()
	if err != nil {
		return err
	}
	if os.Getuid() != 0 {
		return errors.New("the demo runs as root only: Apache changes to a user of its own, which a lab of an ordinary user does not have; " +
			"'holdfast lab bench --runs 1' shows the same faults with a light web server")
	}
	if err := installMissing(ctx, w); err != nil {
		return err
	}
	began := time.Now()
	fmt.Fprintln(w, "Three virtual hosts, web1 to web3, with two links each and a fence device; and a client outside the cluster.")
	f, err := fleet.Start(ctx, fleet.Config{
		Hosts:  lab.Names("web", 3),
		Links:  []netip.Prefix{netip.MustParsePrefix("192.168.56.0/24"), netip.MustParsePrefix("192.168.57.0/24")},
		First:  200,
		Binary: o.Binary,
		Install: []lab.Command{
			{Args: []string{"sh", "-c", "hostname > /var/www/html/index.html; echo ServerName localhost > /etc/apache2/conf-enabled/name.conf"}},
		},
	})
	if err != nil {
		return err
	}
	defer f.Close()
	d := &demo{Fleet: f, shell: shell, out: w}
	if err := d.setUp(ctx); err != nil {
		return err
	}
	defer d.poll.Stop()
	err = d.breakEverything(ctx)
	d.table()
	fmt.Fprintf(w, "\nAll of it took %.0f s. Nothing is left of the hosts.\n", time.Since(began).Seconds())
	return err
}

// setUp loads the cluster and waits for its service.
func (d *demo) setUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := lab.Now()
	if err := d.Ready(ctx); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "The daemons have agreed on a view of three hosts, %d ms after their start.\n\n", lab.Now().Sub(began).Milliseconds())
	for _, line := range d.shell.load {
		fmt.Fprintln(d.out, "  web1#", line)
		if _, err := d.Host("web1").Exec(ctx, "sh", "-c", line); err != nil {
			return fmt.Errorf("load the cluster: %w", err)
		}
	}
	var err error
	if d.poll, err = d.Lab.Client().Poll(floating+":80", pollEvery); err != nil {
		return err
	}
	if _, err := d.poll.Await(ctx, 0, lab.Answered); err != nil {
		return fmt.Errorf("the service did not start: %w", err)
	}
	if err := d.Ready(ctx); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nhttp://%s/ answers. The cluster, as its own tools show it:\n\n", floating)
	d.show(ctx, "web1", d.shell.show)
	return nil
}

// show prints what a command says on a host.
func (d *demo) show(ctx context.Context, host, line string) {
	out, err := d.Host(host).Exec(ctx, "sh", "-c", line)
	if err != nil {
		out += err.Error()
	}
	fmt.Fprintf(d.out, "  %s# %s\n", host, line)
	for _, text := range strings.Split(strings.TrimSpace(out), "\n") {
		fmt.Fprintln(d.out, "  "+text)
	}
	fmt.Fprintln(d.out)
}

// breakEverything does one fault after the other, however the earlier ones ended.
func (d *demo) breakEverything(ctx context.Context) error {
	var all error
	for _, f := range faults {
		all = errors.Join(all, d.suffer(ctx, f))
	}
	return all
}

// suffer does one fault, tells what happened, and brings all back.
func (d *demo) suffer(ctx context.Context, f fault) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before, err := d.poll.Await(ctx, lab.Now(), lab.Answered)
	if err != nil {
		return d.record(row{fault: f.name, err: err})
	}
	active := before.Body
	fmt.Fprintf(d.out, "\n%s (%s is active)\n", f.name, active)
	at, err := f.do(ctx, d, active)
	if err == nil {
		_, err = d.poll.Await(ctx, at, f.over(active))
	}
	var last lab.Answer
	if err == nil {
		last, err = d.settle(ctx)
	}
	outage, _ := d.poll.Outage(at)
	d.timeline(at, f.name, active)
	err = d.record(row{fault: f.name, outage: outage, took: last.Body, err: err})
	return errors.Join(err, d.mend(ctx))
}

func (d *demo) record(r row) error {
	d.rows = append(d.rows, r)
	if r.err != nil {
		return fmt.Errorf("%s: %w", r.fault, r.err)
	}
	return nil
}

// settle waits until the fate of all requests is known, and then for an answer.
func (d *demo) settle(ctx context.Context) (lab.Answer, error) {
	select {
	case <-time.After(settling):
	case <-ctx.Done():
	}
	return d.poll.Await(ctx, lab.Now(), lab.Answered)
}

// mend brings everything back to how it was.
func (d *demo) mend(ctx context.Context) error {
	for _, h := range d.Hosts() {
		if err := errors.Join(h.Boot(), h.Heal(lab.AllLinks)); err != nil {
			return err
		}
	}
	if err := d.Ready(ctx); err != nil {
		return err
	}
	for _, line := range d.shell.restore {
		if _, err := d.Host("web1").Exec(ctx, "sh", "-c", line); err != nil {
			return fmt.Errorf("bring everything back: %w", err)
		}
	}
	if err := d.Ready(ctx); err != nil {
		return err
	}
	_, err := d.poll.Await(ctx, lab.Now(), lab.Answered)
	return err
}

// peerMove is what Pacemaker 2.1.5 takes for a planned move with the same agents, in the same
// kind of lab: the time that ocf:heartbeat:apache itself needs.
const peerMove = "2.36 s"

func (d *demo) table() {
	fmt.Fprintf(d.out, "\n%-44s %18s   %s\n", "fault", "outage for clients", "who answers now")
	for _, r := range d.rows {
		outage, took := fmt.Sprintf("%.3f s", r.outage.Seconds()), r.took
		if r.err != nil {
			outage, took = "did not come back", r.err.Error()
		}
		fmt.Fprintf(d.out, "%-44s %18s   %s\n", r.fault, outage, took)
	}
	fmt.Fprintf(d.out, "\nThe web server is Apache under its ordinary agent, ocf:heartbeat:apache, which waits in whole seconds.\n"+
		"A planned move with it costs %s under Pacemaker too; `holdfast lab bench` measures with a light agent.\n", peerMove)
}
