package executor

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/pause"
)

// The first monitor after a start leaves the processor to what waited for that start.
func TestFirstCallGivesWayToChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		begin time.Duration // of a start of something else, after the call is due; <0: none
		lasts time.Duration
		want  time.Duration // when the call comes
	}{
		{"nothing else happens", -1, 0, giveWayAtLeast},
		{"what follows arrives a little later", time.Millisecond, 50 * time.Millisecond, 51 * time.Millisecond},
		{"what follows takes long", time.Millisecond, time.Minute, giveWayAtLeast + giveWayAtMost},
		{"what comes later does not count", 2 * giveWayAtLeast, time.Minute, giveWayAtLeast},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := New(Config{Root: t.TempDir()})
				began := time.Now()
				if c.begin >= 0 {
					go func() {
						r := e.resource("other")
						pause.For(t.Context(), c.begin)
						e.beginChange(r)
						pause.For(t.Context(), c.lasts)
						e.endChange(r)
					}()
				}
				if !e.giveWay(t.Context()) || time.Since(began) != c.want {
					t.Errorf("came after %v, want %v", time.Since(began), c.want)
				}
			})
		})
	}
}

func TestFirstCallThatIsCancelledDoesNotCome(t *testing.T) {
	t.Parallel()
	e := New(Config{Root: t.TempDir()})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e.giveWay(ctx) {
		t.Error("it comes although it was cancelled")
	}
}
