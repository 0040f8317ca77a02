package watchdog

import (
	"log/slog"
	"sync"
	"time"
)

// A Guard feeds a device as long as its host may run.
type Guard struct {
	device Device
	judge  func() string
	log    *slog.Logger
	stop   chan struct{}
	ended  sync.WaitGroup
}

// feedings is how often a Guard feeds in the device's time limit: so many may be late.
const feedings = 5

// Guarding begins to feed a device. judge says why the host may not go on, "" when it may; it is called
// at every feeding, and the time that it takes counts against the limit.
func Guarding(device Device, judge func() string, log *slog.Logger) *Guard {
	g := &Guard{device: device, judge: judge, log: log, stop: make(chan struct{})}
	g.ended.Go(g.run)
	return g
}

func (g *Guard) run() {
	tick := time.NewTicker(g.device.Timeout() / feedings)
	defer tick.Stop()
	hungry := ""
	for {
		why := g.judge()
		switch {
		case why != "" && why != hungry:
			g.log.Error("the watchdog is not fed: unless that changes this host is reset", "within", g.device.Timeout(), "because", why)
		case why == "" && hungry != "":
			g.log.Warn("the watchdog is fed again", "was", hungry)
		}
		hungry = why
		if why == "" {
			if err := g.device.Feed(); err != nil {
				g.log.Error("the watchdog cannot be fed: this host will be reset", "cause", err)
			}
		}
		select {
		case <-tick.C:
		case <-g.stop:
			return
		}
	}
}

// Timeout is how long the host lives without being fed.
func (g *Guard) Timeout() time.Duration { return g.device.Timeout() }

// Close ends the feeding. disarm lets the host live on; without it the host is reset, unless
// another Guard takes over in time.
func (g *Guard) Close(disarm bool) error {
	close(g.stop)
	g.ended.Wait()
	if disarm {
		return g.device.Disarm()
	}
	return g.device.Close()
}
