package config

import (
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/keepalived"
)

// tracking are the keywords of what is tracked, in instances and groups.
func tracking[T any](of func(*T) *Tracking) keepalived.Keywords[T] {
	return keepalived.Keywords[T]{
		"track_interface": func(t *T, d keepalived.Directive) (err error) {
			of(t).Interfaces, err = tracks(d)
			return err
		},
		"track_script":  func(t *T, d keepalived.Directive) (err error) { of(t).Scripts, err = tracks(d); return err },
		"track_file":    func(t *T, d keepalived.Directive) (err error) { of(t).Files, err = tracks(d); return err },
		"track_process": func(t *T, d keepalived.Directive) (err error) { of(t).Processes, err = tracks(d); return err },
	}
}

// noWeight stands for a weight that is not written: the tracked thing's own counts.
const noWeight = 1 << 20

// tracks reads lines of NAME [weight N [reverse]].
func tracks(d keepalived.Directive) ([]Track, error) {
	var all []Track
	for _, line := range d.Block {
		t := Track{At: line.At, Name: line.Keyword(), Weight: noWeight}
		o := &options{line, line.Values()}
		for key, ok := o.next(); ok; key, ok = o.next() {
			switch key {
			case "weight":
				text, err := o.value(key)
				if err != nil {
					return nil, err
				}
				if t.Weight, err = weight(line, text, mostWeight); err != nil {
					return nil, err
				}
			case "reverse":
				t.Reverse = true
			case "noreverse", "no_reverse":
				t.Reverse = false
			default:
				return nil, line.At.Errorf("%q after %s is not known; accepted is: weight N [reverse]", key, t.Name)
			}
		}
		all = append(all, t)
	}
	return all, nil
}

// mostWeight is what a track may change a priority by; of a file's number the product counts.
const (
	mostWeight     = 254
	mostFileWeight = 1<<31 - 1
)

func weight(d keepalived.Directive, text string, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < -most || n > most {
		return 0, d.Errorf("weight %q: want a number from -%d to %d", text, most, most)
	}
	return n, nil
}

// weightAndReverse reads "weight N [reverse]" in the block of a tracked thing.
func weightAndReverse(d keepalived.Directive, most int) (n int, reverse bool, err error) {
	switch v := d.Values(); {
	case len(v) == 2 && v[1] == "reverse":
		reverse = true
	case len(v) != 1:
		return 0, false, d.Errorf("want a number and perhaps reverse, got %q", strings.Join(v, " "))
	}
	n, err = weight(d, d.Words[1], most)
	return n, reverse, err
}

var scriptKeywords = keepalived.Keywords[Script]{
	"script": func(s *Script, d keepalived.Directive) (err error) {
		s.Command, err = keepalived.Command(d, d.Values())
		return err
	},
	"interval": func(s *Script, d keepalived.Directive) (err error) {
		s.Interval, err = keepalived.Seconds(d, time.Millisecond, 24*time.Hour)
		return err
	},
	"timeout": func(s *Script, d keepalived.Directive) (err error) {
		s.Timeout, err = keepalived.Seconds(d, 0, 24*time.Hour)
		return err
	},
	"rise": func(s *Script, d keepalived.Directive) (err error) {
		s.Rise, err = keepalived.Integer(d, 1, 1<<20)
		return err
	},
	"fall": func(s *Script, d keepalived.Directive) (err error) {
		s.Fall, err = keepalived.Integer(d, 1, 1<<20)
		return err
	},
	"weight": func(s *Script, d keepalived.Directive) (err error) {
		s.Weight, s.Reverse, err = weightAndReverse(d, mostWeight)
		return err
	},
	"user": func(s *Script, d keepalived.Directive) (err error) {
		s.User, err = keepalived.User(d, d.Values())
		return err
	},
	"init_fail": func(s *Script, _ keepalived.Directive) error { s.InitiallyFailed = true; return nil },
}

