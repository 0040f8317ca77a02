package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/spelling"
	"holdfast/traffic/proxy/cache"
	"holdfast/traffic/proxy/sample"
)

// Source is what a configuration is read from.
type Source interface {
	sample.Files
	// Environment is os.LookupEnv's.
	Environment(name string) (string, bool)
	// Resolve finds a host's address.
	Resolve(host string) (netip.Addr, error)
}

// Accounts is what a Source may be besides: whether users and groups of these names are there. A Source that is not takes any name.
type Accounts interface {
	User(name string) error
	Group(name string) error
}

// File is the name and the text of a configuration file.
type File struct {
	Name string
	Text []byte
}

// parser reads files into a Config.
type parser struct {
	source   Source
	config   *Config
	problems []error

	section    string // the one at hand
	proxy      *Proxy // in a proxy's section or defaults
	users      *Userlist
	resolvers  *Resolvers
	mailers    *Mailers
	peers      *Peers
	ring       *Ring
	program    *Program
	cache      *cache.Settings
	errors     string                  // name of the http-errors section
	ahead      map[string]map[int]Page // as pages, of the whole configuration
	onlyErrors bool                    // see findErrors
	pages      map[string]map[int]Page
	defaults   map[string]*Proxy // by name
	last       *Proxy            // the defaults read last
	unset      map[string]string // environment: changes by setenv and presetenv
	hidden     map[string]bool   // by unsetenv
	onlyEnv    map[string]bool   // what resetenv leaves; nil: everything
	later      []func()          // checks for when all is read
}

// section is a kind of section: how it begins and what its lines do.
type section struct {
	begin func(p *parser, l Line) *Problem
	line  func(p *parser, l Line) *Problem
}

// enter begins a section that has a name of its own among others of its kind.
func enter[Kind any](l Line, all map[string]*Kind, one *Kind, name *string) *Problem {
	if problem := l.wants(1, 1); problem != nil {
		return problem
	}
	if problem := l.checkSection(); problem != nil {
		return problem
	}
	*name = l.Words[1]
	if all[*name] != nil {
		return l.problem("there are %s %q already", l.Words[0], *name)
	}
	all[*name] = one
	return nil
}

// checkSection tells what is wrong with the name that a section begins with.
func (l Line) checkSection() *Problem {
	name := l.Words[1]
	if name == "" {
		return l.problem("%s wants a name", l.Words[0])
	}
	if l.Words[0] == "cache" || l.Words[0] == "program" { // HAProxy takes any name here
		return nil
	}
	return l.checkName(name)
}

var sections map[string]section

func init() {
	sections = map[string]section{
		"global":      {beginGlobal, globalLine},
		"defaults":    {beginProxy, proxyLine},
		"frontend":    {beginProxy, proxyLine},
		"backend":     {beginProxy, proxyLine},
		"listen":      {beginProxy, proxyLine},
		"userlist":    {beginUserlist, userlistLine},
		"http-errors": {beginErrors, errorsLine},
		"mailers":     {beginMailers, mailersLine},
		"peers":       {beginPeers, peersLine},
		"ring":        {beginRing, ringLine},
		"program":     {beginProgram, programLine},
		"resolvers":   {beginResolvers, resolversLine},
		"cache":       {beginCache, cacheLine},
	}
}

// Load reads files, in their order, into one configuration. Its error joins all that is wrong.
func Load(files []File, source Source) (*Config, error) {
	p := &parser{
		source:   source,
		config:   &Config{Userlists: map[string]*Userlist{}, Resolvers: map[string]*Resolvers{}, Mailers: map[string]*Mailers{}, Peers: map[string]*Peers{}, Rings: map[string]*Ring{}, Caches: map[string]*cache.Settings{}, Compiler: &sample.Compiler{Files: source}},
		pages:    map[string]map[int]Page{},
		defaults: map[string]*Proxy{},
		unset:    map[string]string{},
		hidden:   map[string]bool{},
	}
	p.config.Global.setDefaults()
	p.findErrors(files)
	for _, f := range files {
		p.file(f)
	}
	for _, check := range p.later {
		check()
	}
	p.finish()
	p.checkPeers()
	return p.config, errors.Join(p.problems...)
}

func (p *parser) report(problem *Problem) {
	if problem != nil {
		p.problems = append(p.problems, problem)
	}
}

func (p *parser) warn(l Line, format string, args ...any) {
	p.config.Warnings = append(p.config.Warnings, l.problem(format, args...).Error())
}

