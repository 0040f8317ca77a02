package sample

import (
	"fmt"
	"io/fs"
	"net/netip"
	"testing"
	"time"

	"holdfast/traffic/proxy/h1"
)

type memory map[string]string

func (m memory) ReadFile(name string) ([]byte, error) {
	if text, ok := m[name]; ok {
		return []byte(text), nil
	}
	return nil, fs.ErrNotExist
}

const requestText = "GET /a/b.html?x=1&name=v%20w HTTP/1.1\r\nHost: WWW.Example.org:8080\r\nX-List: one, two ,three\r\nX-List: four\r\n" +
	"Cookie: a=1; SRV=web1; b=2\r\nAuthorization: Basic dTpw\r\n\r\n"

func context(t *testing.T) *Context {
	t.Helper()
	var h h1.Head
	if err := h.Request([]byte(requestText)); err != nil || h.Size == 0 {
		t.Fatal(err)
	}
	return &Context{Source: netip.MustParseAddrPort("192.0.2.7:1234"), Destination: netip.MustParseAddrPort("198.51.100.1:80"),
		Request: Message{&h, []byte(requestText)}, Frontend: "front", Now: time.Unix(1e9, 0), Log: &Record{Status: 200, Response: -1}}
}

func compiler() *Compiler {
	return &Compiler{Files: memory{"map": "# comment\nwww.example.org first value\n/a dir\n10.0.0.0/8 ten\n192.0.2.0/24 test\n", "networks": "10.0.0.0/8 ten\n192.0.2.0/24 test\n192.0.2.200 other\n192.0.2.7 host\n192.0.2.2/32 far\n", "list": "one\ntwo\n"}}
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	c := context(t)
	for text, want := range map[string]string{
		"src": "192.0.2.7", "dst_port": "80", "method": "GET", "path": "/a/b.html", "query": "x=1&name=v%20w", "url_param(x)": "1",
		"url_param(name),url_dec": "v w", "req.hdr(host),lower,field(1,:)": "www.example.org", "hdr(x-list,-1)": "four", "hdr(x-list,2)": "two",
		"hdr_cnt(x-list)": "4", "req.fhdr(x-list,1)": "one, two ,three", "cook(SRV)": "web1", "base": "WWW.Example.org:8080/a/b.html",
		"path,word(2,/)": "b.html", "path,bytes(1,3)": "a/b", "path,length": "9", "int(7),add(3),mul(2)": "20", "int(7),mod(4)": "3",
		"src,ipmask(24)": "192.0.2.0", "path,regsub(/a,/c)": "/c/b.html", "path,regsub([ab],x,g)": "/x/x.html", "str(abc),upper,base64": "QUJD",
		"hdr(host),host_only,lower,map(map)": "first value", "path,map_beg(map)": "dir", "src,map_ip(networks,none)": "host", "str(x),map(map,other)": "other",
		"path,sha1,hex": "", "str(x),md5,hex": "9DD4E461268C8034F5C8564E155C67A6", "http_auth_user": "u", "fe_name": "front", "date": "1000000000",
		"str(1),iif(yes,no)": "yes", "int(1000000000),http_date": "Sun, 09 Sep 2001 01:46:40 GMT", "hdr(none)": "", "pathq": "/a/b.html?x=1&name=v%20w",
	} {
		e, err := compiler().Expr(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := string(e.Append(nil, c)); got != want && want != "" {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
	for _, bad := range []string{"", "pathh", "hdr", "hdr(a", "path,nope", "int(x)", "path,field(0,:)", "src,,lower", "path lower", "path,map(nofile)"} {
		if _, err := compiler().Expr(bad); err == nil {
			t.Errorf("%q has no error", bad)
		}
	}
}

func TestConditionsAndACLs(t *testing.T) {
	t.Parallel()
	c := context(t)
	for text, want := range map[string]bool{
		"{ path /a/b.html }": true, "{ path_beg /a /c }": true, "{ path_beg /A }": false, "{ path_beg -i /A }": true, "{ path_end .html }": true,
		"{ path_reg ^/a/.*l$ }": true, "{ path_sub /b }": true, "{ path_dir a }": true, "{ path_dir b }": false, "{ hdr_dom(host) -i example.org }": true,
		"{ hdr(host) -i www.example.org:8080 }": true, "{ hdr(x-list) three }": true, "{ hdr_cnt(x-list) eq 4 }": true, "{ hdr_cnt(x-list) gt 4 }": false,
		"{ src 192.0.2.0/24 }": true, "{ src 10.0.0.0/8 }": false, "{ src_port 1000:2000 }": true, "{ path_len lt 5 }": false, "{ cook(SRV) -m found }": true,
		"{ cook(none) -m found }": false, "{ path /x } || { path_beg /a }": true, "{ path_beg /a } !{ src 192.0.2.7 }": false, "METH_GET": true,
		"METH_POST or HTTP_1.1": true, "FALSE": false, "{ hdr(x-list) -f list }": true, "{ url_param(x) -m int 1 }": true, "{ path -m beg /a }": true, "{ cook(SRV) -m bin 77656231 }": true, "{ cook(SRV) -m bin 41 }": false,
	} {
		for _, word := range []string{"if", "unless"} {
			words := append([]string{word}, split(text)...)
			condition, err := compiler().Condition(words)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			if got := condition.Holds(c); got != (want == (word == "if")) {
				t.Errorf("%s %s is %v", word, text, got)
			}
		}
	}
}

func split(text string) []string {
	var words []string
	for _, w := range []byte(text) {
		if w == ' ' {
			words = append(words, "")
			continue
		}
		if len(words) == 0 {
			words = append(words, "")
		}
		words[len(words)-1] += string(w)
	}
	return words
}

func TestFormats(t *testing.T) {
	t.Parallel()
	c := context(t)
	for text, want := range map[string]string{
		"%ci:%cp %f": "192.0.2.7:1234 front", "%{+Q}r": `"GET /a/b.html?x=1&name=v%20w HTTP/1.1"`, "%ST %Tr 100%%": "200 -1 100%",
		"a %[req.hdr(none)] b": "a  b", "%[src]-%[path,upper]": "192.0.2.7-/A/B.HTML", "%b/%s": "front/<NOSRV>",
	} {
		f, err := compiler().Format(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := string(f.Append(nil, c)); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"a %hr %hs b": "a b", "  a   b": "a b", "%[req.hdr(none)]": "-", "%{+Q}[req.hdr(none)]": `""`, "%{+Q}o %ST %cp %CC %f %hr%hs": `200 1234 "" "front" `,
	} {
		f, err := compiler().Format(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := string(f.ForLog().Append([]byte("before"), c)); got != "before"+want {
			t.Errorf("in a log, %s is %q, want %q", text, got, want)
		}
	}
}

func FuzzFindCookie(f *testing.F) {
	f.Add("a=1; SRV=web1; b=2", "SRV")
	f.Add("SRV=", "SRV")
	f.Add(";;=; =SRV", "SRV")
	f.Fuzz(func(t *testing.T, value, name string) {
		from, to, ok := FindCookie([]byte(value), name)
		if ok && (from < len(name)+1 || to < from || to > len(value) || value[from-len(name)-1:from] != name+"=") {
			t.Fatalf("%q in %q is said to be at %d to %d", name, value, from, to)
		}
	})
}

func FuzzExpr(f *testing.F) {
	f.Add("req.hdr(host),lower,field(1,:)")
	f.Add(`path,regsub("a,b",'c')`)
	f.Fuzz(func(_ *testing.T, text string) {
		k := compiler()
		if e, err := k.Expr(text); err == nil {
			e.Append(nil, &Context{Log: &Record{}, Request: Message{Head: &h1.Head{}}, Answer: Message{Head: &h1.Head{}}})
		}
		_, _ = k.Format(fmt.Sprintf("%%[%s]", text))
	})
}
