package alerts

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Timestamp writes a time as strftime(3) would, with %N for the nanoseconds as date(1)
// has it; %6N or %06N gives that many digits. Letters that it does not know stay as they are.
func Timestamp(format string, at time.Time) string {
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			out.WriteByte(format[i])
			continue
		}
		end := i + 1
		for end < len(format)-1 && format[end] >= '0' && format[end] <= '9' {
			end++
		}
		digits, letter := format[i+1:end], format[end]
		switch text, known := conversion(letter, at); {
		case letter == 'N':
			out.WriteString(nanoseconds(digits, at))
		case known && digits == "":
			out.WriteString(text)
		default:
			out.WriteString(format[i : end+1])
		}
		i = end
	}
	return out.String()
}

// nanoseconds are the first digits of the fraction of a second.
func nanoseconds(digits string, at time.Time) string {
	width, err := strconv.Atoi(digits)
	if err != nil || width <= 0 || width > 9 {
		width = 9
	}
	return fmt.Sprintf("%09d", at.Nanosecond())[:width]
}

// layouts are the conversions that Go's time package writes.
var layouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'c': "Mon Jan _2 15:04:05 2006", 'd': "02", 'D': "01/02/06", 'e': "_2",
	'F': "2006-01-02", 'h': "Jan", 'H': "15", 'I': "03", 'm': "01", 'M': "04", 'p': "PM", 'r': "03:04:05 PM", 'R': "15:04",
	'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05", 'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}

func conversion(letter byte, at time.Time) (text string, known bool) {
	if layout, ok := layouts[letter]; ok {
		return at.Format(layout), true
	}
	year, week := at.ISOWeek()
	weekday := int(at.Weekday())
	switch letter {
	case 'C':
		return fmt.Sprintf("%02d", at.Year()/100), true
	case 'G':
		return strconv.Itoa(year), true
	case 'j':
		return fmt.Sprintf("%03d", at.YearDay()), true
	case 'k':
		return fmt.Sprintf("%2d", at.Hour()), true
	case 'l':
		return fmt.Sprintf("%2d", (at.Hour()+11)%12+1), true
	case 'n':
		return "\n", true
	case 's':
		return strconv.FormatInt(at.Unix(), 10), true
	case 't':
		return "\t", true
	case 'u':
		return strconv.Itoa((weekday+6)%7 + 1), true
	case 'V':
		return fmt.Sprintf("%02d", week), true
	case 'w':
		return strconv.Itoa(weekday), true
	case '%':
		return "%", true
	}
	return "", false
}
