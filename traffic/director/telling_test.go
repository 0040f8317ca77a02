package director

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/traffic/director/config"
	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/virtualserver"
	"holdfast/traffic/keepalived"
)

// TestPipesAreToldAsKeepalivedDoes: each server and service that comes or goes is a line in the pipe of a keepalived.conf; scripts run at the start and at the end.
func TestPipesAreToldAsKeepalivedDoes(t *testing.T) {
	t.Parallel()
	dir, server := t.TempDir(), listen(t, "127.0.0.1:0")
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	told, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { told.Close() })
	_, port, _ := net.SplitHostPort(server.Addr().String())
	tree, err := keepalived.Read(keepalived.Texts{"k.conf": "global_defs {\n lvs_notify_fifo " + pipe + "\n startup_script \"/bin/mkdir " + dir + "/began\"\n shutdown_script \"/bin/mkdir " + dir + "/ended\"\n script_user root\n}\n" +
		"virtual_server 192.0.2.1 80 {\n delay_loop 0.05\n delay_before_retry 0.05\n retry 0\n alpha\n lvs_sched rr\n real_server 127.0.0.1 " + port + " {\n TCP_CHECK {\n }\n }\n}\n"}, "k.conf", "here")
	if err != nil {
		t.Fatal(err)
	}
	c, err := virtualserver.Compile(tree, config.Literal{})
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, plane.NewMemory(), c)
	lines := bufio.NewScanner(told)
	says := func(want ...string) {
		t.Helper()
		for _, line := range want {
			if !lines.Scan() || lines.Text() != line {
				t.Fatalf("the pipe says %q, want %q", lines.Text(), line)
			}
		}
	}
	of := "[192.0.2.1]:tcp:80 "
	real := "RS [127.0.0.1]:tcp:" + port + " " + of
	says("VS "+of+"DOWN", real+"UP", "VS "+of+"UP")
	server.Close()
	says(real+"DOWN", "VS "+of+"DOWN")
	r.end()
	for _, name := range []string{"began", "ended"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(pipe); err == nil {
		t.Error("the pipe is there still")
	}
}
