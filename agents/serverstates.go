package agents

import (
	"bytes"
	"cmp"
	"compress/flate"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// serverStates is what the hosts of a cluster know of the servers that a proxy balances: what operators made of each and what checks found. Of
// both the newest counts, by the time that whoever saw the change gave it. An operator's word holds for the proxies of all hosts; what checks found
// is for those that begin, since a running one asks for itself.
//
// It is a value without clock and wire: observe takes what the proxy of this host shows, learn what another host published, commands are what
// this host's proxy is still to be told.
type serverStates struct {
	known   map[string]*serverState // by BACKEND/SERVER
	told    map[string]int64        // the times of the operators' words that this host's proxy was told
	clock   int64                   // the newest time there is
	changed bool                    // known has changed since it was encoded
}

// serverState is what is known of a server.
type serverState struct {
	word  word
	check []string // a line of the proxy's, for what checks found; nil: nothing is known
	found int64    // when that was
	own   bool     // this host's proxy has shown the server
	begun bool     // the proxy began with shown
	shown word     // what the proxy showed last
}

// word is what operators made of a server.
type word struct {
	state              string // ready, drain or maint
	weight, configured int
	disabled           bool  // by the configuration, which another state overrules
	time               int64 // Unix milliseconds, or one more than the newest before
}

// The fields of a line of `show servers state` that count here; HAProxy's management.txt has all.
const (
	fieldBackend    = 1
	fieldServer     = 3
	fieldOperation  = 5
	fieldAdmin      = 6
	fieldWeight     = 7
	fieldConfigured = 8
	fieldChange     = 9
	fieldStatus     = 10
	fieldResult     = 11
	stateFields     = 25

	adminMaintenance = 0x01 | 0x02 | 0x20
	adminConfigured  = 0x04
	adminDrain       = 0x08 | 0x10
)

// Bounds of what is published.
const (
	mostShared   = 4096    // servers
	longestState = 4 << 20 // bytes, when unpacked
)

const stateVersion = "1"

func newServerStates() *serverStates {
	return &serverStates{known: map[string]*serverState{}, told: map[string]int64{}}
}

// sameAs tells whether two words come to the same. Weights of servers that are configured otherwise cannot be compared.
func (w word) sameAs(other word) bool {
	return w.state == other.state && (w.weight == other.weight || w.configured != other.configured)
}

// asConfigured tells whether operators have left the server as it was.
func (w word) asConfigured() bool {
	return w.weight == w.configured && (w.state == "maint") == w.disabled && w.state != "drain"
}

// wordOf reads what operators made of a server from its line.
func wordOf(fields []string) (word, bool) {
	var numbers [3]int
	for i, at := range []int{fieldAdmin, fieldWeight, fieldConfigured} {
		n, err := strconv.Atoi(fields[at])
		if err != nil || n < 0 {
			return word{}, false
		}
		numbers[i] = n
	}
	w := word{state: "ready", weight: numbers[1], configured: numbers[2], disabled: numbers[0]&adminConfigured != 0}
	switch {
	case numbers[0]&adminMaintenance != 0:
		w.state = "maint"
	case numbers[0]&adminDrain != 0:
		w.state = "drain"
	}
	return w, true
}

// linesOf are the fields of the lines of a file of states.
func linesOf(text string) [][]string {
	var all [][]string
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) >= stateFields && !strings.HasPrefix(line, "#") {
			all = append(all, fields)
		}
	}
	return all
}

// tick returns a time for a change: now, or later than all that are known.
func (s *serverStates) tick(now time.Time) int64 {
	s.clock = max(s.clock+1, now.UnixMilli())
	return s.clock
}

// of returns the state of a server, a new one when there is none.
func (s *serverStates) of(fields []string) *serverState {
	name := fields[fieldBackend] + "/" + fields[fieldServer]
	if s.known[name] == nil {
		s.known[name] = &serverState{}
	}
	return s.known[name]
}

// begin takes the file that the proxy began with: what is not so any more, operators have changed while nobody looked.
func (s *serverStates) begin(file string) {
	for _, fields := range linesOf(file) {
		if w, ok := wordOf(fields); ok {
			k := s.of(fields)
			k.begun, k.shown = true, w
		}
	}
}

// observe takes what this host's proxy shows of the servers that it knows not only from its configuration.
func (s *serverStates) observe(text string, now time.Time) {
	for _, fields := range linesOf(text) {
		w, ok := wordOf(fields)
		if !ok {
			continue
		}
		k := s.of(fields)
		// What the proxy shows first is no news where another host has said something.
		if news := k.word.time == 0 || (k.own || k.begun) && !w.sameAs(k.shown); news && (k.word.time == 0 || !w.sameAs(k.word)) {
			k.word, s.changed = w, true
			k.word.time = s.tick(now)
		}
		if w.state != "maint" && !sameFinding(k.check, fields) { // nobody asks a server in maintenance
			k.check, k.found, s.changed = fields, s.tick(now), true
		}
		k.own, k.shown = true, w
	}
}

