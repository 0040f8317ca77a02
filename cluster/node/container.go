package node

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"holdfast/cluster/remote"
)

// Remoted is pacemaker-remoted: what a bundle's container runs, as Pacemaker has it by default.
func Remoted(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	command := remoteCommand()
	command.Use = "pacemaker-remoted"
	command.SetArgs(args)
	command.SetIn(stdin)
	command.SetOut(stdout)
	command.SetErr(stderr)
	command.SilenceUsage, command.SilenceErrors = true, true
	if err := command.Execute(); err != nil {
		fmt.Fprintf(stderr, "pacemaker-remoted: %v\n", err)
		return 1
	}
	return 0
}

// remoteAddress is where members find a remote node unless it is told otherwise: pacemaker-remoted's
// variables, which the cluster sets in a bundle's containers and the distribution's file of defaults elsewhere.
func remoteAddress(environment func(string) string) string {
	port := environment("PCMK_remote_port")
	if port == "" {
		port = strconv.Itoa(remote.Port)
	}
	return net.JoinHostPort(environment("PCMK_remote_address"), port)
}

// asInit is the first process of a container: it runs this program again, passes on what asks it to
// end, and takes in processes whose parents are gone. A server that has ended and that nobody took in
// would look alive to its agent. The answer is the program's exit status.
func asInit(stderr io.Writer) int {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	defer signal.Stop(signals)
	program, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{Env: os.Environ(), Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		fmt.Fprintf(stderr, "holdfast: start the program in the container: %v\n", err)
		return 1
	}
	for s := range signals {
		if s != syscall.SIGCHLD {
			_ = syscall.Kill(program.Pid, s.(syscall.Signal))
			continue
		}
		if status, ended := takeIn(program.Pid); ended {
			return status
		}
	}
	return 1
}

// takeIn takes in the children that have ended, and tells whether one of them was the program.
func takeIn(program int) (status int, ended bool) {
	for {
		var w syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &w, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil || pid <= 0:
			return status, ended
		case pid == program:
			status, ended = w.ExitStatus(), true
			if w.Signaled() {
				status = 128 + int(w.Signal())
			}
		}
	}
}
