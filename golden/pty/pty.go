// Package pty is a pseudo terminal for tests, with somebody in front of it: interactive programs are typed to
// and looked at as a person does it, waiting for what appears.
//
// The package starts no goroutine; Shows blocks until the program has written what is awaited.
package pty

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Screen is the person's end of a terminal.
type Screen struct {
	Program *os.File // the program's end: its standard input and output
	t       *testing.T
	person  *os.File
	seen    string // what was written and not looked at yet
}

// Open makes a terminal of so many columns and 24 lines, which lasts as long as the test. The test is skipped where
// there are no pseudo terminals.
func Open(t *testing.T, columns uint16) *Screen {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no pseudo terminals: ", err)
	}
	t.Cleanup(func() { person.Close() })
	s := &Screen{t: t, person: person}
	fd := int(person.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns})
	}
	if err == nil {
		s.Program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Program.Close() })
	return s
}

// Types types keys.
func (s *Screen) Types(keys string) {
	s.t.Helper()
	if _, err := s.person.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// patience is how long Shows waits for the program's next output: a program that waits for a key while the person
// waits for the program is told apart from a slow one.
const patience = 2 * time.Minute

// Shows waits until the program writes what, and returns what it wrote before that.
func (s *Screen) Shows(what string) string {
	s.t.Helper()
	b := make([]byte, 1<<16)
	for !strings.Contains(s.seen, what) {
		n, err := s.read(b)
		if err != nil {
			s.t.Fatalf("the screen never shows %q: %v\n%q", what, err, s.seen)
		}
		s.seen += string(b[:n])
	}
	before, after, _ := strings.Cut(s.seen, what)
	s.seen = after
	return before
}

// read reads what the program has written, once there is something.
func (s *Screen) read(b []byte) (int, error) {
	fds := []unix.PollFd{{Fd: int32(s.person.Fd()), Events: unix.POLLIN}}
	for end := time.Now().Add(patience); ; {
		switch n, err := unix.Poll(fds, int(time.Until(end).Milliseconds())); {
		case err == unix.EINTR && time.Now().Before(end):
		case err != nil:
			return 0, fmt.Errorf("poll the terminal: %w", err)
		case n == 0:
			return 0, fmt.Errorf("nothing more for %v", patience)
		default:
			return s.person.Read(b)
		}
	}
}

// Mode is how the terminal treats keys and output at the moment.
func (s *Screen) Mode() unix.Termios {
	s.t.Helper()
	mode, err := unix.IoctlGetTermios(int(s.Program.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return *mode
}
