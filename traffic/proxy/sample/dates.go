package sample

import (
	"fmt"
	"strconv"
	"time"
)

// strftime formats a time as strftime(3) does in the C locale.
func strftime(dst []byte, format string, t time.Time) []byte {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			dst = append(dst, format[i])
			continue
		}
		i++
		if layout, ok := layouts[format[i]]; ok {
			dst = t.AppendFormat(dst, layout)
			continue
		}
		year, week := t.ISOWeek()
		switch format[i] {
		case 's':
			dst = strconv.AppendInt(dst, t.Unix(), 10)
		case 'j':
			dst = fmt.Appendf(dst, "%03d", t.YearDay())
		case 'k':
			dst = fmt.Appendf(dst, "%2d", t.Hour())
		case 'l':
			dst = fmt.Appendf(dst, "%2d", (t.Hour()+11)%12+1)
		case 'C':
			dst = fmt.Appendf(dst, "%02d", t.Year()/100)
		case 'u':
			dst = strconv.AppendInt(dst, int64(t.Weekday()+6)%7+1, 10)
		case 'w':
			dst = strconv.AppendInt(dst, int64(t.Weekday()), 10)
		case 'U':
			dst = fmt.Appendf(dst, "%02d", (t.YearDay()+6-int(t.Weekday()))/7)
		case 'W':
			dst = fmt.Appendf(dst, "%02d", (t.YearDay()+6-int(t.Weekday()+6)%7)/7)
		case 'V':
			dst = fmt.Appendf(dst, "%02d", week)
		case 'G':
			dst = strconv.AppendInt(dst, int64(year), 10)
		case 'g':
			dst = fmt.Appendf(dst, "%02d", year%100)
		case 'n':
			dst = append(dst, '\n')
		case 't':
			dst = append(dst, '\t')
		case '%':
			dst = append(dst, '%')
		default:
			dst = append(dst, '%', format[i])
		}
	}
	return dst
}

// layouts are what letters of strftime stand for in Go's form.
var layouts = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'P': "pm", 'a': "Mon", 'A': "Monday",
	'b': "Jan", 'h': "Jan", 'B': "January", 'Z': "MST", 'z': "-0700", 'T': "15:04:05", 'R': "15:04", 'F': "2006-01-02", 'D': "01/02/06",
	'r': "03:04:05 PM", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05",
}

// makeTime makes ltime and utime(FORMAT,OFFSET).
func makeTime(local bool) func(*Compiler, []string) (convert, error) {
	return func(_ *Compiler, args []string) (convert, error) {
		offset, err := numberOr(args, 1, 0)
		return func(_ *Context, v *Value) bool {
			n, ok := v.Integer()
			at := time.Unix(n+offset, 0)
			if !local {
				at = at.UTC()
			}
			v.setBytes(strftime(nil, args[0], at))
			return ok
		}, err
	}
}

// fractions are how a date has what is smaller than a second.
var fractions = map[time.Duration]string{time.Millisecond: ".000", time.Microsecond: ".000000"}

// makeDate makes http_date(OFFSET,UNIT): the number counts seconds, milliseconds (ms) or microseconds (us), and so does the offset.
func makeDate(_ *Compiler, args []string) (convert, error) {
	offset, err := numberOr(args, 0, 0)
	if err != nil {
		return nil, err
	}
	unit := time.Second
	if len(args) > 1 && args[1] != "" && args[1] != "s" {
		var ok bool
		if unit, ok = map[string]time.Duration{"ms": time.Millisecond, "us": time.Microsecond}[args[1]]; !ok {
			return nil, fmt.Errorf("unit %q is not s, ms or us", args[1])
		}
	}
	return func(_ *Context, v *Value) bool {
		n, ok := v.Integer()
		at := time.Unix(0, 0).Add(time.Duration(n+offset) * unit)
		if unit == time.Second {
			at = time.Unix(n+offset, 0)
		}
		v.setText(at.UTC().Format("Mon, 02 Jan 2006 15:04:05" + fractions[unit] + " GMT"))
		return ok
	}, nil
}
