package config

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"holdfast/traffic/proxy/h1"
)

// answered are the statuses that the proxy gives itself, whose pages can be changed.
var answered = map[int]bool{
	200: true, 400: true, 401: true, 403: true, 404: true, 405: true, 407: true, 408: true, 410: true, 413: true, 421: true, 422: true, 425: true, 429: true,
	500: true, 501: true, 502: true, 503: true, 504: true,
}

func (l Line) status(text string) (int, *Problem) {
	n, err := strconv.Atoi(text)
	if err != nil || !answered[n] {
		return 0, l.problem("%s: %q is not a status whose page can be changed", l.Words[0], text)
	}
	return n, nil
}

// errorFileLine reads errorfile STATUS FILE.
func errorFileLine(p *parser, l Line) *Problem {
	if problem := l.wants(2, 2); problem != nil {
		return problem
	}
	status, problem := l.status(l.Words[1])
	if problem != nil {
		return problem
	}
	page, problem := p.errorFile(l, status, l.Words[2])
	p.proxy.Errors[status] = page
	return problem
}

// errorFile reads a whole answer from a file, and gives it a content-length that is true.
func (p *parser) errorFile(l Line, status int, name string) (Page, *Problem) {
	b, err := p.source.ReadFile(name)
	if err != nil {
		return Page{}, l.problem("%s: %v", l.Words[0], missing(err))
	}
	if most := p.config.Global.BufferSize; len(b) > most {
		return Page{}, l.problem("%s: %s has %d bytes, and an answer may have %d (tune.bufsize)", l.Words[0], name, len(b), most)
	}
	if len(b) == 0 || name == "/dev/null" {
		return Page{Status: status, Raw: []byte{}}, nil
	}
	head, body, ok := bytes.Cut(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	if !ok {
		return Page{}, l.problem("%s: %s has no empty line between head and body", l.Words[0], name)
	}
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		body = b[i+4:]
	}
	head = append(bytes.ReplaceAll(head, []byte("\n"), []byte("\r\n")), "\r\n\r\n"...)
	var h h1.Head
	if err := h.Response(head); err != nil || h.Size != len(head) {
		return Page{}, l.problem("%s: %s does not begin with an HTTP answer", l.Words[0], name)
	}
	if h.Length >= 0 && h.Length != int64(len(body)) {
		return Page{}, l.problem("%s: %s says content-length: %d, and has a body of %d bytes", l.Words[0], name, h.Length, len(body))
	}
	h.Drop(head, "content-length")
	h.Drop(head, "transfer-encoding")
	raw := append(h.AppendResponse(nil, head), "content-length: "...)
	raw = append(strconv.AppendInt(raw, int64(len(body)), 10), "\r\n\r\n"...)
	return Page{Status: status, Raw: append(raw, body...)}, nil
}

// errorLocationLine reads errorloc|errorloc302|errorloc303 STATUS URL.
func errorLocationLine(p *parser, l Line) *Problem {
	if problem := l.wants(2, 2); problem != nil {
		return problem
	}
	status, problem := l.status(l.Words[1])
	if problem != nil {
		return problem
	}
	line := "HTTP/1.1 302 Found\r\n"
	if l.Words[0] == "errorloc303" {
		line = "HTTP/1.1 303 See Other\r\n"
	}
	p.proxy.Errors[status] = Page{Status: status, Raw: []byte(line + "cache-control: no-cache\r\ncontent-length: 0\r\nlocation: " + l.Words[2] + "\r\n\r\n")}
	return nil
}

func beginErrors(p *parser, l Line) *Problem {
	if problem := l.wants(1, 1); problem != nil {
		return problem
	}
	p.errors = ""
	if problem := l.checkSection(); problem != nil {
		return problem
	}
	if p.pages[l.Words[1]] != nil {
		return l.problem("there are http-errors %q already", l.Words[1])
	}
	p.errors = l.Words[1]
	p.pages[p.errors] = map[int]Page{}
	return nil
}

func errorsLine(p *parser, l Line) *Problem {
	if l.Words[0] != "errorfile" {
		return l.unknown("http-errors directive", l.Words[0], []string{"errorfile"}, nil)
	}
	if problem := l.wants(2, 2); problem != nil {
		return problem
	}
	status, problem := l.status(l.Words[1])
	if problem != nil {
		return problem
	}
	page, problem := p.errorFile(l, status, l.Words[2])
	if p.errors != "" {
		p.pages[p.errors][status] = page
	}
	return problem
}

