package plane

import (
	"time"

	"holdfast/traffic/proxy/pool"
)

// Figure is something that the process counts by the second.
type Figure uint8

// The figures.
const (
	Clients       Figure = iota // that came
	SecureClients               // of them, those with TLS
	ClientKeys                  // agreed on with clients: the others resumed a session
	ServerKeys                  // the same with servers
	BytesSent                   // of exchanges, when they end
	BytesToCode                 // that were compressed
	BytesCoded                  // what became of them
	figures
)

// Frequency is how often a figure was counted within the last second, and the most that was counted in one.
func (p *Plane) Frequency(f Figure, now time.Time) (current, most int64) {
	return p.frequencies[f].Frequency(pool.Arrival, now)
}

func (l *Loop) counted(f Figure, n int64) {
	l.plane.frequencies[f].Amounted(pool.Arrival, l.id, n, l.clock)
}

// over tells whether a figure has reached its limit in this second; 0: there is none.
func (p *Plane) over(f Figure, now time.Time, limit int64) bool {
	return limit > 0 && p.frequencies[f].Over(pool.Arrival, now, limit)
}

// SpliceState is what there is of pipes, which bytes go through without their coming to this process, and how many did.
type SpliceState struct{ Used, Free, Bytes int64 }

// Splices looks at all loops.
func (p *Plane) Splices() SpliceState {
	var all SpliceState
	for _, l := range p.loops {
		open, unused := l.pipesOpen.Load(), l.pipesUnused.Load()
		all.Used, all.Free, all.Bytes = all.Used+open-unused, all.Free+unused, all.Bytes+l.spliced.Load()
	}
	return all
}
