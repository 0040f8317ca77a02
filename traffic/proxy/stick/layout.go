package stick

import (
	"time"

	"holdfast/traffic/proxy/config"
)

// Layout tells where values lie in an entry's slice: one number for a counter or a tag, three for a rate. server_key takes no place: it is a text.
type Layout struct {
	at       [config.DataTypes]int16 // of the first element; -1: it is not stored
	elements [config.DataTypes]int16
	period   [config.DataTypes]time.Duration
	width    int
}

// LayoutOf lays values out in the order of their types.
func LayoutOf(stores []config.Stored) Layout {
	var l Layout
	for i := range l.at {
		l.at[i] = -1
	}
	for _, s := range stores {
		if s.Type == config.ServerKey {
			continue
		}
		l.at[s.Type], l.elements[s.Type], l.period[s.Type] = int16(l.width), int16(s.Elements), s.Period
		l.width += s.Elements * l.size(s.Type)
	}
	return l
}

// size is how many numbers an element has.
func (l *Layout) size(d config.DataType) int {
	if d.Rate() {
		return 3
	}
	return 1
}

// place finds an element; -1: it is not stored. gpc0 and gpc1 are the first two of gpc where that is stored instead, and gpt0 the first of gpt.
func (l *Layout) place(d config.DataType, element int) (at int, period time.Duration) {
	if l.at[d] < 0 {
		switch d {
		case config.GPT0:
			d = config.GPT
		case config.GPC0, config.GPC1:
			element, d = element+index(d == config.GPC1), config.GPC
		case config.GPC0Rate, config.GPC1Rate:
			element, d = element+index(d == config.GPC1Rate), config.GPCRate
		}
	}
	if l.at[d] < 0 || element < 0 || element >= int(l.elements[d]) {
		return -1, 0
	}
	return int(l.at[d]) + element*l.size(d), l.period[d]
}

func index(second bool) int {
	if second {
		return 1
	}
	return 0
}

// turn has a rate's three numbers stand for now: when its period began, in Unix milliseconds, the events since, and those of the period before.
func turn(r []int64, period time.Duration, now time.Time) {
	span := period.Milliseconds()
	switch passed := now.UnixMilli() - r[0]; {
	case passed >= 2*span:
		r[0], r[1], r[2] = now.UnixMilli(), 0, 0
	case passed >= span:
		r[0], r[1], r[2] = r[0]+span, 0, r[1]
	}
}

// rate is the events within the last period: those of this one, and of the one before as much as still counts.
func rate(r []int64, period time.Duration, now time.Time) int64 {
	turn(r, period, now)
	span := period.Milliseconds()
	rest := min(span, max(0, span-(now.UnixMilli()-r[0])))
	return r[1] + int64(float64(r[2])*float64(rest)/float64(span))
}
