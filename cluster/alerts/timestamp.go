package alerts

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Timestamp writes a time as strftime(3) would, with its flags '-', '_', '0' and '^', and with %N for the nanoseconds as date(1)
// has it; %6N or %06N gives that many digits. Letters that it does not know stay as they are.
func Timestamp(format string, at time.Time) string {
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			out.WriteByte(format[i])
			continue
		}
		start := i + 1
		for start < len(format)-1 && strings.IndexByte("-_^", format[start]) >= 0 {
			start++
		}
		end := start
		for end < len(format)-1 && format[end] >= '0' && format[end] <= '9' {
			end++
		}
		flags, digits, letter := format[i+1:start], format[start:end], format[end]
		switch text, known := conversion(letter, at); {
		case letter == 'N':
			out.WriteString(nanoseconds(digits, at))
		case known && (digits == "" || digits == "0"):
			out.WriteString(flagged(text, flags, digits))
		default:
			out.WriteString(format[i : end+1])
		}
		i = end
	}
	return out.String()
}

// flagged writes a conversion as flags have it: '-' without what pads a number, '_' padded with blanks, '0' with zeros, '^' in capitals.
func flagged(text, flags, zero string) string {
	digits := strings.TrimLeft(text, "0 ")
	if strings.Trim(text, " 0123456789") == "" {
		if digits == "" {
			digits = "0"
		}
		switch pad := len(text) - len(digits); {
		case strings.Contains(flags, "-"):
			text = digits
		case strings.Contains(flags, "_"):
			text = strings.Repeat(" ", pad) + digits
		case zero == "0":
			text = strings.Repeat("0", pad) + digits
		}
	}
	if strings.Contains(flags, "^") {
		text = strings.ToUpper(text)
	}
	return text
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
	case 'g':
		return fmt.Sprintf("%02d", year%100), true
	case 'P':
		return strings.ToLower(at.Format("PM")), true
	case 'U': // weeks that begin on Sunday
		return fmt.Sprintf("%02d", (at.YearDay()+6-weekday)/7), true
	case 'W': // weeks that begin on Monday
		return fmt.Sprintf("%02d", (at.YearDay()+6-(weekday+6)%7)/7), true
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
