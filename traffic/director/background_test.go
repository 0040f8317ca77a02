package director

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Service managers learn from the file whom to watch, and that there is nobody.
func TestPIDFile(t *testing.T) {
	t.Parallel()
	b := Background{Name: "ldirectord.web", Root: t.TempDir()}
	b.PIDFile = filepath.Join(b.Root, "run", b.Name+".pid")
	if err := b.notePID(4711); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(b.PIDFile); err != nil || string(text) != "4711\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
	if err := b.Stop(t.Context()); err != nil { // no director answers: the file is what another one left behind
		t.Fatal(err)
	}
	if _, err := os.Stat(b.PIDFile); !os.IsNotExist(err) {
		t.Errorf("after a stop the file is still there: %v", err)
	}
	if err := b.Stop(t.Context()); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}

// listensAs is the environment variable with a socket that the test binary listens on, as a director that never answers.
const listensAs = "HOLDFAST_TEST_LISTENS"

// TestListens is that director; alone it is no test.
func TestListens(t *testing.T) {
	socket := os.Getenv(listensAs)
	if socket == "" {
		t.Skip("another test runs this one as a program")
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	os.Stdout.WriteString("listens\n")
	select {}
}

// TestDirectorThatStandsStill: it runs, which is not what a service manager takes for stopped; and a stop ends it.
func TestDirectorThatStandsStill(t *testing.T) {
	t.Parallel()
	b := Background{Name: "web", Root: t.TempDir()}
	if pid, err := b.Running(t.Context()); pid != 0 || err != nil {
		t.Fatalf("without a director process %d runs, %v", pid, err)
	}
	if err := os.MkdirAll(filepath.Dir(b.Socket()), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestListens$")
	cmd.Env = append(os.Environ(), listensAs+"="+b.Socket())
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(said)
	for lines.Scan() && lines.Text() != "listens" {
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if pid, err := b.listener(t.Context()); pid != cmd.Process.Pid || err != nil {
		t.Errorf("the socket is that of process %d, %v; want %d", pid, err, cmd.Process.Pid)
	}
	soon, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if pid, err := b.Running(soon); err == nil {
		t.Errorf("process %d is said to answer", pid)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := b.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	exit := (*exec.ExitError)(nil)
	if err := <-ended; !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v, want it killed", err)
	}
	if pid, err := b.Running(t.Context()); pid != 0 || err != nil {
		t.Errorf("behind a stop process %d runs, %v", pid, err)
	}
}