// findErrors reads the http-errors sections of all files: proxies may name those that come behind them. What is wrong with them is told when they are read
// in their turn.
func (p *parser) findErrors(files []File) {
	ahead := &parser{source: p.source, config: &Config{Compiler: p.config.Compiler}, pages: map[string]map[int]Page{}, unset: map[string]string{}, hidden: map[string]bool{}, onlyErrors: true}
	ahead.config.Global.BufferSize = math.MaxInt // it is not known yet
	for _, f := range files {
		ahead.file(f)
	}
	p.ahead = ahead.pages
}

// errorsOf are the pages of a http-errors section.
func (p *parser) errorsOf(name string) (map[int]Page, bool) {
	if pages, ok := p.pages[name]; ok {
		return pages, true
	}
	pages, ok := p.ahead[name]
	return pages, ok
}

// errorFilesLine reads errorfiles SECTION [STATUS…].
func errorFilesLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	pages, ok := p.errorsOf(l.Words[1])
	if !ok {
		return l.problem("there is no http-errors section %q", l.Words[1])
	}
	if len(l.Words) == 2 {
		for status, page := range pages {
			p.proxy.Errors[status] = page
		}
		return nil
	}
	for _, w := range l.Words[2:] {
		status, problem := l.status(w)
		if problem != nil {
			return problem
		}
		page, ok := pages[status]
		if !ok {
			return l.problem("http-errors %s has no page for %d", l.Words[1], status)
		}
		p.proxy.Errors[status] = page
	}
	return nil
}

// httpErrorLine reads http-error status N [errorfile|file|lf-file|string|lf-string …] [hdr NAME FORMAT].
func httpErrorLine(p *parser, l Line) *Problem {
	if !slices.Contains(l.Words, "status") {
		return l.problem("http-error wants `status` and the status whose answer it is")
	}
	page, problem := p.page(l, l.take(1), 200)
	if problem != nil {
		return problem
	}
	if !answered[page.Status] {
		return l.problem("http-error: a status whose page can be changed is expected")
	}
	p.proxy.Errors[page.Status] = *page
	return nil
}

// page reads what `return`, `deny` and `http-error` take; they answer with this status where no other is given. What is asked for with `status` alone has
// no body, and what with `deny_status` the page for it.
func (p *parser) page(l Line, t *taker, status int) (*Page, *Problem) {
	page := &Page{Status: status}
	for t.more() {
		switch w := t.next(); w {
		case "status", "deny_status":
			page.Status = t.count(w, 200, 599)
			page.Shared = w == "deny_status"
		case "content-type":
			page.Type = t.value(w)
		case "default-errorfiles":
			page.Shared = true
		case "errorfile":
			raw, problem := p.errorFile(l, page.Status, t.value(w))
			if page.Raw = raw.Raw; problem != nil {
				return page, problem
			}
		case "errorfiles":
			name := t.value(w)
			pages, _ := p.errorsOf(name)
			raw, ok := pages[page.Status]
			if page.Raw = raw.Raw; !ok {
				return page, l.problem("http-errors %q has no page for %d", name, page.Status)
			}
		case "file", "lf-file":
			b, err := p.source.ReadFile(t.value(w))
			if err != nil {
				return page, l.problem("%s: %v", w, missing(err))
			}
			p.body(page, t, b, w == "lf-file")
		case "string", "lf-string":
			text := t.value(w)
			if text == "" {
				t.fail("%s: %s wants a text", l.Words[0], w)
			}
			p.body(page, t, []byte(text), w == "lf-string")
		case "hdr":
			name := t.value(w)
			f, err := p.config.Compiler.Format(t.value(w))
			if err != nil {
				return page, l.problem("hdr %s: %v", name, err)
			}
			page.Fields = append(page.Fields, Assigned{name, f})
		default:
			t.fail("%s: %q is not known; there are status, content-type, default-errorfiles, errorfile, errorfiles, file, lf-file, string, lf-string and hdr", l.Words[0], w)
		}
	}
	page.Shared = page.Shared && page.Raw == nil && page.Body == nil && len(page.Fields) == 0
	if len(page.Body) > 0 && page.Type == "" {
		t.fail("%s: a body wants a content-type", l.Words[0])
	}
	return page, t.err
}

func (p *parser) body(page *Page, t *taker, b []byte, format bool) {
	page.Body = b
	if !format {
		return
	}
	f, err := p.config.Compiler.Format(string(b))
	if page.Format = f; err != nil {
		t.fail("%v", err)
	}
}