// sameFinding tells whether checks found the same.
func sameFinding(a, b []string) bool {
	return a != nil && a[fieldOperation] == b[fieldOperation] && a[fieldStatus] == b[fieldStatus] && a[fieldResult] == b[fieldResult]
}

// commands are what the proxy is to be told of other hosts' operators, each once.
func (s *serverStates) commands() []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(s.known)) {
		k := s.known[name]
		if s.told[name] >= k.word.time {
			continue
		}
		s.told[name] = k.word.time
		if k.own && k.shown.sameAs(k.word) || !k.own && k.word.asConfigured() {
			continue
		}
		all = append(all, "set server "+name+" state "+k.word.state)
		// A weight belongs to the configured one; a server that the proxy has not shown has that.
		if has := k.shown; k.own && has.configured == k.word.configured && has.weight != k.word.weight || !k.own && k.word.weight != k.word.configured {
			all = append(all, fmt.Sprintf("set weight %s %d", name, k.word.weight))
		}
	}
	return all
}

// learn takes what another host published.
func (s *serverStates) learn(published string) error {
	text, err := unpack(published)
	if err != nil {
		return err
	}
	version, text, _ := strings.Cut(text, "\n")
	if version != stateVersion {
		return fmt.Errorf("states of servers are of version %.16q, want %s", version, stateVersion)
	}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2+stateFields {
			return fmt.Errorf("states of servers: a line has %d fields, want at least %d", len(fields), 2+stateFields)
		}
		said, err := strconv.ParseInt(fields[0], 10, 64)
		found, problem := strconv.ParseInt(fields[1], 10, 64)
		w, ok := wordOf(fields[2:])
		if err != nil || problem != nil || !ok {
			return fmt.Errorf("states of servers: the line %.64q has no numbers where they belong", line)
		}
		k := s.of(fields[2:])
		if said > k.word.time {
			k.word, s.changed = w, true
			k.word.time = said
		}
		if found > k.found {
			k.check, k.found, s.changed = fields[2:], found, true
		}
		s.clock = max(s.clock, said, found)
	}
	return nil
}

// line is a server's line with all that is known of it.
func (k *serverState) line(name string) []string {
	fields := slices.Clone(k.check)
	if fields == nil { // as a server that nobody asked yet
		fields = strings.Fields("0 - 0 - - 2 0 1 1 0 1 0 2 0 0 0 0 - 0 - 0 0 - - 0")
		fields[fieldBackend], fields[fieldServer], _ = strings.Cut(name, "/")
	}
	admin := map[string]int{"ready": 0, "drain": 0x08, "maint": 0x01}[k.word.state]
	if k.word.disabled {
		admin |= adminConfigured
	}
	fields[fieldAdmin], fields[fieldWeight], fields[fieldConfigured] = strconv.Itoa(admin), strconv.Itoa(k.word.weight), strconv.Itoa(k.word.configured)
	return fields
}

// file is what a proxy that begins on this host begins with.
func (s *serverStates) file(now time.Time) string {
	var b strings.Builder
	b.WriteString(stateVersion + "\n")
	for _, name := range slices.Sorted(maps.Keys(s.known)) {
		fields := s.known[name].line(name)
		if k := s.known[name]; k.check != nil {
			fields[fieldChange] = strconv.FormatInt(max(0, now.UnixMilli()-k.found)/1000, 10)
		}
		b.WriteString(strings.Join(fields, " ") + "\n")
	}
	return b.String()
}

// encode is what is published. Of too many servers those that changed last count.
func (s *serverStates) encode() (string, error) {
	names := slices.SortedFunc(maps.Keys(s.known), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.known[b].newest(), s.known[a].newest()), cmp.Compare(a, b))
	})
	names = names[:min(len(names), mostShared)]
	text := stateVersion + "\n"
	var b strings.Builder
	for _, name := range names {
		k := s.known[name]
		fmt.Fprintf(&b, "%d %d %s\n", k.word.time, k.found, strings.Join(k.line(name), " "))
	}
	packed, err := pack(text + b.String())
	if err == nil {
		s.changed = false
	}
	return packed, err
}

func (k *serverState) newest() int64 { return max(k.word.time, k.found) }

// pack makes one line of letters of a text.
func pack(text string) (string, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

func unpack(packed string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return "", fmt.Errorf("unpack states of servers: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(raw)), longestState+1))
	if err != nil {
		return "", fmt.Errorf("unpack states of servers: %w", err)
	}
	if len(text) > longestState {
		return "", errors.New("unpack states of servers: they are too long")
	}
	return string(text), nil
}
