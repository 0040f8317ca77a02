package process

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func sh(script string) Command {
	return Command{Path: "/bin/sh", Args: []string{"-c", script}, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}}
}

func run(t *testing.T, command Command) Ending {
	t.Helper()
	ending, err := Run(context.Background(), command)
	if err != nil {
		t.Fatal(err)
	}
	return ending
}

func TestEndings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		command        Command
		code           int
		signal         syscall.Signal
		stdout, stderr string
	}{
		"exit status":            {sh("echo out; echo err >&2; exit 7"), 7, 0, "out\n", "err\n"},
		"killed by a signal":     {sh("kill -9 $$"), -1, syscall.SIGKILL, "", ""},
		"input on stdin":         {Command{Path: "/bin/cat", Stdin: []byte("secret=x\n")}, 0, 0, "secret=x\n", ""},
		"input that nobody read": {Command{Path: "/bin/true", Stdin: make([]byte, 1<<20)}, 0, 0, "", ""},
		"a daemon keeps stdout":  {sh("sleep 300 & echo $!; exit 3"), 3, 0, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := run(t, c.command)
			if got.Code != c.code || got.Signal != c.signal || string(got.Stderr) != c.stderr {
				t.Errorf("got %+v", got)
			}
			if c.stdout != "" && string(got.Stdout) != c.stdout {
				t.Errorf("stdout %q, want %q", got.Stdout, c.stdout)
			}
			if name == "a daemon keeps stdout" {
				killDaemon(t, strings.TrimSpace(string(got.Stdout)))
			}
		})
	}
}

// killDaemon checks that the process lives and ends it.
func killDaemon(t *testing.T, pid string) {
	t.Helper()
	var n int
	for _, c := range pid {
		n = n*10 + int(c-'0')
	}
	if n == 0 {
		t.Fatalf("no pid in the output %q", pid)
	}
	if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
		t.Errorf("the agent's daemon %d did not outlive it: %v", n, err)
	}
}

func TestOutputIsCutToItsLastBytes(t *testing.T) {
	t.Parallel()
	command := sh("head -c 300000 /dev/zero | tr '\\0' x; echo; echo end")
	command.Merge = true
	got := run(t, command)
	if len(got.Stdout) != DefaultLimit || !strings.HasSuffix(string(got.Stdout), "x\nend\n") {
		t.Errorf("kept %d bytes ending in %q", len(got.Stdout), got.Stdout[max(0, len(got.Stdout)-8):])
	}
}

func TestTimeLimitKillsTheWholeGroup(t *testing.T) {
	t.Parallel()
	// Every process of the group holds the write end of a named pipe: its reader sees the end
	// of file only when all of them are gone.
	pipe := filepath.Join(t.TempDir(), "alive")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	command := sh(`exec 9>"$0"; trap '' TERM; (trap '' TERM; while :; do sleep 100; done) & echo up >&9; while :; do sleep 100; done`)
	command.Args = append(command.Args, pipe)
	command.Timeout, command.Grace = 200*time.Millisecond, 10*time.Millisecond
	gone := make(chan string)
	go func() {
		f, err := os.Open(pipe)
		if err != nil {
			gone <- err.Error()
			return
		}
		defer f.Close()
		text := ""
		for lines := bufio.NewScanner(f); lines.Scan(); {
			text += lines.Text()
		}
		gone <- text
	}()
	got := run(t, command)
	if !got.TimedOut || got.Signal != syscall.SIGKILL || got.Cancelled {
		t.Errorf("got %+v", got)
	}
	if text := <-gone; text != "up" && text != "" {
		t.Errorf("the group said %q", text)
	}
}

func TestCancelKills(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	got, err := Run(ctx, sh("sleep 300"))
	if err != nil || !got.Cancelled || got.TimedOut || got.Signal != syscall.SIGTERM {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestStartFailures(t *testing.T) {
	t.Parallel()
	if _, err := Run(context.Background(), Command{Path: "/nowhere/agent"}); !os.IsNotExist(err) {
		t.Errorf("missing program: %v", err)
	}
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(context.Background(), Command{Path: plain}); !os.IsPermission(err) {
		t.Errorf("program that is not executable: %v", err)
	}
}
