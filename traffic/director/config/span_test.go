package config

import (
	"testing"
	"time"
)

func TestSpans(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		span, moment string
		want         bool
	}{
		{"wd {Mon-Sun}", "2026-11-21 12:00", true}, // from Monday around to Sunday
		{"wd {Sun-Sat}", "2026-11-21 12:00", true},
		{"wd {Mon-Fri} hr {9am-4pm}", "2026-11-20 16:59", true},
		{"wd {Mon-Fri} hr {9am-4pm}", "2026-11-20 17:00", false},
		{"wd {Mon-Fri} hr {9am-4pm}", "2026-11-21 12:00", false}, // a Saturday
		{"wd {Mon-Fri} hr {9am-4pm}, wd {Sa}", "2026-11-21 12:00", true},
		{"hr {10pm-4am}", "2026-11-21 03:59", true},
		{"hr {10pm-4am}", "2026-11-21 05:00", false},
		{"mo {jan-march nov} md {1 21-22}", "2026-11-21 05:00", true},
		{"yr {2025}", "2026-11-21 05:00", false},
		{"min {0-29}", "2026-11-21 05:30", false},
		{"yd {325}", "2026-11-21 05:30", true},
		{"", "2026-11-21 05:30", true},
		{"never", "2026-11-21 05:30", false},
	} {
		s, err := ParseSpan(c.span)
		if err != nil {
			t.Errorf("%q: %v", c.span, err)
			continue
		}
		at, err := time.Parse("2006-01-02 15:04", c.moment)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Contains(at); got != c.want {
			t.Errorf("%q contains %s: %t", c.span, c.moment, got)
		}
	}
	for _, wrong := range []string{"wd", "wd {", "wd {Fun}", "wx {Mon}", "hr {25}", "wd {}", "wd {Mon-}", "md {0}"} {
		if _, err := ParseSpan(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

func FuzzSpan(f *testing.F) {
	f.Add("wd {Mon-Fri} hr {9am-4pm}, wd {Sa}")
	f.Add("mo {jan-march nov} md {1 21-22}")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseSpan(text); err == nil {
			s.Contains(time.Unix(1_700_000_000, 0).UTC())
		}
	})
}
