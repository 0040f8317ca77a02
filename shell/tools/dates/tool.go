package dates

import (
	"fmt"
	"io"
	"time"

	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

var options = []option.Spec{
	{Long: "now", Short: 'n', Help: "show the date and time now"},
	{Long: "date", Short: 'd', Arg: option.Required, Value: "DATE", Help: "show a date"},
	{Long: "period", Short: 'p', Arg: option.Required, Value: "PERIOD", Help: "show START/END, START/DURATION or DURATION/END"},
	{Long: "duration", Short: 'D', Arg: option.Required, Value: "DURATION", Help: "show a duration; with --date, when it ends"},
	{Long: "expected", Short: 'E', Arg: option.Required, Value: "TEXT", Help: "exit with 1 unless the result is this"},
	{Long: "seconds", Short: 's', Help: "show dates as seconds since the year 0"},
	{Long: "epoch", Short: 'S', Help: "show dates as seconds since 1970"},
	{Long: "local", Short: 'L', Help: "show dates in the host's zone"},
	{Long: "ordinal", Short: 'O', Help: "show dates as year and day"},
	{Long: "week", Short: 'W', Help: "show dates as year, week and day"},
	{Long: "help", Short: 'h', Help: "show this text"},
	{Long: "version", Short: '$', Help: "show the version"},
	{Long: "verbose", Short: 'V', Help: "accepted"},
}

// yearZero is the year 0 in seconds since 1970, as Pacemaker counts: without the days of that year.
const yearZero = -62135596800

// ISO8601 is iso8601.
func ISO8601(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	line, err := option.Parse(options, args)
	if err != nil {
		fmt.Fprintf(stderr, "iso8601: %v; 'iso8601 --help' lists the options\n", err)
		return exit.Usage
	}
	switch {
	case line.Has("help"):
		option.Usage(stdout, "iso8601", "show and check dates, periods and durations", options,
			"iso8601 --date '2019-09-24 00:30:00 +01:00' --duration P1M", "iso8601 --period 2005-040/2005-043")
		return exit.OK
	case line.Has("version"):
		fmt.Fprintln(stdout, "Pacemaker 2.1.5\nHoldfast's iso8601")
		return exit.OK
	}
	c := &call{line: line, stdout: stdout, now: time.Now()}
	if err := c.run(); err != nil {
		fmt.Fprintf(stderr, "iso8601: %v\n", err)
		return exit.InvalidParam
	}
	if want, ok := line.Lookup("expected"); ok && c.result != "" && c.result != want {
		return exit.Error
	}
	return exit.OK
}

type call struct {
	line   *option.Line
	stdout io.Writer
	now    time.Time
	result string // what --expected is compared with
}

func (c *call) run() error {
	var date time.Time
	have := false
	if c.line.Has("now") {
		date, have = c.now.UTC(), true
		c.print("Current date/time", date)
	}
	text, dated := c.line.Lookup("date")
	if dated && text == "now" && !have {
		date, have = c.now.UTC(), true
		c.print("Current date/time", date)
	}
	if dated && !have {
		var err error
		if date, err = parseMoment(text, c.now); err != nil {
			return err
		}
		have = true
		c.print("Date", date.UTC())
	}
	if text, ok := c.line.Lookup("duration"); ok {
		s, err := parseSpan(text)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "Duration: %v\n", s)
		if have {
			date = s.addTo(date, +1)
			fmt.Fprintf(c.stdout, "Duration ends at: %s\n", c.format(date))
			c.result = c.format(date.UTC())
		}
	}
	if text, ok := c.line.Lookup("period"); ok {
		start, end, err := parsePeriod(text, c.now)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "Period: %s to %s\n", c.format(start.UTC()), c.format(end.UTC()))
	}
	return nil
}

func (c *call) print(label string, t time.Time) {
	c.result = c.format(t)
	fmt.Fprintf(c.stdout, "%s: %s\n", label, c.result)
}

func (c *call) format(t time.Time) string {
	switch {
	case c.line.Has("seconds"):
		return fmt.Sprint(t.Unix() - yearZero)
	case c.line.Has("epoch"):
		return fmt.Sprint(t.Unix())
	case c.line.Has("local"):
		t = t.Local()
	}
	date := t.Format("2006-01-02")
	switch {
	case c.line.Has("week"):
		year, week := t.ISOWeek()
		date = fmt.Sprintf("%d-W%02d-%d", year, week, weekday(t))
	case c.line.Has("ordinal"):
		date = fmt.Sprintf("%d-%03d", t.Year(), t.YearDay())
	}
	zone := t.Format(" -07:00")
	if _, offset := t.Zone(); offset == 0 {
		zone = "Z"
	}
	return date + t.Format(" 15:04:05") + zone
}
