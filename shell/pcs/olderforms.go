package pcs

import (
	"net/netip"
	"slices"
	"strings"
)

// olderWord is today's word for an option of pcs 0.9 that stands among the words of a call: what follows --clone and --master of
// "resource create" belongs to them, and --device and --watchdog are given several times. It is "" for every other option;
// taken says how many of the words after it belong to it.
func olderWord(arg string, rest, before []string) (word string, taken int) {
	name, value, inWord := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
	creating := len(before) > 1 && before[0] == "resource" && before[1] == "create"
	switch {
	case !strings.HasPrefix(arg, "--"):
	case creating && (name == "clone" || name == "master"):
		return name, 0
	case (name == "device" || name == "watchdog") && inWord:
		return name + "=" + value, 0
	case (name == "device" || name == "watchdog") && len(rest) > 0:
		return name + "=" + rest[0], 1
	}
	return "", 0
}

// tellOlderOptions says what the options of older releases that the call has are today.
func (s *session) tellOlderOptions() {
	today := map[string]string{"--clone": "the word clone", "--device": "the word device=PATH", "--watchdog": "the word watchdog=PATH", "--master": "--promoted"}
	if s.cmd.path == "resource create" {
		today["--master"] = "the word promotable"
	}
	for _, word := range s.words {
		if word == "--" {
			return
		}
		name, _, _ := strings.Cut(word, "=")
		if now := today[name]; now != "" {
			s.deprecated("option %s is today %s", name, now)
			delete(today, name)
		}
	}
}

// masterOlder is create's master of 0.9: a promotable clone called ID-master, to which the meta attributes go, too.
func (c *creation) masterOlder(s *session) {
	if c.wrap != "master" {
		return
	}
	if !slices.Contains(s.words, "--master") {
		s.deprecated("'master' is the old form of 'promotable'")
	}
	c.wrap = "promotable"
	if c.wrapID == "" {
		c.wrapID = c.id + "-master"
	}
	for _, p := range c.wrapSet {
		c.meta = c.meta.with(p.name, p.value)
	}
	c.wrapSet, c.meta = c.meta, nil
}

// verifyOlder reads 0.9's verify [-V] [FILE].
func verifyOlder(s *session) {
	if s.opts.has("verbose") {
		s.deprecated("option -V is today --full")
		delete(s.opts, "verbose")
		s.opts["full"] = ""
	}
	if len(s.args) == 1 && !s.opts.has("f") {
		s.deprecated("the file is named by -f today: 'pcs -f %s cluster verify'", s.args[0])
		s.opts["f"], s.args = s.args[0], nil
	}
}

// recipientOlder reads 0.9's alert recipient add ALERT WHO […] and update RECIPIENT [WHO] […].
func recipientOlder(s *session) {
	if len(s.args) > 1 && !strings.Contains(s.args[1], "=") && s.args[1] != "options" && s.args[1] != "meta" {
		s.deprecated("the recipient is today written value=%s", s.args[1])
		s.args = slices.Clone(s.args)
		s.args[1] = "value=" + s.args[1]
	}
}

// addRemoteOlder reads 0.9's cluster node add-remote ADDRESS NAME. An address can be told from a name where it is an IP address.
func addRemoteOlder(s *session) {
	if len(s.args) < 2 || strings.Contains(s.args[1], "=") || checkID(s.args[1], "node name") != nil {
		return
	}
	if _, err := netip.ParseAddr(s.args[0]); err == nil {
		s.deprecated("the node's name comes first today, then its address")
		s.args = slices.Clone(s.args)
		s.args[0], s.args[1] = s.args[1], s.args[0]
	}
}

// forgetOlder reads cleanup's and refresh's --node NODE of 0.9 and 0.10, and 0.9's failcount reset RESOURCE [NODE].
func forgetOlder(s *session) {
	node, ok := s.opts["node"]
	if ok {
		s.deprecated("option --node is today the word node=%s", node)
	} else if s.cmd.path == "resource failcount reset" && len(s.args) == 2 {
		node, s.args = s.args[1], s.args[:1]
	}
	if node != "" {
		s.args = append(slices.Clone(s.args), "node="+node)
	}
}

// failcountOlder reads 0.9's failcount show RESOURCE NODE.
func failcountOlder(s *session) {
	if len(s.args) == 3 && s.args[0] == "show" && !strings.Contains(strings.Join(s.args[1:], ""), "=") {
		s.deprecated("the node is today written node=%s", s.args[2])
		s.args = append(slices.Clone(s.args[:2]), "node="+s.args[2])
	}
}

// devicesOlder are the devices of a fencing level, which 0.9 took with commas between them.
func (s *session) devicesOlder(words []string) []string {
	text := strings.Join(words, ",")
	if strings.Count(text, ",") >= len(words) && len(words) > 0 {
		s.deprecated("devices are given as words of their own, without ','")
	}
	return splitDevices(text)
}

// withoutWith puts the "with" into A B SCORE […], as colocation add took it up to 0.9.
func (s *session) withoutWith(words []string) []string {
	if len(words) < 3 || slices.Contains(words, "with") || !isScore(words[2]) {
		return words
	}
	s.deprecated("'%[1]s %[2]s' is today '%[1]s with %[2]s'", words[0], words[1])
	return slices.Insert(slices.Clone(words), 1, "with")
}

// hasLifetime says whether words end a move after some time, which the move that takes its constraint away itself does not know.
func hasLifetime(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "lifetime=") })
}

// datesOlder puts 0.9's dates into today's words: date start=DATE gt, date end=DATE lt, date start=DATE end=DATE in_range.
func datesOlder(tokens []string) []string {
	var out []string
	for len(tokens) > 0 {
		three := append(slices.Clone(tokens), "", "", "", "")[1:4]
		start, hasStart := strings.CutPrefix(three[0], "start=")
		end, hasEnd := strings.CutPrefix(three[0], "end=")
		until, hasUntil := strings.CutPrefix(three[1], "end=")
		switch {
		case tokens[0] != "date":
			out, tokens = append(out, tokens[0]), tokens[1:]
		case hasStart && three[1] == "gt":
			out, tokens = append(out, "date", "gt", start), tokens[3:]
		case hasEnd && three[1] == "lt":
			out, tokens = append(out, "date", "lt", end), tokens[3:]
		case hasStart && hasUntil && three[2] == "in_range":
			out, tokens = append(out, "date", "in_range", start, "to", until), tokens[4:]
		default:
			out, tokens = append(out, "date"), tokens[1:]
		}
	}
	return out
}
