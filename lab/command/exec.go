package command

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"holdfast/lab"
)

// exitStatus is the status of the command that ran in the host.
type exitStatus int

func (exitStatus) Error() string   { return "" }
func (e exitStatus) ExitCode() int { return int(e) }

func (n *labName) exec() *cobra.Command {
	var detach bool
	command := &cobra.Command{
		Use:   "exec HOST COMMAND [ARGUMENT…]",
		Short: "run a command in a host; its exit status is this one's",
		Example: "  holdfast lab exec host1 crm_mon -1\n" +
			"  holdfast lab exec client curl http://10.77.0.100/\n" +
			"  holdfast lab exec --detach host1 sleep 1000",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return fmt.Errorf("lab exec needs a host and a command: holdfast lab exec host1 crm_mon -1")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			l, err := n.open()
			if err != nil {
				return err
			}
			line := args[1:]
			if line[0] == "--" && len(line) > 1 { // as ssh and kubectl users write it
				line = line[1:]
			}
			p := lab.Process{Command: lab.Command{Args: line, Detach: detach}}
			if !detach {
				p.Stdin, p.Stdout, p.Stderr = os.Stdin, os.Stdout, os.Stderr
			}
			running, err := l.Host(args[0]).Start(p)
			if err != nil || detach {
				return err
			}
			return await(running)
		},
	}
	command.Flags().BoolVarP(&detach, "detach", "d", false, "do not wait; it goes on in the host")
	command.Flags().SetInterspersed(false) // what follows the host is the command's
	return command
}

// await waits for the command and passes signals on to it.
func await(running *lab.Running) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer close(signals)
	defer signal.Stop(signals)
	go func() {
		for s := range signals {
			_ = running.Signal(s.(syscall.Signal))
		}
	}()
	err := running.Wait()
	var exit *lab.ExitError
	if errors.As(err, &exit) {
		if exit.Signal != 0 {
			return exitStatus(128 + int(exit.Signal))
		}
		return exitStatus(exit.Code)
	}
	return err
}
