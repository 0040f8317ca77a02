package vrrp

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"

	"holdfast/traffic/vrrp/config"
)

// scriptUser runs programs that name no user, when it exists (keepalived.conf(5), SCRIPTS).
const scriptUser = "keepalived_script"

// prepared makes a command that runs as the user, in a process group of its own that ends with ctx.
func prepared(ctx context.Context, words []string, as config.User) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = time.Second
	credential, err := credential(as)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", words[0], err)
	}
	cmd.SysProcAttr.Credential = credential
	return cmd, nil
}

// credential looks a user up; nil: as this process.
func credential(as config.User) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	name := as.Name
	if name == "" {
		if _, err := user.Lookup(scriptUser); err != nil {
			return nil, nil
		}
		name = scriptUser
	}
	who, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("find user %s: %w", name, err)
	}
	group := who.Gid
	if as.Group != "" {
		g, err := user.LookupGroup(as.Group)
		if err != nil {
			return nil, fmt.Errorf("find group %s: %w", as.Group, err)
		}
		group = g.Gid
	}
	uid, _ := strconv.ParseUint(who.Uid, 10, 32)
	gid, _ := strconv.ParseUint(group, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// watchScript runs a tracked script every interval and tells the first verdict, and each change of it; known is the one that a script goes on with. It ends with
// ctx.
func watchScript(ctx context.Context, s config.Script, known *bool, log *slog.Logger, tell func(well bool)) {
	well, streak := !s.InitiallyFailed, 0
	if known != nil {
		well = *known
	}
	beat := time.NewTicker(s.Interval)
	defer beat.Stop()
	for first := true; ; first = false {
		err := runScript(ctx, s)
		if ctx.Err() != nil {
			return
		}
		if (err == nil) == well {
			streak = 0
			if first && known == nil {
				tell(well)
			}
		} else if streak++; streak >= s.Needed(well) || first && known == nil && s.InitiallyFailed {
			well, streak = !well, 0
			if !well {
				log.Warn("a tracked script fails", "script", s.Name, "error", err)
			}
			tell(well)
		}
		select {
		case <-beat.C:
		case <-ctx.Done():
			return
		}
	}
}

func runScript(ctx context.Context, s config.Script) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	cmd, err := prepared(ctx, s.Command, s.User)
	if err != nil {
		return err
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		if ctx.Err() == context.DeadlineExceeded {
			return fmt.Errorf("it ran longer than its timeout of %s", s.Timeout)
		}
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(output.String()))
	}
	return nil
}

// notice is one run of a notify program.
type notice struct {
	words []string
	as    config.User
}

// runNotices runs programs one after the other until the channel is closed.
func runNotices(ctx context.Context, notices <-chan notice, log *slog.Logger) {
	for n := range notices {
		cmd, err := prepared(ctx, n.words, n.as)
		if err == nil {
			var output []byte
			if output, err = cmd.CombinedOutput(); err != nil {
				err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(output)))
			}
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("a notify program failed", "program", n.words[0], "error", err)
		}
	}
}
