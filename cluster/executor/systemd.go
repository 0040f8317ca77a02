package executor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"

	"holdfast/pause"
)

// ErrNoSystemd says that systemd does not run on this host.
var ErrNoSystemd = errors.New("systemd does not run on this host")

// Units starts and stops systemd units. The real one speaks D-Bus to systemd
// (org.freedesktop.systemd1(5)).
type Units interface {
	// Change runs the job start, stop, restart or reload of a unit and waits for its end.
	// Its result is systemd's: done, canceled, timeout, failed, dependency, skipped.
	Change(ctx context.Context, unit, job string) (result string, err error)
	// State returns a unit's LoadState and ActiveState.
	State(ctx context.Context, unit string) (load, active string, err error)
}

func unitName(name string) string {
	if filepath.Ext(name) != "" && !strings.HasPrefix(filepath.Ext(name), ".@") {
		switch filepath.Ext(name) {
		case ".service", ".socket", ".mount", ".timer", ".path", ".target":
			return name
		}
	}
	return name + ".service"
}

// callUnit runs an operation on a systemd unit.
func (e *Executor) callUnit(ctx context.Context, op Operation) Result {
	limited, cancel := context.WithTimeout(ctx, op.Timeout)
	defer cancel()
	unit := unitName(op.Agent.Type)
	var r Result
	switch op.Action {
	case "monitor", "status":
		r = e.checkUnit(limited, op, unit)
	case "start", "stop", "reload", "restart":
		r = e.changeUnit(limited, op, unit)
	case "meta-data":
		return e.describe(ctx, op)
	case "validate-all":
		return Result{}
	default:
		return unsupported(op)
	}
	switch {
	case ctx.Err() != nil:
		r.Code, r.Status = CodeError, Cancelled
	case limited.Err() != nil && r.Status != Done:
		r.Code, r.Status = CodeError, TimedOut
		r.Reason = fmt.Sprintf("%s: systemd did not %s %s within %s; see: systemctl status %s", op.Resource, op.Action, unit, op.Timeout, unit)
	}
	return r
}

func (e *Executor) changeUnit(ctx context.Context, op Operation, unit string) Result {
	if op.Action == "stop" {
		// Stopping what was never there is done.
		if load, _, err := e.units.State(ctx, unit); err == nil && load == "not-found" {
			return Result{}
		}
	} else if load, _, err := e.units.State(ctx, unit); err == nil && load == "not-found" {
		return noUnit(op, unit)
	}
	outcome, err := e.units.Change(ctx, unit, op.Action)
	switch {
	case errors.Is(err, ErrNoSystemd):
		return Result{Code: CodeNotInstalled, Status: NotInstalled, Reason: fmt.Sprintf("%s: %s unit %s: %v", op.Resource, op.Action, unit, err)}
	case err != nil:
		return Result{Code: CodeError, Status: Error, Reason: fmt.Sprintf("%s: %s unit %s: %v", op.Resource, op.Action, unit, err)}
	case outcome != "done":
		return Result{Code: CodeError, Reason: fmt.Sprintf("%s: %s of unit %s ended as %q; see: systemctl status %s", op.Resource, op.Action, unit, outcome, unit)}
	}
	return Result{}
}

func noUnit(op Operation, unit string) Result {
	return Result{Code: CodeNotInstalled, Status: NotInstalled, Reason: fmt.Sprintf(
		"%s: systemd knows no unit %s; install its package, or correct the agent's name in the configuration", op.Resource, unit)}
}

const unitPoll = 200 * time.Millisecond

