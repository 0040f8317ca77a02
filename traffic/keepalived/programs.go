package keepalived

import (
	"cmp"
	"path/filepath"
	"strings"
	"time"

	"holdfast/traffic/program"
)

// Call reads PROGRAM [USER [GROUP]]; arguments stand in the program's own, quoted word.
func Call(d Directive) (*program.Call, error) {
	if len(d.Values()) == 0 {
		return nil, d.Errorf("want the path of a program")
	}
	words, err := Command(d, d.Words[1:2])
	if err != nil {
		return nil, err
	}
	u, err := User(d, d.Words[2:])
	return &program.Call{Command: words, User: u}, err
}

// User reads [USER [GROUP]].
func User(d Directive, words []string) (program.User, error) {
	switch len(words) {
	case 0:
		return program.User{}, nil
	case 1:
		return program.User{Name: words[0]}, nil
	case 2:
		return program.User{Name: words[0], Group: words[1]}, nil
	}
	return program.User{}, d.Errorf("want a user and perhaps a group, got %q", strings.Join(words, " "))
}

// Pipes are the named pipes that states are written into, as directives of global_defs name them: by the word of each.
type Pipes struct {
	words   []string
	pipes   map[string]program.Pipe
	scripts map[string]*program.Call
}

// NewPipes is for the words of pipes; each may have a script, with _script behind its word.
func NewPipes(words ...string) *Pipes {
	return &Pipes{words, map[string]program.Pipe{}, map[string]*program.Call{}}
}

// PipeKeywords are the directives of the pipes that a T has.
func PipeKeywords[T any](of func(*T) *Pipes, words ...string) Keywords[T] {
	k := Keywords[T]{}
	for _, word := range words {
		k[word] = func(t *T, d Directive) error {
			if len(d.Values()) == 0 || !filepath.IsAbs(d.Words[1]) {
				return d.Errorf("want the path of a pipe, from / on")
			}
			u, err := User(d, d.Words[2:])
			of(t).pipes[word] = program.Pipe{Path: d.Words[1], User: u}
			return err
		}
		k[word+"_script"] = func(t *T, d Directive) (err error) {
			of(t).scripts[word], err = Call(d)
			return err
		}
	}
	return k
}

// All lists them, with their scripts, which run as a user where they name none; a script without a pipe runs no more than in keepalived.
func (p *Pipes) All(user program.User) []program.Pipe {
	var all []program.Pipe
	for _, word := range p.words {
		one, ok := p.pipes[word]
		if !ok {
			continue
		}
		if one.Script = p.scripts[word]; one.Script != nil && one.Script.User.Name == "" {
			one.Script.User = user
		}
		all = append(all, one)
	}
	return all
}

// Hooks are startup_script and shutdown_script.
type Hooks struct{ begin, end hook }

type hook struct {
	call    *program.Call
	timeout time.Duration
}

// HookKeywords are their directives.
func HookKeywords[T any](of func(*T) *Hooks) Keywords[T] {
	k := Keywords[T]{}
	for word, h := range map[string]func(*T) *hook{
		"startup_script": func(t *T) *hook { return &of(t).begin }, "shutdown_script": func(t *T) *hook { return &of(t).end },
	} {
		k[word] = func(t *T, d Directive) (err error) { h(t).call, err = Call(d); return err }
		k[word+"_timeout"] = func(t *T, d Directive) (err error) {
			h(t).timeout, err = Seconds(d, time.Second, 1000*time.Second)
			return err
		}
	}
	return k
}

// defaultHookTime is what keepalived.conf(5) says of startup_script_timeout.
const defaultHookTime = 10 * time.Second

// Both are the hooks; nil: none. They run as a user where they name none.
func (h Hooks) Both(user program.User) (begin, end *program.Hook) {
	one := func(h hook) *program.Hook {
		if h.call == nil {
			return nil
		}
		made := program.Hook{Call: *h.call, Timeout: cmp.Or(h.timeout, defaultHookTime)}
		if made.User.Name == "" {
			made.User = user
		}
		return &made
	}
	return one(h.begin), one(h.end)
}
