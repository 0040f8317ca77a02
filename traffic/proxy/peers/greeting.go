package peers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Answers to a greeting.
const (
	statusAccepted     = 200
	statusLater        = 300
	statusProtocol     = 501
	statusVersion      = 502
	statusNotMe        = 503
	statusNotKnown     = 504
	protocolName       = "HAProxyS"
	protocolMajor      = 2
	protocolMinor      = 1
	longestNumber      = 20
	greetingLines      = 3
	mostGreetingFields = 8
)

var statuses = map[int]string{
	statusLater: "it is to be tried again later", statusProtocol: "it did not understand the greeting", statusVersion: "it speaks another version",
	statusNotMe: "it has another name", statusNotKnown: "it does not know this process by its name, or not at this address",
}

// greet says who this process is and whom it wants to speak to.
func greet(c net.Conn, remote, local string) error {
	_ = c.SetDeadline(time.Now().Add(greetingLimit))
	text := fmt.Sprintf("%s %d.%d\n%s\n%s %d 1\n", protocolName, protocolMajor, protocolMinor, remote, local, os.Getpid())
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	line, err := readLine(c)
	if err != nil {
		return fmt.Errorf("no answer to the greeting: %w", err)
	}
	status, err := strconv.Atoi(line)
	if err == nil && status == statusAccepted {
		return nil
	}
	if why := statuses[status]; why != "" {
		return fmt.Errorf("the peer refuses with %d: %s", status, why)
	}
	return fmt.Errorf("the peer answers %.20q to the greeting", line)
}

// answerGreeting reads a greeting and answers it; known tells whether a peer of that name may come.
func answerGreeting(c net.Conn, local string, known func(name string) bool) (status int, err error) {
	_ = c.SetDeadline(time.Now().Add(greetingLimit))
	var lines [greetingLines]string
	for i := range lines {
		if lines[i], err = readLine(c); err != nil {
			return 0, err
		}
	}
	status = judge(lines, local, known)
	_, err = fmt.Fprintf(c, "%d\n", status)
	return status, err
}

func judge(lines [greetingLines]string, local string, known func(name string) bool) int {
	name, version, ok := strings.Cut(lines[0], " ")
	major, minor, dotted := strings.Cut(version, ".")
	fields := strings.Fields(lines[2])
	n, err := strconv.Atoi(minor)
	switch {
	case !ok || name != protocolName || !dotted || len(fields) == 0 || len(fields) > mostGreetingFields:
		return statusProtocol
	case major != strconv.Itoa(protocolMajor) || err != nil || n < protocolMinor:
		return statusVersion
	case lines[1] != local:
		return statusNotMe
	case !known(fields[0]):
		return statusNotKnown
	}
	return statusAccepted
}

// readLine reads up to a line's end, and nothing that follows.
func readLine(r io.Reader) (string, error) {
	var line []byte
	one := make([]byte, 1)
	for len(line) < longestGreeting {
		if _, err := io.ReadFull(r, one); err != nil {
			return "", err
		}
		if one[0] == '\n' {
			return string(bytes.TrimRight(line, "\r")), nil
		}
		line = append(line, one[0])
	}
	return "", errors.New("the line is too long")
}
