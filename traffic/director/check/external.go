package check

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"syscall"
	"time"
)

// askExternal runs the program; its whole process group is killed when the time is over.
func askExternal(ctx context.Context, c Check, _ net.Conn) error {
	if len(c.Command) == 0 {
		return fmt.Errorf("no program is given")
	}
	cmd := exec.CommandContext(ctx, c.Command[0], c.Command[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", c.Command[0], err, printable(bytes.TrimSpace(output.Bytes()[:min(output.Len(), maxLine)])))
	}
	return nil
}
