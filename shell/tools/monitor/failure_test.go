package monitor

import (
	"testing"
	"time"

	"holdfast/cluster/scheduler"
)

// The words of crm_mon of Pacemaker 2.1.5 for the same failures.
func TestFailuresInWords(t *testing.T) {
	t.Parallel()
	at := time.Unix(1600000000, 0)
	when := " at " + at.Local().Format(time.ANSIC)
	for _, c := range []struct {
		failure scheduler.Failure
		want    string
	}{
		{scheduler.Failure{Task: "monitor", Interval: 10 * time.Second, Status: "Timed Out", Reason: "did not finish", LastChange: at, Exec: 90500 * time.Millisecond},
			"r 10s-interval monitor on n could not be executed (Timed Out: did not finish)" + when + " after 1m30.500s"},
		{scheduler.Failure{Task: "monitor", Status: "Timed Out", Exec: time.Second}, "r probe on n could not be executed (Timed Out)"},
		{scheduler.Failure{Task: "monitor", Interval: 90 * time.Second, Status: "complete", RCText: "not running", Reason: "why not", LastChange: at, Exec: 61 * time.Second},
			"r 1m30s-interval monitor on n returned 'not running' (why not)" + when + " after 1m1000ms"},
		{scheduler.Failure{Task: "start", Status: "complete", RCText: "error", LastChange: at}, "r start on n returned 'error'" + when},
		{scheduler.Failure{Task: "monitor", Interval: time.Hour, Status: "complete", RCText: "promoted", LastChange: at, Exec: 24 * time.Hour},
			"r 60m-interval monitor on n returned 'promoted'" + when + " after 24h"},
		{scheduler.Failure{Key: "r:7_start_0", Task: "start", Status: "complete", RCText: "error"}, "r:7 start on n returned 'error'"}, // as the host called it
	} {
		c.failure.Resource, c.failure.Node = "r", "n"
		if got := FailureInWords(c.failure); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