func (p *parser) env(name string) (string, bool) {
	if v, ok := p.unset[name]; ok {
		return v, true
	}
	if p.hidden[name] || p.onlyEnv != nil && !p.onlyEnv[name] {
		return "", false
	}
	return p.source.Environment(name)
}

func (p *parser) file(f File) {
	p.section = ""
	b := &blocks{env: p.env}
	for n, text := range strings.Split(string(f.Text), "\n") {
		l := Line{File: f.Name, Number: n + 1}
		words, err := split(text, func(name string) (string, bool) {
			switch name {
			case ".FILE":
				return l.File, true
			case ".LINE":
				return itoa(l.Number), true
			case ".SECTION":
				return p.section, true
			}
			return p.env(name)
		})
		switch l.Words = words; {
		case err != nil:
			p.report(l.problem("%v", err))
		case len(words) == 0:
		case strings.HasPrefix(words[0], "."):
			p.report(p.dotLine(b, l))
		case b.live():
			p.line(l)
		}
	}
	for _, o := range b.open {
		p.report(o.line.problem(".if has no .endif"))
	}
}

// The preprocessor's words.
var (
	conditions = fields(".if .elif .else .endif")
	messages   = fields(".notice .warning .alert .diag")
)

// dotLine is a line of the preprocessor's.
func (p *parser) dotLine(b *blocks, l Line) *Problem {
	word, rest := l.Words[0], strings.Join(l.Words[1:], " ")
	switch {
	case slices.Contains(conditions, word):
		return b.directive(l, rest)
	case !b.live():
		return nil
	case slices.Contains(messages, word):
		if len(l.Words) > 2 {
			return l.problem("%s: the word %q is not expected; a message with blanks stands in quotes", word, l.Words[2])
		}
		switch word {
		case ".alert":
			return l.problem("%s", rest)
		case ".warning":
			p.warn(l, "%s", rest)
		case ".notice":
			p.config.Notices = append(p.config.Notices, l.problem("%s", rest).Error())
		}
		return nil // .diag speaks only where somebody asks for diagnostics
	}
	return l.problem("directive %q is not known; there are .if, .elif, .else, .endif, .notice, .warning, .diag and .alert", l.Words[0])
}

func (p *parser) line(l Line) {
	word := l.Words[0]
	p.config.Compiler.File, p.config.Compiler.Line = l.File, l.Number
	if s, ok := sections[word]; ok && !(p.section == "global" && word == "global") {
		p.section = word
		p.proxy = nil
		if !p.onlyErrors || word == "http-errors" {
			p.report(s.begin(p, l))
		}
		return
	}
	if p.onlyErrors && p.section != "http-errors" {
		return
	}
	if why, ok := refusedSections[word]; ok && p.section != "global" {
		p.section = "refused"
		p.report(l.problem("section %q is not offered: %s", word, why))
		return
	}
	switch p.section {
	case "refused":
	case "":
		known := append(slices.Collect(maps.Keys(sections)), slices.Collect(maps.Keys(refusedSections))...)
		slices.Sort(known)
		p.report(l.problem("%q stands before any section; a section begins with one of %s", word, strings.Join(known, ", ")))
	default:
		p.report(sections[p.section].line(p, l))
		p.checkReferences(l)
	}
}

