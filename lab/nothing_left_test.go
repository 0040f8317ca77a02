package lab

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// holderVariable makes the test binary hold a lab until it is killed.
const holderVariable = "HOLDFAST_LAB_TEST_HOLDER"

// holdLab is the main function of a process that has a lab and is about to be killed.
func holdLab() {
	l, err := Start(context.Background(), Config{Hosts: Names("held", 2)})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	_, err = l.Host("held1").Exec(context.Background(), "sh", "-c", "setsid sleep 1000 </dev/null >/dev/null 2>&1 &")
	fmt.Println("up", err)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// machine is what a lab could leave behind.
func machine(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	links, err := filepath.Glob("/sys/class/net/*")
	must(t, err)
	return string(mounts) + strings.Join(links, " ")
}

// childrenOf returns the children of a process.
func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	must(t, err)
	var pids []int
	for _, path := range tasks {
		text, _ := os.ReadFile(path)
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			must(t, err)
			pids = append(pids, child)
		}
	}
	return pids
}

func TestNothingIsLeftWhenTheParentIsKilled(t *testing.T) {
	if err := Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	before := machine(t)
	holder := exec.Command("/proc/self/exe")
	holder.Env = append(os.Environ(), holderVariable+"=1")
	holder.Stderr = os.Stderr
	stdin, err := holder.StdinPipe()
	must(t, err)
	defer stdin.Close()
	stdout, err := holder.StdoutPipe()
	must(t, err)
	must(t, holder.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || line != "up <nil>\n" {
		t.Fatalf("the lab's holder said %q, %v", line, err)
	}
	if now := machine(t); now != before {
		t.Errorf("a running lab shows on the machine:\n%s\nbefore:\n%s", now, before)
	}
	keepers := childrenOf(t, holder.Process.Pid)
	if len(keepers) != 1 {
		t.Fatalf("the holder has children %v, want one keeper", keepers)
	}
	hosts := childrenOf(t, keepers[0])
	if len(hosts) != 3 {
		t.Fatalf("the keeper has children %v, want two hosts and the client", hosts)
	}
	pidfd, err := unix.PidfdOpen(keepers[0], 0)
	must(t, err)
	defer unix.Close(pidfd)
	must(t, holder.Process.Signal(syscall.SIGKILL))
	_ = holder.Wait()
	// The kernel ends PID 1 of a pid namespace after all else in it.
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 20_000); err != nil {
		t.Fatal(err)
	}
	for _, pid := range append(hosts, keepers...) {
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && bytes.Contains(text, []byte("holdfast-lab")) {
			t.Errorf("process %d is left: %q", pid, text)
		}
	}
	if now := machine(t); now != before {
		t.Errorf("the lab left something on the machine:\n%s\nbefore:\n%s", now, before)
	}
}

func TestOrdinaryUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("this is an ordinary user already: every test of this package runs as one")
	}
	const nobody = 65534
	again := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.v", "-test.run=^(TestHostsAreHostsOfTheirOwn|TestKilledHostKeepsItsDiskAndNothingElse|TestFullDisk|TestPartitionAndBlock|TestFenceAgent)$")
	again.Dir = "/"
	again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := again.CombinedOutput()
	if err != nil {
		t.Fatalf("as an ordinary user: %v\n%s", err, out)
	}
	if strings.Contains(string(out), "--- SKIP") {
		t.Skipf("no labs for ordinary users here:\n%s", out)
	}
}