// checkUnit monitors a unit. One on its way up or down is looked at again until it has arrived.
func (e *Executor) checkUnit(ctx context.Context, op Operation, unit string) Result {
	for {
		load, active, err := e.units.State(ctx, unit)
		switch {
		case errors.Is(err, ErrNoSystemd):
			return Result{Code: CodeNotInstalled, Status: NotInstalled, Reason: fmt.Sprintf("%s: look at unit %s: %v", op.Resource, unit, err)}
		case err != nil:
			return Result{Code: CodeError, Status: Error, Reason: fmt.Sprintf("%s: look at unit %s: %v", op.Resource, unit, err)}
		case load == "not-found":
			return noUnit(op, unit)
		}
		switch active {
		case "active", "reloading", "refreshing":
			return Result{Code: CodeOK, Output: active + "\n"}
		case "activating", "deactivating":
			if !pause.For(ctx, unitPoll) {
				return Result{Code: CodeError, Status: Error, Output: active + "\n", Reason: fmt.Sprintf("%s: unit %s is still %s", op.Resource, unit, active)}
			}
		default:
			r := Result{Code: CodeNotRunning, Output: active + "\n"}
			if active == "failed" {
				r.Reason = fmt.Sprintf("%s: unit %s has failed; see: systemctl status %s", op.Resource, unit, unit)
			}
			return r
		}
	}
}

// bus is systemd over D-Bus, connected at first use and again after a failure.
type bus struct {
	root string
	mu   sync.Mutex // guards conn
	conn *dbus.Conn
}

func (b *bus) connect(ctx context.Context) (*dbus.Conn, error) {
	if _, err := os.Stat(filepath.Join(b.root, "run/systemd/system")); err != nil {
		return nil, fmt.Errorf("%w (no directory /run/systemd/system); use class ocf or lsb here", ErrNoSystemd)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn != nil && b.conn.Connected() {
		return b.conn, nil
	}
	if b.conn != nil {
		b.conn.Close()
		b.conn = nil
	}
	// The connection outlives the call that made it.
	conn, err := dbus.NewWithContext(context.WithoutCancel(ctx))
	if err != nil {
		return nil, fmt.Errorf("connect to systemd over D-Bus: %w", err)
	}
	b.conn = conn
	return conn, nil
}

// Close closes the connection.
func (b *bus) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn != nil {
		b.conn.Close()
		b.conn = nil
	}
	return nil
}

func (b *bus) State(ctx context.Context, unit string) (load, active string, err error) {
	conn, err := b.connect(ctx)
	if err != nil {
		return "", "", err
	}
	properties, err := conn.GetUnitPropertiesContext(ctx, unit)
	if err != nil {
		return "", "", err
	}
	load, _ = properties["LoadState"].(string)
	active, _ = properties["ActiveState"].(string)
	return load, active, nil
}

func (b *bus) Change(ctx context.Context, unit, job string) (string, error) {
	conn, err := b.connect(ctx)
	if err != nil {
		return "", err
	}
	if job == "start" || job == "stop" {
		if err := b.override(ctx, conn, unit, job); err != nil {
			return "", err
		}
	}
	jobs := map[string]func(context.Context, string, string, chan<- string) (int, error){
		"start": conn.StartUnitContext, "stop": conn.StopUnitContext, "restart": conn.RestartUnitContext, "reload": conn.ReloadUnitContext,
	}
	ended := make(chan string, 1)
	if _, err := jobs[job](ctx, unit, "replace", ended); err != nil {
		return "", err
	}
	select {
	case result := <-ended:
		return result, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// override keeps systemd from restarting what the cluster watches, and at shutdown from
// stopping it before the cluster does. It lasts while the cluster runs the unit.
func (b *bus) override(ctx context.Context, conn *dbus.Conn, unit, job string) error {
	dir := filepath.Join(b.root, "run/systemd/system", unit+".d")
	file := filepath.Join(dir, "50-holdfast.conf")
	if job == "stop" {
		if os.Remove(file) != nil {
			return nil
		}
		return conn.ReloadContext(ctx)
	}
	text := "# Made by holdfast while the cluster runs this unit.\n[Unit]\nBefore=holdfast.service\n"
	if strings.HasSuffix(unit, ".service") {
		text += "[Service]\nRestart=no\n"
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("override unit: %w", err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("override unit: %w", err)
	}
	return conn.ReloadContext(ctx)
}
