package simulation

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A choked host is heard and hears, and what is longer than a heartbeat does not get through to it or from it: a path with another MTU on
// it, or connections that wait long before they send again what was lost.

// choked are the seeds whose hosts are choked: an eighth. In a third of those it lasts longer than their leaders wait. What else a seed
// draws does not depend on it.
func choked(seed uint64) bool    { return seed%8 == 3 }
func impatient(seed uint64) bool { return seed%24 == 3 }

// chokes are when hosts are choked.
func (s *Shape) chokes(seed uint64) apart {
	longest := 25 * time.Second
	if s.Impatient {
		longest = 45 * time.Second
	}
	return apart{kind: Choke, r: rand.New(rand.NewPCG(seed, 0xc40)), pause: 20 * time.Second, least: 500 * time.Millisecond, longest: longest}
}

// limits and patience let leaders give up on what they wait for while hosts are choked.
func (s *Shape) limits(resource string) string {
	if !s.Impatient {
		return ""
	}
	return fmt.Sprintf(`<op id="%[1]s-start" name="start" interval="0" timeout="6s"/><op id="%[1]s-stop" name="stop" interval="0" timeout="6s"/>`, resource)
}

func (s *Shape) patience() string {
	if !s.Impatient {
		return ""
	}
	return `<nvpair id="patience" name="cluster-delay" value="1s"/>`
}

// choke holds up what is sent to a host and by it, but for heartbeats.
func (w *World) choke(f Fault) {
	w.net.choked[f.Host]++
	w.after(f.For, func() { w.net.choked[f.Host]-- })
}
