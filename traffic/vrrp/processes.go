package vrrp

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/vrrp/config"
)

// lookEvery is how often tracked processes and files are looked at.
const lookEvery = 500 * time.Millisecond

// looker looks at /proc and tracked files.
type looker struct {
	processes map[string]config.Process
	files     map[string]config.File
	proc      string // the directory
	since     map[string]time.Time
	told      map[string]bool
	numbers   map[string]int
}

// look reports what changed. A process's verdict turns when the count has been right, or wrong, for its delay.
func (l *looker) look(now time.Time, process func(name string, well bool), file func(name string, number int)) {
	if len(l.processes) > 0 {
		running := l.running()
		for name, p := range l.processes {
			n := count(running, p)
			l.settle(now, p, n >= p.Quorum && (p.Max < 0 || n <= p.Max), func(well bool) { process(name, well) })
		}
	}
	for name, f := range l.files {
		text, _ := os.ReadFile(f.Path) // a file that is missing counts 0, as keepalived.conf(5) says
		number, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		if last, known := l.numbers[name]; !known || last != number {
			l.numbers[name] = number
			file(name, number)
		}
	}
}

func (l *looker) settle(now time.Time, p config.Process, well bool, tell func(bool)) {
	last, known := l.told[p.Name]
	if known && well == last {
		delete(l.since, p.Name)
		return
	}
	since, waiting := l.since[p.Name]
	if !waiting {
		since = now
		l.since[p.Name] = now
	}
	delay := p.DownDelay
	if well {
		delay = p.UpDelay
	}
	if known && now.Sub(since) < delay {
		return
	}
	delete(l.since, p.Name)
	l.told[p.Name] = well
	tell(well)
}

// running lists the command lines of all processes; the first word of one that has none is its name.
func (l *looker) running() [][]string {
	entries, _ := os.ReadDir(l.proc)
	var all [][]string
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		line, err := os.ReadFile(filepath.Join(l.proc, e.Name(), "cmdline"))
		name, _ := os.ReadFile(filepath.Join(l.proc, e.Name(), "comm"))
		if err != nil || len(name) == 0 {
			continue // it ended meanwhile
		}
		words := []string{strings.TrimSpace(string(name))}
		for word := range bytes.SplitSeq(bytes.TrimRight(line, "\x00"), []byte{0}) {
			words = append(words, string(word))
		}
		all = append(all, words)
	}
	return all
}

// commLength is how much of a process's name the kernel keeps (proc(5), /proc/PID/comm).
const commLength = 15

// count counts processes: by name, or by command line when it is given with arguments.
func count(running [][]string, p config.Process) int {
	n := 0
	for _, words := range running {
		name := p.Command[0]
		switch {
		case p.Full || len(p.Command) > 1 || p.Match != config.SameArguments:
			if matches(words[1:], p) {
				n++
			}
		case words[0] == name[:min(len(name), commLength)]:
			n++
		}
	}
	return n
}

// matches compares a command line with the one that is looked for. Without arguments to look for there may be none.
func matches(line []string, p config.Process) bool {
	wanted := len(p.Command)
	if wanted == 1 || p.Match == config.SameArguments {
		return slices.Equal(line, p.Command)
	}
	if len(line) < wanted {
		return false
	}
	if p.Match == config.PartialArguments {
		return slices.Equal(line[:wanted], p.Command)
	}
	return slices.Equal(line[:wanted-1], p.Command[:wanted-1]) && strings.HasPrefix(line[wanted-1], p.Command[wanted-1])
}

// watch looks until ctx ends.
func (l *looker) watch(ctx context.Context, process func(string, bool), file func(string, int)) {
	beat := time.NewTicker(lookEvery)
	defer beat.Stop()
	for {
		l.look(time.Now(), process, file)
		select {
		case <-beat.C:
		case <-ctx.Done():
			return
		}
	}
}

// prepare writes the first number of files that do not exist and are to have one.
func (l *looker) prepare() {
	l.since = map[string]time.Time{}
	for _, f := range l.files {
		if _, err := os.Stat(f.Path); f.Initial != nil && (err != nil || f.Overwrite) {
			// A file that cannot be written counts 0, like one that is missing.
			_ = os.WriteFile(f.Path, []byte(strconv.Itoa(*f.Initial)+"\n"), 0o644)
		}
	}
}
