package pool

import (
	"sync"
	"time"
)

// Meter tells how fast a counter rises. It costs nothing but when it is asked.
type Meter struct {
	mu    sync.Mutex // guards the rest
	at    time.Time
	total int64
	rate  int64
	most  int64
}

// Rate is how much the counter, which is at total now, rose in a second, since it was last asked at least a second ago.
func (m *Meter) Rate(total int64, now time.Time) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	passed := now.Sub(m.at)
	switch {
	case m.at.IsZero(), total < m.total: // it was set back
		m.at, m.total = now, total
	case passed >= time.Second:
		m.rate = int64(float64(total-m.total) / passed.Seconds())
		m.at, m.total, m.most = now, total, max(m.most, m.rate)
	}
	return m.rate
}

// Most is the highest rate that was told so far.
func (m *Meter) Most() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.most
}

// ForgetMost begins to look for it anew.
func (m *Meter) ForgetMost() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.most = 0
}
