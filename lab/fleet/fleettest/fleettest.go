// Package fleettest is what tests of whole clusters share: it makes a fleet that dies with the
// test, waits for states with the test's own patience, and tells what the hosts logged when the
// test failed. It starts no goroutine.
package fleettest

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet"
)

// Patience is how long a test waits for anything. It is far longer than anything takes on a
// machine that has time: a starved one is no failure.
const Patience = 90 * time.Second

// Fleet is a fleet with its test.
type Fleet struct {
	*fleet.Fleet
	t   testing.TB
	Ctx context.Context
}

// Start makes a cluster that has agreed on a view, or skips the test with the reason.
func Start(t testing.TB, c fleet.Config) *Fleet {
	t.Helper()
	f := Begin(t, Patience, c)
	f.Must(f.Ready(f.Ctx))
	return f
}

// Begin makes a fleet for a test that may take as long as limit, and does not wait for its view.
func Begin(t testing.TB, limit time.Duration, c fleet.Config) *Fleet {
	t.Helper()
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	started, err := fleet.Start(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	f := &Fleet{Fleet: started, t: t, Ctx: ctx}
	t.Cleanup(func() {
		if t.Failed() {
			f.tell()
		}
		f.Close()
	})
	return f
}

// Root skips the test unless it runs as root.
func Root(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("the services of this test need root")
	}
}

// Needs skips the test unless the files are there.
func Needs(t testing.TB, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			t.Skipf("what this test runs is not installed: %v", err)
		}
	}
}

// Renew gives the test its whole patience again, for the next of several trials.
func (f *Fleet) Renew() {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	f.t.Cleanup(cancel)
	f.Ctx = ctx
}

// tell logs what the hosts' daemons wrote.
func (f *Fleet) tell() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, h := range f.Hosts() {
		out, err := h.Exec(ctx, "sh", "-c", "tail -n 60 /var/log/boot.log; timeout 5 crm_mon -1rf; timeout 5 holdfast events -a -n 60")
		f.t.Logf("%s: %v\n%s", h.Name(), err, out)
	}
}

// Must ends the test at an error.
func (f *Fleet) Must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// Run runs a command on a host, with input, and returns what it printed; its failure ends the test.
func (f *Fleet) Run(host, input string, args ...string) string {
	f.t.Helper()
	out, err := f.Try(host, input, args...)
	if err != nil {
		f.t.Fatalf("%s: %s: %v\n%s", host, strings.Join(args, " "), err, out)
	}
	return out
}

// Try is Run for a command that may fail.
func (f *Fleet) Try(host, input string, args ...string) (string, error) {
	var out strings.Builder
	running, err := f.Host(host).Start(lab.Process{Command: lab.Command{Args: args}, Stdin: strings.NewReader(input), Stdout: &out, Stderr: &out})
	if err != nil {
		return "", err
	}
	err = running.Wait()
	return out.String(), err
}

// Program puts a script on every host.
func (f *Fleet) Program(path, script string) {
	f.t.Helper()
	for _, h := range f.Hosts() {
		f.Run(h.Name(), "#!/bin/sh\n"+script+"\n", "sh", "-c", fmt.Sprintf("mkdir -p $(dirname %s) && cat > %[1]s && chmod 755 %[1]s", path))
	}
}

// Until waits until done has no error any more.
func (f *Fleet) Until(done func() error) {
	f.t.Helper()
	f.Must(fleet.Await(f.Ctx, done))
}

// Shows waits until a command on a host prints all of the words.
func (f *Fleet) Shows(host string, words []string, args ...string) {
	f.t.Helper()
	f.Until(func() error {
		out, err := f.Try(host, "", args...)
		for _, w := range words {
			if !strings.Contains(out, w) {
				return fmt.Errorf("%s on %s (%v) does not say %q:\n%s", strings.Join(args, " "), host, err, w, out)
			}
		}
		return nil
	})
}

// Runs waits until a resource runs somewhere but on the hosts named, and returns where.
func (f *Fleet) Runs(resource string, notOn ...string) string {
	f.t.Helper()
	var at string
	f.Until(func() (err error) {
		if at, err = f.Active(f.Ctx, resource); err != nil {
			return err
		}
		for _, host := range append(notOn, "") {
			if at == host {
				return fmt.Errorf("%s runs on %q", resource, at)
			}
		}
		return nil
	})
	return at
}

// Others are the names of the hosts but some.
func (f *Fleet) Others(but ...string) []string {
	var names []string
	for _, h := range f.Hosts() {
		if !strings.Contains(" "+strings.Join(but, " ")+" ", " "+h.Name()+" ") {
			names = append(names, h.Name())
		}
	}
	return names
}

// Sh has a host's shell run a command that has to succeed, and returns what it printed.
func (f *Fleet) Sh(host, command string) string {
	f.t.Helper()
	return f.Run(host, "", "sh", "-c", command)
}

// Everywhere is Sh on every host.
func (f *Fleet) Everywhere(command string) {
	f.t.Helper()
	for _, h := range f.Hosts() {
		f.Sh(h.Name(), command)
	}
}

// Says waits until a shell's command on a host succeeds and prints what matches each pattern, a
// regular expression whose ^ and $ are those of lines.
func (f *Fleet) Says(host, command string, patterns ...string) string {
	f.t.Helper()
	var out string
	f.Until(func() (err error) {
		if out, err = f.Try(host, "", "sh", "-c", command); err != nil {
			return fmt.Errorf("%s# %s: %w\n%s", host, command, err, out)
		}
		for _, pattern := range patterns {
			if !regexp.MustCompile("(?m)" + pattern).MatchString(out) {
				return fmt.Errorf("%s# %s does not say %q:\n%s", host, command, pattern, out)
			}
		}
		return nil
	})
	return out
}

// Settled waits until a host's cluster has nothing left to do.
func (f *Fleet) Settled(host string) {
	f.t.Helper()
	end, _ := f.Ctx.Deadline()
	f.Must(f.Client(host).Wait(f.Ctx, time.Until(end)))
}