// unknown is the problem of a word that no table has.
func (l Line) unknown(what, word string, known []string, refused map[string]string) *Problem {
	if why, ok := refused[word]; ok {
		return l.problem("%s %q is known to HAProxy but not offered here%s", what, word, because(why))
	}
	slices.Sort(known)
	if near := spelling.Nearest(word, known, 3); near != "" {
		return l.problem("%s %q is not known; did you mean %q?", what, word, near)
	}
	return l.problem("%s %q is not known", what, word)
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// finish checks what only the whole can show.
func (p *parser) finish() {
	ids := map[int]bool{}
	for _, x := range p.config.Proxies {
		ids[x.ID] = true
	}
	next := 1
	names := map[string]*Proxy{}
	for _, x := range p.config.Proxies {
		if x.ID == 0 {
			for next++; ids[next]; next++ {
			}
			x.ID = next
		}
		for _, side := range []struct {
			on   bool
			name string
		}{{x.Front, "front "}, {x.Back, "back "}} {
			if !side.on {
				continue
			}
			if other := names[side.name+x.Name]; other != nil {
				p.report(x.problem("the name %q is taken by the %s in %s:%d", x.Name, other.Kind(), other.File, other.Line))
			}
			names[side.name+x.Name] = x
		}
	}
	for _, x := range p.config.Proxies {
		x.numberServers()
		p.checkProxy(x)
	}
	p.fillFullConns(names)
}

// checkTimeouts warns of a proxy that would wait without end for a client, or for a server.
func (p *parser) checkTimeouts(x *Proxy) {
	t := &x.Timeouts
	if x.Front && t.Client == 0 || x.Back && len(x.Servers) > 0 && (t.Connect == 0 || t.Server == 0 && (x.Mode == HTTP || t.Tunnel == 0)) {
		p.config.Warnings = append(p.config.Warnings, x.problem("timeouts are missing: set `timeout client`, `timeout connect` and `timeout server`, or who is silent is waited for without end").Error())
	}
}

// fillFullConns gives backends without fullconn a tenth of the clients that the frontends before them take together. names are the backends, by "back " and their names.
func (p *parser) fillFullConns(names map[string]*Proxy) {
	clients, anywhere := map[*Proxy]int{}, 0
	for _, x := range p.config.Proxies {
		if !x.Front {
			continue
		}
		most := cmp.Or(x.MaxConn, p.config.Global.MaxConn)
		if slices.ContainsFunc(x.UseBackends, func(u UseBackend) bool { return u.Format != nil }) {
			anywhere += most
			continue
		}
		behind := map[*Proxy]bool{x: x.Back}
		for _, name := range x.backendNames() {
			behind[names["back "+name]] = true
		}
		for b, reached := range behind {
			if reached && b != nil {
				clients[b] += most
			}
		}
	}
	for _, x := range p.config.Proxies {
		if sum := clients[x] + anywhere; x.Back && x.FullConn == 0 && sum > 0 {
			x.FullConn = (sum + 9) / 10
		}
	}
}

// numberServers gives servers without an id the first numbers that are free, from their place among all servers on.
func (p *Proxy) numberServers() {
	taken := map[int]bool{}
	for _, s := range p.Servers {
		taken[s.ID] = true
	}
	next := 1
	for _, s := range p.Servers {
		if s.Number = s.ID; s.ID == 0 {
			for taken[next] {
				next++
			}
			s.Number = next
		}
		next++
	}
}

func (p *Proxy) problem(format string, args ...any) *Problem {
	return &Problem{p.File, p.Line, fmt.Sprintf("%s %s: ", p.Kind(), p.Name) + fmt.Sprintf(format, args...)}
}

// checkProxy checks that what a proxy names is there and fits.
func (p *parser) checkProxy(x *Proxy) {
	if x.Front {
		for _, name := range x.backendNames() {
			b := p.config.Proxy(name, true)
			switch {
			case b == nil:
				p.report(x.problem("there is no backend %q", name))
			case b.Mode != x.Mode && !(b.Mode == HTTP && x.Mode == TCP):
				p.report(x.problem("backend %q has another mode", name))
			}
		}
		if len(x.Binds) == 0 {
			p.config.Warnings = append(p.config.Warnings, x.problem("it has no bind, so nobody can reach it").Error())
		}
	}
	p.checkTimeouts(x)
	p.checkProtocols(x)
	p.warnOfIdle(x)
	p.numberBinds(x)
	p.checkResolvers(x)
	p.checkEmail(x)
	p.checkTracks(x)
	if problem := p.completeCheck(x); problem != nil {
		p.report(problem)
	}
	for _, s := range x.Servers {
		s.secureChecks(&x.Check)
	}
	for _, u := range x.UseServers {
		if !slices.ContainsFunc(x.Servers, func(s *Server) bool { return s.Name == u.Name }) {
			p.report(x.problem("use-server: there is no server %q", u.Name))
		}
	}
}

// checkProtocols makes sure that nobody is to speak HTTP where it is not understood.
func (p *parser) checkProtocols(x *Proxy) {
	if x.Mode != TCP {
		return
	}
	for _, b := range x.Binds {
		if b.Spoken {
			p.report(&Problem{x.File, b.Line, "bind: proto names a kind of HTTP, which is for mode http"})
		}
	}
	for _, s := range x.Servers {
		if s.Spoken {
			p.report(&Problem{s.File, s.Line, fmt.Sprintf("server %s: proto names a kind of HTTP, which is for mode http", s.Name)})
		}
	}
}

func (p *Proxy) backendNames() []string {
	var names []string
	if p.DefaultBack != "" {
		names = append(names, p.DefaultBack)
	}
	for _, u := range p.UseBackends {
		if u.Format == nil {
			names = append(names, u.Name)
		}
	}
	return names
}

func itoa(n int) string { return strconv.Itoa(n) }

// missing makes an error of a file that cannot be read shorter to read.
func missing(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("%s: %w", path.Path, path.Err)
	}
	return err
}
