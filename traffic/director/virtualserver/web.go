package virtualserver

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"holdfast/traffic/director/check"
	"holdfast/traffic/director/config"
	"holdfast/traffic/keepalived"
)

func webKeywords() keepalived.Keywords[checker] {
	return connecting().With(keepalived.Keywords[checker]{
		"fast_recovery": ignored, // pages are asked for side by side
		"http_protocol": func(c *checker, d directive) error {
			text, err := keepalived.Value(d, "1.0, 1.0C or 1.1")
			c.version = check.Version(text)
			if err == nil && !slices.Contains([]check.Version{check.HTTP10, check.HTTP10Closed, check.HTTP11}, c.version) {
				err = d.Errorf("%q: want 1.0, 1.0C or 1.1", text)
			}
			return err
		},
		"url": func(c *checker, d directive) error {
			p := page{}
			if err := pageKeywords.Read(&p, d.Block); err != nil {
				return err
			}
			if p.text != "" {
				var err error
				if p.Match, err = regexp.Compile(p.text); err != nil {
					return d.Errorf("regex %q is no regular expression that is understood (RE2; no references, no looking around): %w", p.text, err)
				}
			}
			c.pages = append(c.pages, p.Page)
			return nil
		},
		"enable_sni":    func(c *checker, d directive) (err error) { c.sni, err = keepalived.Boolean(d); return err },
		"tls_compliant": ignored, "virtualhost": func(c *checker, d directive) (err error) {
			c.r.host, err = keepalived.Value(d, "a name")
			return err
		},
	})
}

// page is an url block.
type page struct {
	check.Page
	text string
}

var pageKeywords = keepalived.Keywords[page]{
	"path": func(p *page, d directive) (err error) { p.Path, err = keepalived.Value(d, "a path"); return err },
	"digest": func(p *page, d directive) (err error) {
		p.Digest, err = keepalived.Value(d, "a digest")
		if b, wrong := hex.DecodeString(p.Digest); err == nil && (wrong != nil || len(b) != md5.Size) {
			err = d.Errorf("%q: want the MD5 sum of the page, 32 hexadecimal digits", p.Digest)
		}
		return err
	},
	"virtualhost": func(p *page, d directive) (err error) { p.Host, err = keepalived.Value(d, "a name"); return err },
	"regex": func(p *page, d directive) (err error) {
		p.text, err = keepalived.Value(d, "a regular expression")
		return err
	},
	"regex_no_match": func(p *page, d directive) (err error) {
		p.Not, err = keepalived.Boolean(d)
		return err
	},
	"regex_options": func(p *page, d directive) error {
		flags := map[string]string{"caseless": "i", "multiline": "m", "dotall": "s", "ungreedy": "U"}
		for _, word := range d.Values() {
			f, ok := flags[word]
			if word == "utf" || word == "ucp" {
				continue // always so
			}
			if !ok {
				return d.Errorf("%q: of the options of PCRE there are caseless, multiline, dotall, ungreedy, utf and ucp", word)
			}
			p.text = "(?" + f + ")" + p.text
		}
		return nil
	},
	"regex_stack":      func(*page, directive) error { return nil }, // there is none that could be too small
	"regex_min_offset": func(p *page, d directive) (err error) { p.From, err = keepalived.Integer(d, 0, 1<<30); return err },
	"regex_max_offset": func(p *page, d directive) (err error) { p.To, err = keepalived.Integer(d, 0, 1<<30); return err },
	"status_code": func(p *page, d directive) error {
		for _, word := range d.Values() {
			from, to, ranged := strings.Cut(word, "-")
			low, err1 := strconv.Atoi(from)
			high, err2 := low, error(nil)
			if ranged {
				high, err2 = strconv.Atoi(to)
			}
			if err1 != nil || err2 != nil || low < 100 || high > 999 || high < low {
				return d.Errorf("%q: want a status from 100 to 999, or a range of them", word)
			}
			for n := low; n <= high; n++ {
				p.Status = append(p.Status, n)
			}
		}
		return nil
	},
}

func (c *checker) web(d directive, one config.Check) ([]config.Check, error) {
	if len(c.pages) == 0 {
		return nil, d.Errorf("it has no url")
	}
	var all []config.Check
	for _, p := range c.pages {
		each := one
		if len(p.Status) == 0 && p.Digest == "" {
			for n := 200; n < 300; n++ {
				p.Status = append(p.Status, n)
			}
		}
		p.Host = cmp.Or(p.Host, c.r.host)
		p.Version = c.version
		each.Page = p
		if d.Keyword() == "SSL_GET" {
			own := c.r.s.c.tls
			each.TLS = &own
			if c.sni {
				each.TLS.ServerName = p.Host
			}
		}
		all = append(all, each)
	}
	return all, nil
}
