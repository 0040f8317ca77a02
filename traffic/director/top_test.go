package director

import (
	"context"
	"testing"
	"time"

	"holdfast/golden/pty"
)

// TestLive: on a terminal the screen comes, keys change it, and q gives the terminal back as it was.
func TestLive(t *testing.T) {
	t.Parallel()
	person := pty.Open(t, 80)
	before := person.Mode()
	ended := make(chan error, 1)
	go func() {
		ended <- live(t.Context(), person.Program, person.Program, time.Hour, func(context.Context) (Status, error) { return twoServices(), nil })
	}()
	person.Shows("\x1b[?1049h")
	person.Shows("10.0.0.22:8080")
	person.Shows("sort: name")
	person.Types("s")
	person.Shows("sort: active")
	person.Types("o")
	person.Shows("o out*")
	person.Types("/dns\r")
	person.Shows("/ find: dns")
	person.Types("q")
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	person.Shows("\x1b[?1049l")
	if after := person.Mode(); after != before {
		t.Errorf("the terminal is %+v, and was %+v", after, before)
	}
}
