package attributes

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func set(host, name, value string) Update { return Update{Key: Key{host, name}, Value: value} }

func TestDamper(t *testing.T) {
	t.Parallel()
	var d Damper
	start := time.Unix(1000, 0)
	var log strings.Builder
	show := func(what string, b Batch) {
		fmt.Fprintf(&log, "%s:", what)
		for _, u := range b.Writes {
			fmt.Fprintf(&log, " %s.%s=%s", u.Host, u.Name, u.Value)
		}
		if !b.Wake.IsZero() {
			fmt.Fprintf(&log, " wake +%s", b.Wake.Sub(start))
		}
		log.WriteByte('\n')
	}
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	show("undamped", d.Update(at(0), set("a", "x", "1"), -1))
	show("damped", d.Update(at(0), set("a", "ping", "100"), 5*time.Second))
	show("the same again", d.Update(at(3), set("a", "ping", "100"), -1))
	show("another value waits anew", d.Update(at(4), set("a", "ping", "0"), -1))
	show("another host", d.Update(at(5), set("b", "ping", "0"), -1))
	show("undamped goes past", d.Update(at(6), set("a", "x", "2"), -1))
	show("too early", d.Tick(at(8)))
	show("first is due", d.Tick(at(9)))
	show("back", d.Update(at(9), set("b", "ping", "100"), -1))
	show("dampening ends", d.Update(at(10), set("b", "ping", "50"), 0))
	const want = `undamped: a.x=1
damped: wake +5s
the same again: wake +5s
another value waits anew: wake +9s
another host: wake +9s
undamped goes past: a.x=2 wake +9s
too early: wake +9s
first is due: a.ping=0 wake +10s
back: wake +14s
dampening ends: b.ping=50
`
	if log.String() != want {
		t.Errorf("got\n%s\nwant\n%s", log.String(), want)
	}
}

func TestKeeperWritesWhenValuesStandStill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var written []string
		began := time.Now()
		k := NewKeeper(func(u Update) error {
			mu.Lock()
			defer mu.Unlock()
			written = append(written, fmt.Sprintf("%s %s=%s", time.Since(began), u.Name, u.Value))
			if u.Value == "bad" {
				return errors.New("refused")
			}
			return nil
		}, func(u Update, err error) {
			mu.Lock()
			defer mu.Unlock()
			written = append(written, u.Name+": "+err.Error())
		})
		for _, value := range []string{"100", "0", "100"} {
			if err := k.Set(set("a", "ping", value), 5*time.Second); err != nil {
				t.Error(err)
			}
			<-time.After(2 * time.Second)
		}
		if got, ok := k.Pending(Key{"a", "ping"}); !ok || got.Value != "100" {
			t.Errorf("pending %v, %v", got, ok)
		}
		<-time.After(10 * time.Second)
		if err := k.Set(set("a", "x", "bad"), -1); err == nil {
			t.Error("a refused write is not told")
		}
		if err := k.Set(set("a", "ping", "7"), -1); err != nil {
			t.Error(err)
		}
		k.Close()
		if err := k.Set(set("a", "x", "1"), -1); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if got := fmt.Sprint(written); got != "[9s ping=100 16s x=bad 16s ping=7]" {
			t.Errorf("written %s", got)
		}
	})
}

func TestDelayAndFlushOfWhatIsHeldBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex // the keeper writes from its own goroutine and from its caller's
		var written []string
		k := NewKeeper(func(u Update) error {
			mu.Lock()
			defer mu.Unlock()
			written = append(written, fmt.Sprintf("%s %s=%s", time.Since(began), u.Name, u.Value))
			return nil
		}, func(u Update, err error) { t.Errorf("%v: %v", u, err) })
		for _, step := range []func() error{
			func() error { return k.Set(set("a", "ping", "1"), time.Minute) },
			func() error { return k.Delay("ping", 2*time.Second) }, // ends the wait in two seconds
			func() error { <-time.After(3 * time.Second); return k.Set(set("a", "ping", "2"), -1) },
			k.Flush, // ends it at once
			func() error { return k.Set(set("a", "ping", "3"), -1) },
			func() error { return k.Delay("ping", time.Minute) }, // a longer one is for values to come
			func() error { <-time.After(3 * time.Second); return nil },
		} {
			if err := step(); err != nil {
				t.Error(err)
			}
		}
		k.Close()
		if got, want := strings.Join(written, ", "), "2s ping=1, 3s ping=2, 5s ping=3"; got != want {
			t.Errorf("written %s, want %s", got, want)
		}
		if k.Flush() == nil || k.Delay("ping", 0) == nil {
			t.Error("a closed keeper takes changes")
		}
	})
}