func script(d keepalived.Directive) (Script, error) {
	name, err := keepalived.Value(d, "a name")
	if err != nil {
		return Script{}, err
	}
	s := Script{Name: name, Interval: time.Second, Rise: 1, Fall: 1}
	if err := scriptKeywords.Read(&s, d.Block); err != nil {
		return s, err
	}
	if len(s.Command) == 0 {
		return s, d.Errorf("%s has no script", name)
	}
	if s.Timeout == 0 {
		s.Timeout = s.Interval
	}
	return s, nil
}

var processKeywords = keepalived.Keywords[Process]{
	"process": func(p *Process, d keepalived.Directive) (err error) {
		if p.Command = d.Values(); len(p.Command) == 0 {
			err = d.Errorf("want the name of a process")
		}
		return err
	},
	"param_match": func(p *Process, d keepalived.Directive) error {
		text, err := keepalived.Value(d, "initial or partial")
		p.Match = ArgumentMatch(text)
		if err == nil && p.Match != InitialArguments && p.Match != PartialArguments {
			err = d.Errorf("%q: want initial or partial", text)
		}
		return err
	},
	"full_command": func(p *Process, _ keepalived.Directive) error { p.Full = true; return nil },
	"weight": func(p *Process, d keepalived.Directive) (err error) {
		p.Weight, p.Reverse, err = weightAndReverse(d, mostWeight)
		return err
	},
	"quorum": func(p *Process, d keepalived.Directive) (err error) {
		p.Quorum, err = keepalived.Integer(d, 1, 65535)
		return err
	},
	"quorum_max": func(p *Process, d keepalived.Directive) (err error) {
		p.Max, err = keepalived.Integer(d, 0, 65535)
		return err
	},
	"delay": func(p *Process, d keepalived.Directive) (err error) {
		p.UpDelay, err = keepalived.Seconds(d, 0, time.Hour)
		p.DownDelay = p.UpDelay
		return err
	},
	"fork_delay": func(p *Process, d keepalived.Directive) (err error) {
		p.UpDelay, err = keepalived.Seconds(d, 0, time.Hour)
		return err
	},
	"terminate_delay": func(p *Process, d keepalived.Directive) (err error) {
		p.DownDelay, err = keepalived.Seconds(d, 0, time.Hour)
		return err
	},
}

func process(d keepalived.Directive) (Process, error) {
	name, err := keepalived.Value(d, "a name")
	if err != nil {
		return Process{}, err
	}
	p := Process{Name: name, Weight: 1, Quorum: 1, Max: -1}
	if err := processKeywords.Read(&p, d.Block); err != nil {
		return p, err
	}
	if len(p.Command) == 0 {
		return p, d.Errorf("%s has no process", name)
	}
	return p, nil
}

var fileKeywords = keepalived.Keywords[File]{
	"file": func(f *File, d keepalived.Directive) (err error) {
		f.Path, err = keepalived.Value(d, "a path")
		return err
	},
	"weight": func(f *File, d keepalived.Directive) (err error) {
		f.Weight, f.Reverse, err = weightAndReverse(d, mostFileWeight)
		return err
	},
	"init_file": func(f *File, d keepalived.Directive) (err error) {
		f.Initial = new(int)
		for _, word := range d.Values() {
			if word == "overwrite" {
				f.Overwrite = true
			} else if *f.Initial, err = strconv.Atoi(word); err != nil {
				return d.Errorf("%q: want a number, and perhaps overwrite", word)
			}
		}
		return nil
	},
}

func file(d keepalived.Directive) (File, error) {
	name, err := keepalived.Value(d, "a name")
	if err != nil {
		return File{}, err
	}
	f := File{Name: name, Weight: 1}
	if err := fileKeywords.Read(&f, d.Block); err != nil {
		return f, err
	}
	if f.Path == "" {
		return f, d.Errorf("%s has no file", name)
	}
	return f, nil
}
