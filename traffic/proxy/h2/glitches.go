package h2

// Glitches counts what a peer does that is legal and costs more than it is good for: streams it opens only to reset them (CVE-2023-44487),
// frames without content, settings over and over. A peer that does much of it within a second is taken for an attacker.
type Glitches struct {
	Limit  int // a second; 0: none
	second int64
	count  int
}

// Add counts one, and tells whether there were too many. now is in milliseconds.
func (g *Glitches) Add(now int64) bool {
	if second := now / 1000; second != g.second {
		g.second, g.count = second, 0
	}
	g.count++
	return g.Limit > 0 && g.count > g.Limit
}
