package director

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// screen is what `top` shows and how: it is drawn anew after each picture and each key.
type screen struct {
	status  Status
	err     error // why the status is an old one
	now     time.Time
	columns int // 0: as many as it takes
	rows    int
	colour  bool

	order     int    // in orders
	words     string // only what has them is shown
	typing    bool   // the words are being typed
	onlyOut   bool
	checks    bool
	firstLine int // of the body, that is shown
}

// What a key asks of the caller.
type wish int

const (
	nothing wish = iota
	leaves
	looks
)

// orders are what servers and services can be sorted by; the first leaves them as they are.
var orders = []struct {
	name string
	of   func(rated) uint64
}{
	{"name", nil},
	{"active", func(r rated) uint64 { return r.active }},
	{"conn/s", func(r rated) uint64 { return r.rates.Connections }},
	{"pkt/s", func(r rated) uint64 { return r.rates.InPackets }},
	{"in B/s", func(r rated) uint64 { return r.rates.InBytes }},
	{"out B/s", func(r rated) uint64 { return r.rates.OutBytes }},
}

// take shows a new picture.
func (s *screen) take(p picture, now time.Time) {
	s.err, s.now = p.err, now
	if p.err == nil {
		s.status = p.status
	}
}

// press does what a key asks for.
func (s *screen) press(key string) wish {
	if s.typing && key != keyInterrupt {
		s.edit(key)
		return nothing
	}
	page := max(1, s.rows-chrome)
	switch key {
	case "q", "Q", keyEscape, keyInterrupt:
		return leaves
	case " ":
		return looks
	case "s":
		s.order = (s.order + 1) % len(orders)
	case "/":
		s.typing, s.words = true, ""
	case "o":
		s.onlyOut = !s.onlyOut
	case "c":
		s.checks = !s.checks
	case keyUp, "k":
		s.firstLine--
	case keyDown, "j":
		s.firstLine++
	case keyPageUp:
		s.firstLine -= page
	case keyPageDown:
		s.firstLine += page
	case keyHome, "g":
		s.firstLine = 0
	case keyEnd, "G":
		s.firstLine = len(s.body())
	}
	s.firstLine = max(0, min(s.firstLine, len(s.body())-page))
	return nothing
}

// edit changes the words.
func (s *screen) edit(key string) {
	s.firstLine = 0
	switch key {
	case keyEnter:
		s.typing = false
	case keyEscape:
		s.typing, s.words = false, ""
	case keyBackspace:
		if r := []rune(s.words); len(r) > 0 {
			s.words = string(r[:len(r)-1])
		}
	default:
		if len([]rune(key)) == 1 {
			s.words += key
		}
	}
}

// The colours that lines have.
const (
	plain  = ""
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	mirror = "\x1b[7m"
	off    = "\x1b[0m"
)

// line is one of the screen.
type line struct{ text, colour string }

// chrome is how many lines are not the body's.
const chrome = 3

// draw is the whole screen; its last line has no end.
func (s *screen) draw() string {
	body := s.body()
	page := max(0, s.rows-chrome)
	first := max(0, min(s.firstLine, len(body)-page))
	shown := body[first:min(len(body), first+page)]
	lines := append([]line{s.title(), {s.head(), mirror}}, shown...)
	for len(lines) < s.rows-1 {
		lines = append(lines, line{})
	}
	lines = append(lines, s.foot(first, len(shown), len(body)))
	if s.rows > 0 && len(lines) > s.rows {
		lines = lines[:s.rows]
	}
	var all []string
	for _, l := range lines {
		all = append(all, s.paint(l))
	}
	return strings.Join(all, "\n")
}

// all is everything without colour, for what is no terminal.
func (s screen) all() string {
	var b strings.Builder
	for _, l := range append([]line{s.title(), {s.head(), plain}}, s.body()...) {
		fmt.Fprintln(&b, strings.TrimRight(l.text, " "))
	}
	return b.String()
}

// paint cuts a line to the width, and colours it.
func (s *screen) paint(l line) string {
	text := []rune(l.text)
	if s.columns > 0 && len(text) > s.columns {
		text = append(text[:s.columns-1], '…')
	}
	if l.colour == mirror && len(text) < s.columns {
		text = append(text, []rune(strings.Repeat(" ", s.columns-len(text)))...)
	}
	if !s.colour || l.colour == plain {
		return string(text)
	}
	return l.colour + string(text) + off
}

func (s *screen) title() line {
	servers, out := 0, 0
	for _, one := range s.status.Services {
		for _, server := range one.Servers {
			servers++
			if !server.In {
				out++
			}
		}
	}
	text := fmt.Sprintf("holdfast director: plane %s, %d services, %d servers, %d out, up %s", cmp.Or(s.status.Plane, "?"),
		len(s.status.Services), servers, out, s.since(s.status.Began))
	colour := bold
	if s.status.Unsure {
		text, colour = text+"; THE PLANE REFUSES CHANGES", red
	}
	return line{text, colour}
}

// since is how long ago something was, in few letters.
func (s *screen) since(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := s.now.Sub(t).Round(time.Second)
	if d >= 48*time.Hour {
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	return max(0, d).String()
}

func (s *screen) foot(first, shown, all int) line {
	switch {
	case s.typing:
		return line{"show only: " + s.words + "_   (Enter keeps it, Escape shows all)", mirror}
	case s.err != nil:
		return line{strings.Join(strings.Fields(s.err.Error()), " "), red}
	}
	text := "q quit  s sort: " + orders[s.order].name + "  / find"
	if s.words != "" {
		text += ": " + s.words
	}
	text += "  o out" + mark(s.onlyOut) + "  c checks" + mark(s.checks)
	if shown < all {
		text += fmt.Sprintf("  %d-%d of %d", first+1, first+shown, all)
	}
	return line{text, mirror}
}

func mark(on bool) string {
	if on {
		return "*"
	}
	return ""
}

// ordered sorts what has rates as it is wanted, and leaves the rest of the order as it was.
func ordered[T any](all []T, by int, of func(T) rated) []T {
	all = slices.Clone(all)
	if by > 0 {
		slices.SortStableFunc(all, func(a, b T) int { return cmp.Compare(orders[by].of(of(b)), orders[by].of(of(a))) })
	}
	return all
}
