// Package check is `holdfast check`: before a cluster goes live it proves that every host can be fenced,
// that the times which have to fit together do, and says how long a failover takes at worst. What a
// configuration's text alone tells of fencing comes from `holdfast lint`'s checks.
//
// The package starts no goroutine.
package check

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cluster/cib"
	"holdfast/cluster/fencing/readiness"
	"holdfast/cluster/node/client"
	"holdfast/output"
	"holdfast/shell/lint"
)

// Commands are the commands of this package.
var Commands = []func() *cobra.Command{func() *cobra.Command { return newCheck(func() daemon { return client.New("") }) }}

// daemon is what the command needs of the client.
type daemon interface {
	Readiness(ctx context.Context, report any) error
	Document(ctx context.Context) (*cib.Document, error)
	Status(ctx context.Context) (*client.Status, error)
	Fence(ctx context.Context, fence client.Fence) error
}

// errNotReady ends the command with a failure; everything was said.
var errNotReady = errors.New("the cluster is not ready to go live")

// outcome is what the command prints.
type outcome struct {
	Ready bool `json:"ready"`
	readiness.Report
	Fenced []fenced `json:"fenced,omitempty"`
}

// fenced is one host that was really fenced.
type fenced struct {
	Host string        `json:"host"`
	Took time.Duration `json:"took_ns"`           // until it was confirmed off
	Back time.Duration `json:"back_ns,omitempty"` // until it was in the cluster again
	Err  string        `json:"error,omitempty"`
}

// flags are the command line.
type flags struct {
	output     output.Format
	fence, yes bool
	hosts      []string
	wait       time.Duration
}

func newCheck(connect func() daemon) *cobra.Command {
	var f flags
	c := &cobra.Command{
		Use:   "check",
		Short: "prove that the cluster may go live: fencing, timers, longest failover",
		Long: "Asks every fence device from every host whether it sees each host, compares the times that have to fit\n" +
			"together (token, stonith-timeout, watchdogs, sbd disks, agents' time limits), and adds up the longest that a\n" +
			"failover can take. With --fence it really fences each host, one after another, and waits for it to come back.\n\n" +
			"The exit status is 0 when nothing keeps the cluster from going live, else 1; warnings do not count.",
		Example: "  holdfast check\n  holdfast check -o json | jq .ready\n  holdfast check --fence --host web2   reboots web2",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd, connect(), f) },
	}
	output.Add(c.Flags(), &f.output, "")
	c.Flags().BoolVar(&f.fence, "fence", false, "really fence every host, one after another; services move")
	c.Flags().BoolVarP(&f.yes, "yes", "y", false, "with --fence: do not ask")
	c.Flags().StringSliceVar(&f.hosts, "host", nil, "with --fence: these hosts only")
	c.Flags().DurationVar(&f.wait, "wait", 10*time.Minute, "with --fence: how long a host may take to come back")
	return c
}

func run(cmd *cobra.Command, d daemon, f flags) error {
	if !f.fence && (f.yes || len(f.hosts) > 0) {
		return errors.New("--host and --yes are for --fence, which really fences hosts; without it all are looked at")
	}
	var out outcome
	if err := d.Readiness(cmd.Context(), &out.Report); err != nil {
		return fmt.Errorf("check the cluster: %w", err)
	}
	if err := out.lint(cmd.Context(), d); err != nil {
		return err
	}
	if f.fence && out.Report.Ready() {
		if err := out.fence(cmd, d, f); err != nil {
			return err
		}
	}
	out.Ready = out.Report.Ready() && !slices.ContainsFunc(out.Fenced, func(h fenced) bool { return h.Err != "" })
	err := f.output.Print(cmd.OutOrStdout(), out, func(w io.Writer) error {
		err := out.print(w)
		if f.fence && !out.Report.Ready() {
			fmt.Fprintln(w, "Nothing was fenced: mend the errors first.")
		}
		return err
	})
	if err == nil && !out.Ready {
		err = errNotReady
	}
	return err
}

