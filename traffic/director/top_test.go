package director

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo terminal of 80 columns and 24 lines: the end of who looks at it and types, and that of the program.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no pseudo terminals: ", err)
	}
	t.Cleanup(func() { person.Close() })
	fd := int(person.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err == nil {
		program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// TestLive: on a terminal the screen comes, keys change it, and q gives the terminal back as it was.
func TestLive(t *testing.T) {
	t.Parallel()
	person, program := terminal(t)
	before, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- live(t.Context(), program, program, time.Hour, func(context.Context) (Status, error) { return twoServices(), nil })
	}()
	seen := ""
	shows := func(what string) {
		t.Helper()
		b := make([]byte, 1<<16)
		for !strings.Contains(seen, what) {
			n, err := person.Read(b)
			if err != nil {
				t.Fatalf("the screen never shows %q: %v\n%q", what, err, seen)
			}
			seen += string(b[:n])
		}
		_, seen, _ = strings.Cut(seen, what)
	}
	types := func(keys string) {
		t.Helper()
		if _, err := person.WriteString(keys); err != nil {
			t.Fatal(err)
		}
	}
	shows("\x1b[?1049h")
	shows("10.0.0.22:8080")
	shows("sort: name")
	types("s")
	shows("sort: active")
	types("o")
	shows("o out*")
	types("/dns\r")
	shows("/ find: dns")
	types("q")
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	shows("\x1b[?1049l")
	if after, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS); err != nil || *after != *before {
		t.Errorf("the terminal is %+v, and was %+v (%v)", after, before, err)
	}
}
