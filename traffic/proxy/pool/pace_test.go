package pool

import (
	"testing"
	"time"
)

// TestPacesAreOfTheLastExchanges: what is long ago fades, and the slowest is kept until it is forgotten.
func TestPacesAreOfTheLastExchanges(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	c := NewCounters(2)
	if p := PacesOf(&c); p.Last != 0 || p.Average.Total != 0 {
		t.Errorf("nothing has happened: %+v", p)
	}
	c.Set(0).Pace.Add(Spent{Queue: 1, Connect: 2, Response: 30, Total: 33}, now)
	c.Set(1).Pace.Add(Spent{Response: 10, Total: 11}, now.Add(time.Second))
	if p := PacesOf(&c); p.Average.Response != 20 || p.Average.Total != 22 || p.Slowest.Total != 33 || p.Last != 1e9+1 {
		t.Errorf("of two: %+v", p)
	}
	for range 20 * paceWindow {
		c.Set(0).Pace.Add(Spent{Total: 5}, now)
	}
	if p := PacesOf(&c); p.Average.Total != 5 || p.Slowest.Total != 33 {
		t.Errorf("of many: %+v", p)
	}
	c.ForgetSlowest()
	c.Set(1).Sessions.Add(3)
	c.Reset()
	if p := PacesOf(&c); p.Slowest.Total != 0 || c.Total().Sessions != 0 {
		t.Errorf("afterwards: %+v", p)
	}
}
