package dates

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestISO8601(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args   string // joined by |
		status int
		want   string
	}{
		{"-d|2014-01-01 00:30:00Z|-D|P-1H|-E|2013-12-31 23:30:00Z", 0, "Date: 2014-01-01 00:30:00Z\nDuration: -3600 seconds (1 hour)\nDuration ends at: 2013-12-31 23:30:00Z\n"},
		{"-d|2009-01-31 00:00:00Z|-D|P1M", 0, "Date: 2009-01-31 00:00:00Z\nDuration:  1 month \nDuration ends at: 2009-02-28 00:00:00Z\n"},
		{"-d|2020-02-29 00:00:00Z|-D|P1Y", 0, "Date: 2020-02-29 00:00:00Z\nDuration:    1 year \nDuration ends at: 2021-03-01 00:00:00Z\n"},
		{"-d|2009-W53-7 00:00:00Z|-W", 0, "Date: 2009-W53-7 00:00:00Z\n"},
		{"-d|2009-W53-7 00:00:00Z|-O", 0, "Date: 2010-003 00:00:00Z\n"},
		{"-d|2019-10-01 24:00:00 +01:00", 0, "Date: 2019-10-01 23:00:00Z\n"},
		{"-d|epoch|-s", 0, "Date: 62135596800\n"},
		{"-p|2019-01-01 00Z/P1M", 0, "Period: 2019-01-01 00:00:00Z to 2019-02-01 00:00:00Z\n"},
		{"-p|P1M/2019-05-05 00Z", 0, "Period: 2019-04-05 00:00:00Z to 2019-05-05 00:00:00Z\n"},
		{"-d|2019-02-03 00Z|-E|x", 1, "Date: 2019-02-03 00:00:00Z\n"},
		{"-d|2023-12-31 23:59:59Z|-D|P1Y2M3DT4H5M6S", 0, "Date: 2023-12-31 23:59:59Z\nDuration:    1 year  2 months  3 days 14706 seconds (4 hours 5 minutes 6 seconds)\nDuration ends at: 2025-03-04 04:05:05Z\n"},
		{"-D|PT0S", 0, "Duration: 0 seconds\n"}, {"-d|2024-W53-7", 2, ""}, {"-d|", 2, ""},
		{"-p|PT2S/P1M", 2, ""}, {"-d|2019-02-30", 2, ""}, {"-d|2019-366", 2, ""}, {"-D|P1YM", 2, ""}, {"-D|P", 2, ""},
		{"-d|2019-01-01 24:00:01Z", 2, ""}, {"-d|2019-01-01 00:00:00 +25:00", 2, ""}, {"--nope", 64, ""},
	} {
		var out, errs bytes.Buffer
		status := ISO8601(strings.Split(c.args, "|"), nil, &out, &errs)
		if status != c.status || out.String() != c.want || (status != 0 && c.status != 1) != (errs.Len() > 0) {
			t.Errorf("%s: %d %q %q, want %d %q", c.args, status, out.String(), errs.String(), c.status, c.want)
		}
	}
}

func FuzzMoment(f *testing.F) {
	for _, seed := range []string{"2019-09-24 00:30:00 +01:00", "2019-W39-2", "P1Y2MT3S", "20191001T000010 -00:61", "epoch", "P-1M/2019-05-05"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		now := time.Unix(0, 0)
		_, _ = parseMoment(text, now)
		_, _, _ = parsePeriod(text, now)
		if s, err := parseSpan(text); err == nil {
			_ = s.String()
		}
	})
}
