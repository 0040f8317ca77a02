package executor

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"holdfast/pause"
)

// slowAgent begins its start, and ends it when the file go appears; what it starts outlives it.
const slowAgent = `case $1 in
start) : > $D/began; until [ -e $D/go ]; do sleep 0.01; done; setsid sleep 3 & : > $D/active ;;
monitor) [ -e $D/active ] || exit 7 ;;
esac`

func appears(t *testing.T, file string) {
	t.Helper()
	for {
		if _, err := os.Stat(file); err == nil {
			return
		}
		if !pause.For(t.Context(), 5*time.Millisecond) {
			t.Fatalf("%s never appeared", file)
		}
	}
}

// vacant says whether nobody is at work on the resource.
func vacant(e *Executor, id string) bool {
	select {
	case e.resource(id).turn <- struct{}{}:
		e.resource(id).leave()
		return true
	default:
		return false
	}
}

// TestNextDaemonWaitsForAgentsThatAreStillAtWork: a probe that answers "not running" while the last daemon's agent
// starts the resource would let it start on another host, too.
func TestNextDaemonWaitsForAgentsThatAreStillAtWork(t *testing.T) {
	t.Parallel()
	first := newExecutor(t, slowAgent)
	root := first.config.Root
	started := make(chan Result, 1)
	go func() { started <- first.Run(t.Context(), op("start")) }()
	appears(t, filepath.Join(root, "began"))

	second := New(Config{Root: root}) // as a daemon does that takes the place of one that died
	t.Cleanup(second.Close)
	if vacant(second, "web") || !vacant(second, "other") {
		t.Fatal("want web, and nothing else, to wait for its agent")
	}
	answer := make(chan Result, 1)
	go func() { answer <- second.Run(t.Context(), op("monitor")) }()
	if err := os.WriteFile(filepath.Join(root, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := <-answer; got.Code != 0 {
		t.Errorf("the probe answers %d (%s), want 0: the start was to end before it", got.Code, got.Reason)
	}
	if got := <-started; got.Code != 0 {
		t.Errorf("the start ended with %d (%s)", got.Code, got.Reason)
	}

	third := New(Config{Root: root})
	t.Cleanup(third.Close)
	if !vacant(third, "web") {
		t.Error("what the agent has started is taken for the agent")
	}
	if left, err := os.ReadDir(third.recordDir()); err != nil || len(left) != 0 {
		t.Errorf("records are left of calls that are over: %v, %v", left, err)
	}
}

func TestLeftoverAgentIsKilledWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	first := newExecutor(t, slowAgent)
	start := op("start")
	start.Timeout = time.Hour
	ended := make(chan Result, 1)
	go func() { ended <- first.Run(t.Context(), start) }()
	appears(t, filepath.Join(first.config.Root, "began"))
	// The record says that the hour is over.
	records, err := filepath.Glob(filepath.Join(first.recordDir(), "*"))
	if err != nil || len(records) != 1 {
		t.Fatalf("records %v, %v", records, err)
	}
	text := `{"resource":"web","action":"start","path":"` + filepath.Join(first.config.Root, "usr/lib/ocf/resource.d/test/agent") + `","until":"2020-01-01T00:00:00Z"}`
	if err := os.WriteFile(records[0], []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	second := New(Config{Root: first.config.Root})
	t.Cleanup(second.Close)
	if got := <-ended; got.Status != Error || got.Reason == "" {
		t.Errorf("the agent ended with %+v, want it killed", got)
	}
	if got := second.Run(t.Context(), op("monitor")); got.Code != 7 {
		t.Errorf("the probe answers %d, want 7", got.Code)
	}
}

func TestRecordThatIsGarbageHarmsNothing(t *testing.T) {
	t.Parallel()
	first := newExecutor(t, "exit 0")
	if err := os.WriteFile(filepath.Join(first.recordDir(), "x"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := New(Config{Root: first.config.Root})
	t.Cleanup(second.Close)
	if got := second.Run(t.Context(), op("start")); got.Code != 0 {
		t.Errorf("got %+v", got)
	}
}
