// Package program runs the programs that configurations name: checks, scripts that are tracked, those that are told of changes. Each has a process group of its
// own, which ends with its context, and runs as the user that the configuration says.
package program

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// User is whom a program runs as. Without a name that is ScriptUser, if the host has it, and otherwise who runs this process; without a group it is the user's.
type User struct{ Name, Group string }

// ScriptUser runs programs that name no user, when it exists (keepalived.conf(5), SCRIPTS).
const ScriptUser = "keepalived_script"

// Command makes a command that runs as the user; nil: as this process. At the end of ctx its process group is sent SIGTERM; what is still there a second later is killed.
func Command(ctx context.Context, words []string, as *User) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = time.Second
	if as == nil {
		return cmd, nil
	}
	credential, err := as.Credential()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", words[0], err)
	}
	cmd.SysProcAttr.Credential = credential
	return cmd, nil
}

// Credential looks the user up; nil: as this process.
func (u User) Credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	name := u.Name
	if name == "" {
		if _, err := user.Lookup(ScriptUser); err != nil {
			return nil, nil
		}
		name = ScriptUser
	}
	who, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("find user %s: %w", name, err)
	}
	group := who.Gid
	if u.Group != "" {
		g, err := user.LookupGroup(u.Group)
		if err != nil {
			return nil, fmt.Errorf("find group %s: %w", u.Group, err)
		}
		group = g.Gid
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user %s has the id %q: %w", name, who.Uid, err)
	}
	gid, err := strconv.ParseUint(group, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("group %s is no number: %w", group, err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// Hook is a program that runs once, at the start or end of a daemon, for at most so long.
type Hook struct {
	Call
	Timeout time.Duration
}

// Run runs it; of none nothing.
func (h *Hook) Run(ctx context.Context) error {
	if h == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	cmd, err := Command(ctx, h.Command, &h.User)
	if err == nil {
		err = cmd.Run()
	}
	if ctx.Err() == context.DeadlineExceeded {
		err = fmt.Errorf("it ran longer than its timeout of %s", h.Timeout)
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", h.Command[0], err)
	}
	return nil
}
