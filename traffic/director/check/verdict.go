package check

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"holdfast/pause"
)

// Verdict makes of answers whether a server is in. It is a value without clock or lock.
type Verdict struct {
	Fall int // failures in a row that take the server out; at least 1
	Rise int // successes in a row that bring it back; at least 1
	In   bool

	streak int // answers in a row against In
}

// Answer takes one answer, and tells whether the verdict changed.
func (v *Verdict) Answer(good bool) (changed bool) {
	if good == v.In {
		v.streak = 0
		return false
	}
	v.streak++
	needed := v.Rise
	if v.In {
		needed = v.Fall
	}
	if v.streak < needed {
		return false
	}
	v.In, v.streak = good, 0
	return true
}

// asConfigured is what an answer says that names no weight.
const asConfigured = -1

// Watcher asks one server on an interval.
type Watcher struct {
	Check Check
	// Deeper, if it is not nil, is asked in place of Check each Every'th time, the first time of all too.
	Deeper *Check
	Every  int
	// Asleep, if it is not nil, tells that nothing is to be asked now.
	Asleep func() bool
	// Interval is from the start of one question to the next; while the server is out, or an answer was against the verdict, it
	// is Retry, if that is not 0. A sparing watcher asks a server that is out on the interval.
	Interval, Retry time.Duration
	Sparing         bool
	// Jitter is the share of the interval by which questions come earlier, at random, so that many servers are not asked at once.
	Jitter float64
	// Warmup is how long the first question waits at most, at random; nil: Jitter's share of the interval.
	Warmup  *time.Duration
	Verdict Verdict
	Random  *rand.Rand // for Jitter; nil: none
}

// Watch asks until ctx ends. It tells the first answer, and then every change of the verdict, with what was wrong; and, with a *Weighed or nil,
// every change of the weight that an answer says.
func (w Watcher) Watch(ctx context.Context, tell func(in bool, why error)) {
	if w.Random != nil {
		longest := w.Jitter * float64(w.Interval)
		if w.Warmup != nil {
			longest = float64(*w.Warmup)
		}
		if !pause.For(ctx, time.Duration(w.Random.Float64()*longest)) {
			return
		}
	}
	first, weight := true, asConfigured
	for n := 0; ; n++ {
		asked := time.Now()
		if w.Asleep != nil && w.Asleep() {
			if !pause.For(ctx, w.pause()) {
				return
			}
			continue
		}
		c := w.Check
		if w.Deeper != nil && n%max(1, w.Every) == 0 {
			c = *w.Deeper
		}
		err := c.Run(ctx)
		if ctx.Err() != nil {
			return
		}
		now := asConfigured
		if weighed := (*Weighed)(nil); errors.As(err, &weighed) {
			now = weighed.Weight
		}
		good := err == nil || now != asConfigured
		if w.Verdict.Answer(good) || first || good && w.Verdict.In && now != weight {
			tell(w.Verdict.In, err)
			weight = now
		}
		first = false
		if !pause.For(ctx, w.pause()-time.Since(asked)) {
			return
		}
	}
}

func (w *Watcher) pause() time.Duration {
	pause := w.Interval
	if w.Retry > 0 && (w.Verdict.streak > 0 || !w.Verdict.In && !w.Sparing) {
		pause = w.Retry
	}
	if w.Random != nil {
		pause -= time.Duration(w.Random.Float64() * w.Jitter * float64(pause)) // never longer: how soon a server is out is promised
	}
	return pause
}
