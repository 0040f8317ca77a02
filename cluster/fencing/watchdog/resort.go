package watchdog

import "time"

// LastResort wraps a judge of Guarding's. When the host has not been allowed to go on for three fifths of a
// device's time limit, act ends it in another way than the device would; it is called once, as what it does may fail,
// and the device then does the rest.
func LastResort(limit time.Duration, judge func() string, act func()) func() string {
	var since time.Time // the host may not go on; zero: it may
	acted := false
	return func() string {
		why := judge()
		switch {
		case why == "":
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) >= limit*3/feedings && !acted:
			acted = true
			act()
		}
		return why
	}
}
