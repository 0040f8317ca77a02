package vrrp

import (
	"strings"
	"syscall"
	"testing"
)

// TestStatesAreWrittenIntoPipes: each state of an instance and of its group is a line, as keepalived writes it; the pipe's script reads them, and both are gone at the end.
func TestStatesAreWrittenIntoPipes(t *testing.T) {
	t.Parallel()
	l := startLab(t, "one")
	one := l.Host("one")
	prepare(t, one, "global_defs {\n notify_fifo /states\n notify_fifo_script /reader.sh\n}\nvrrp_sync_group G {\n group {\n VI_1\n }\n}\n"+configured("200"))
	write(t, one, "/reader.sh", "#!/bin/sh\nwhile read line; do echo $line >> /told; done < $1\n")
	j, running := start(t, one, "holdfast", "vrrp", "-f", "/k.conf")
	j.wait(t, 0, nowActive)
	if _, err := one.Cut(0); err != nil {
		t.Fatal(err)
	}
	told := said(t, one, "busybox", "timeout", "60", "sh", "-c", `until grep -q "GROUP .* FAULT" /told; do busybox sleep 0.1; done; cat /told`)
	want := `INSTANCE "VI_1" BACKUP 200
GROUP "G" BACKUP 0
INSTANCE "VI_1" MASTER 200
GROUP "G" MASTER 0
INSTANCE "VI_1" FAULT 200
GROUP "G" FAULT 0
`
	if told != want {
		t.Errorf("the script was told\n%s\nwant\n%s", told, want)
	}
	if err := running.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-j.ended
	if left := said(t, one, "sh", "-c", "ls /states 2>/dev/null; pgrep -f '[r]eader.sh'; true"); strings.TrimSpace(left) != "" {
		t.Errorf("at the end there is still %s", left)
	}
}