// lint adds what the configuration's text tells of fencing, if it was not found already.
func (o *outcome) lint(ctx context.Context, d daemon) error {
	doc, err := d.Document(ctx)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	for _, f := range lint.Run(lint.Input{Document: doc, Now: time.Now()}) {
		if !strings.HasPrefix(f.Check, "fence-") || f.Level == lint.Note || f.Check == "fence-race" {
			continue
		}
		level := readiness.Warning
		if f.Level == lint.Error {
			level = readiness.Error
		}
		o.Findings = append(o.Findings, readiness.Finding{Level: level, Subject: f.ID, Problem: f.Problem, Fix: f.Fix})
	}
	return nil
}

// fence fences the hosts one after another, but for this command's own.
func (o *outcome) fence(cmd *cobra.Command, d daemon, f flags) error {
	status, err := d.Status(cmd.Context())
	if err != nil {
		return fmt.Errorf("look which hosts there are: %w", err)
	}
	var hosts, known []string
	for _, h := range status.Hosts {
		known = append(known, h.Name)
		if h.Name != status.Host && (len(f.hosts) == 0 || slices.Contains(f.hosts, h.Name)) {
			hosts = append(hosts, h.Name)
		}
	}
	for _, name := range f.hosts {
		if !slices.Contains(known, name) {
			return fmt.Errorf("fence %s: no host of this cluster has that name; there are %s", name, strings.Join(known, ", "))
		}
	}
	if slices.Contains(f.hosts, status.Host) {
		return fmt.Errorf("fence %s: this command would die with it; run it on another host", status.Host)
	}
	if !f.yes {
		fmt.Fprintf(cmd.OutOrStdout(), "This reboots %s, one after another; what runs there moves or stops. Go on? [y/N] ", strings.Join(hosts, ", "))
		answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
			return errors.New("not confirmed; nothing was fenced")
		}
	}
	for _, host := range hosts {
		one := fenceOne(cmd.Context(), d, host, f.wait)
		o.Fenced = append(o.Fenced, one)
		if one.Err != "" {
			break // with one host missing, the next could cost the quorum
		}
	}
	return nil
}

// lookEvery is the pause between two looks whether a host is back.
const lookEvery = 200 * time.Millisecond

func fenceOne(ctx context.Context, d daemon, host string, wait time.Duration) fenced {
	one := fenced{Host: host}
	began := time.Now()
	if err := d.Fence(ctx, client.Fence{Target: host, Action: "reboot"}); err != nil {
		one.Err = err.Error()
		return one
	}
	one.Took = time.Since(began)
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	gone := false
	for {
		status, err := d.Status(ctx)
		if err == nil {
			i := slices.IndexFunc(status.Hosts, func(h client.HostStatus) bool { return h.Name == host })
			online := i >= 0 && status.Hosts[i].Online
			if gone = gone || !online; gone && online {
				one.Back = time.Since(began)
				return one
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			one.Err = fmt.Sprintf("it was fenced, and is not back after %s; does it boot by itself, with the daemon enabled?", wait)
			return one
		}
	}
}

func (o *outcome) print(w io.Writer) error {
	for _, f := range o.Findings {
		fmt.Fprintf(w, "%s: %s: %s\n  fix: %s\n", f.Level, f.Subject, f.Problem, f.Fix)
	}
	if len(o.Findings) > 0 {
		fmt.Fprintln(w)
	}
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	if len(o.Probes) > 0 {
		fmt.Fprintln(table, "HOST\tDEVICE\tASKED FROM\tBY\tANSWER\tTOOK")
	}
	for _, p := range o.Probes {
		answer := "ok"
		if !p.OK {
			answer = "FAILED"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", p.Target, p.Device, p.From, p.Action, answer, rounded(p.Took))
	}
	if len(o.Fenced) > 0 {
		fmt.Fprintln(table, "\nFENCED\tOFF AFTER\tBACK AFTER\tPROBLEM")
	}
	for _, h := range o.Fenced {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", h.Host, rounded(h.Took), rounded(h.Back), h.Err)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nLongest failover:")
	for _, s := range o.Failover {
		fmt.Fprintf(table, "  %s\t%s\n", s.What, rounded(s.Time))
	}
	fmt.Fprintf(table, "  together, if all fails as late as it may\t%s\n", rounded(o.Worst))
	if err := table.Flush(); err != nil {
		return err
	}
	verdict := "The cluster may go live."
	if !o.Ready {
		verdict = "The cluster must not go live."
	}
	_, err := fmt.Fprintf(w, "\n%s\n", verdict)
	return err
}

func rounded(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
