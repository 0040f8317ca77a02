package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"holdfast/traffic/program"
)

// askExternal runs the program; its whole process group is killed when the time is over.
func askExternal(ctx context.Context, c Check, _ net.Conn) error {
	if len(c.Command) == 0 {
		return fmt.Errorf("no program is given")
	}
	cmd, err := program.Command(ctx, c.Command, c.User)
	if err != nil {
		return err
	}
	cmd.Env = c.Environment
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err = cmd.Run()
	const least = 2 // status that says a weight, of 0
	if exit := (*exec.ExitError)(nil); c.Weighs && errors.As(err, &exit) && exit.ExitCode() >= least {
		return &Weighed{exit.ExitCode() - least}
	}
	if err != nil {
		said := bytes.TrimSpace(output.Bytes()[:min(output.Len(), maxLine)])
		if len(said) == 0 {
			return fmt.Errorf("%s: %w", c.Command[0], err)
		}
		return fmt.Errorf("%s: %w: %s", c.Command[0], err, printable(said))
	}
	return nil
}

// askFile reads a number, which makes the server's weight; one that leaves none takes the server out. A file that is not there says 0.
func askFile(_ context.Context, c Check, _ net.Conn) error {
	if len(c.Command) != 1 {
		return fmt.Errorf("no file is given")
	}
	text, err := os.ReadFile(c.Command[0])
	if errors.Is(err, fs.ErrNotExist) {
		text, err = []byte("0"), nil
	}
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("%s has no number in it", c.Command[0])
	}
	weight := c.Base + n*c.Factor
	if c.Factor == 0 && n != 0 || n != 0 && weight < 1 {
		return fmt.Errorf("%s says %d", c.Command[0], n)
	}
	return &Weighed{min(weight, math.MaxUint16)}
}
