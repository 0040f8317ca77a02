package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// memory is a Source of a test's own.
type memory struct {
	files map[string]string
	env   map[string]string
	hosts map[string]netip.Addr
}

func (m memory) ReadFile(name string) ([]byte, error) {
	if text, ok := m.files[name]; ok {
		return []byte(text), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (m memory) Environment(name string) (string, bool) { v, ok := m.env[name]; return v, ok }

func (m memory) Resolve(host string) (netip.Addr, error) {
	if a, ok := m.hosts[host]; ok {
		return a, nil
	}
	return netip.Addr{}, fmt.Errorf("no such host")
}

func (m memory) User(name string) error {
	if name != "root" && name != "haproxy" {
		return fmt.Errorf("unknown user %s", name)
	}
	return nil
}

func (m memory) Group(name string) error { return m.User(name) }

func load(t *testing.T, text string, m memory) (*Config, error) {
	t.Helper()
	return Load([]File{{"test.cfg", []byte(text)}}, m)
}

func TestListing(t *testing.T) {
	t.Parallel()
	name := filepath.Join("..", "..", "..", "..", "shared", "listings", "oracle-cookbook", "haproxy.cfg")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Skip("the shared listings are not here: ", err)
	}
	c, err := load(t, string(text), memory{})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Proxies) != 3 || len(c.Proxies[1].Servers) != 2 || !c.Proxies[1].Servers[1].Check {
		t.Errorf("read as %+v", c.Proxies)
	}
	stats := c.Proxies[2].Stats
	if !stats.On || stats.URI != "/stats" || stats.Realm != "HAProxy Statistics" || stats.Refresh != 10*time.Second || len(stats.Admin) != 1 {
		t.Errorf("statistics are %+v", stats)
	}
	if front := c.Proxies[0]; front.Timeouts.Client != time.Minute || front.MaxConn != 3000 || !front.ForwardFor.On || front.DefaultBack != "www_servers" {
		t.Errorf("the frontend is %+v", front.Settings)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"A": "one two", "E": ""}[name]
		return v, ok
	}
	for _, c := range []struct{ in, want string }{
		{`a  b # c`, `a|b`},
		{`a\ b \#c`, `a b|#c`},
		{`'a "b" $A' x`, `a "b" $A|x`},
		{`"$A" "${A}"`, `one two|one two`},
		{`"${A[*]}"`, `one|two`},
		{`"${NONE-default}" "${E-default}" $A`, `default||$A`},
		{`"\"q\" \$A \\"`, `"q" $A \`},
		{`a\x41\n`, "aA\n"},
		{`^/a\.b$`, `^/a\.b$`},
		{`""`, ``},
	} {
		got, err := split(c.in, env)
		if err != nil || strings.Join(got, "|") != c.want {
			t.Errorf("%s became %q, %v; want %q", c.in, strings.Join(got, "|"), err, c.want)
		}
	}
	for _, bad := range []string{`'a`, `"a`, `a\`, `"$"`, `"${A"`, `"${A+x}"`, `\xq0`} {
		if got, err := split(bad, env); err == nil {
			t.Errorf("%s became %q; want an error", bad, got)
		}
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	env := func(name string) (string, bool) { return "x", name == "SET" }
	for text, want := range map[string]bool{
		"": false, "0": false, "1": true, "!1": false, "defined(SET)": true, "defined(NOT)": false,
		`streq("$SET",x)`: true, "strneq(a,b) && !defined(NOT)": true, "0 || (1 && 1)": true, "version_atleast(2.4)": true,
		"version_before(2.4)": false, "version_atleast(99)": false, "feature(OPENSSL)": true, "feature(LUA)": false,
	} {
		if got, err := Evaluate(text, env); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, bad := range []string{"maybe", "(1", "1 1", "streq(a)", "never(a)", "1 &&"} {
		if _, err := Evaluate(bad, env); err == nil {
			t.Errorf("%q has no error", bad)
		}
	}
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	c, err := load(t, `
.if defined(A)
  frontend a
    bind :1
.elif streq("${B-}",b)
  frontend b
    bind :1
  .if 0
    nonsense here
  .else
    maxconn 7
  .endif
.else
  frontend c
.endif
`, memory{env: map[string]string{"B": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Proxies) != 1 || c.Proxies[0].Name != "b" || c.Proxies[0].MaxConn != 7 {
		t.Errorf("read as %+v", c.Proxies)
	}
}

// TestProblems: each is told with its line and in words that help.
func TestProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"bind :80", `test.cfg:1: "bind" stands before any section`},
		{"frontend a\n bimd :80", `test.cfg:2: directive "bimd" is not known; did you mean "bind"?`},
		{"frontend a\n bind :80\n server a 1.2.3.4", `test.cfg:3: server may not stand in a frontend section`},
		{"frontend a\n bind :80\n default_backend b", `test.cfg:1: frontend a: there is no backend "b"`},
		{"backend a\n filter trace", `test.cfg:2: filter "trace" is known to HAProxy but not offered here`},
		{"backend a\n http-request set-header A \"a\\x00b\"", `\x00 cannot be part of a word`}, // HAProxy would cut the word off there
		{"backend a\n option httpcheck", `option "httpcheck" is not known; did you mean "httpchk"?`},
		{"backend a\n server s 1.2.3.4:80 weigth 3", `server option "weigth" is not known; did you mean "weight"?`},
		{"backend a\n server s 1.2.3.4:80\n server s 1.2.3.4:81", `there is a server "s" already, in line 2`},
		{"backend a\n server s nowhere:80", `find the address of "nowhere": no such host`},
		{"backend a\n timeout conect 1s", `timeout "conect" is not known; did you mean "connect"?`},
		{"backend a\n timeout connect 1x", `"1x" is not a time`},
		{"frontend a\n bind :80\n http-request denyy", `http-request action "denyy" is not known; did you mean "deny"?`},
		{"frontend a\n bind :80\n http-request deny if { pth /x }", `fetch "pth" is not known; did you mean "path"?`},
		{"frontend a\n bind :80\n use_backend b if nope", `no acl "nope" was declared`},
		{"peers x\n peer a 1.2.3.4", `peer a: an address with a port is expected`},
		{"global\n localpeer a\npeers x\n server a", `the local peer has no address to listen on`},
		{"peers x\n table t type ip size 1k store gpc(200)", `"200" is not a number from 1 to 100`},
		{"backend b\n stick-table type ip size 1k peers p", `there is no peers section "p"`},
		{"backend b\n stick-table type ip size 1k store conn_rate", `only rates have a period`},
		{"resolvers r\n nameserver a\nbackend b", `test.cfg:2: the name server's address wants`},
		{"resolvers r\n nameserver a x:1", `find the address of "x"`},
		{"resolvers r\n nameserver a 192.0.2.1:53\n hold never 3s", `test.cfg:3: hold: "never" is not a kind of answer`},
		{"resolvers r\n timeout connect 3s", `timeout "connect": there are resolve and retry`},
		{"backend a\n server s app.test:80 resolvers r init-addr none", `server s: there are no resolvers "r"`},
		{"resolvers r\nbackend a\n server s app.test:80 resolvers r init-addr none", `server s: resolvers r have no nameserver`},
		{"backend a\n server-template s 0x3 app.test:80", `"0x3" is not a number of servers, nor a range`},
		{"backend a\n server-template s 3 _http._tcp.app.test", `server s1: a service is found by`},
		{"backend a\n server s app.test:80 init-addr libd", `init-addr: "libd" is none of last, libc, none`},
		{"backend a\n server s nowhere:80 init-addr libc", "no such host; `init-addr none` or `resolvers` begin without"},
		{"backend b\n email-alert to a@b\n email-alert from a@b\n email-alert mailers m", `there are no mailers "m"`},
		{"mailers m\n mailer a nowhere", `find the address of "nowhere"`},
		{"backend b\n email-alert level loud", `level "loud" is not known`},
		{"backend b\n server a 127.0.0.1:1 track c/d", `track: there is no server "c/d"`},
		{"backend b\n server a 127.0.0.1:1\n server c 127.0.0.1:2 track a", `track: a is not checked`},
		{"backend b\n server a 127.0.0.1:1 check\n server c 127.0.0.1:2 check track b/a", `checked itself or tracks another, not both`},
		{"backend b\n server a 127.0.0.1:1 check\n server c 127.0.0.1:2 track a\n server d 127.0.0.1:3 track c", `c tracks another itself`},
		{"global\n tune.lua.maxmem 3", `known to HAProxy but not offered`},
		{"frontend a\n bind :80 ssl", `ssl wants a certificate`},
		{"frontend a\n bind :80\nfrontend a\n bind :81", `the name "a" is taken by the frontend in test.cfg:1`},
		{"frontend a\n bind :80\n http-request capture path id 1\n declare capture request len 5", `test.cfg:3: capture: there are 1 slots in this section, so none with the number 1`},
		{"frontend a from x", `there is no defaults section "x"`},
		{".if 1", `.if has no .endif`},
		{".fi", `directive ".fi" is not known`},
		{"frontend a\n bind :80 'x", `the single quote is not closed`},
	} {
		_, err := load(t, c.text, memory{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v\nwant %s", c.text, err, c.want)
		}
	}
}

func TestDefaultsAreInherited(t *testing.T) {
	t.Parallel()
	c, err := load(t, `
defaults one
  mode http
  timeout client 5s
  default-server inter 7s
defaults two from one
  timeout client 6s
backend a from one
  server s 127.0.0.1:1 check
backend b from two
backend c
`, memory{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []time.Duration{5 * time.Second, 6 * time.Second, 6 * time.Second} {
		if got := c.Proxies[i].Timeouts.Client; got != want {
			t.Errorf("%s has %v, want %v", c.Proxies[i].Name, got, want)
		}
	}
	if got := c.Proxies[0].Servers[0].Inter; got != 7*time.Second {
		t.Errorf("the server is asked every %v", got)
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	// As crypt(3) makes them.
	for _, hash := range []string{
		"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
		"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
	} {
		if got := crypt("Hello world!", hash); got != hash {
			t.Errorf("got %s, want %s", got, hash)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("global\n maxconn 3\ndefaults\n mode http\nfrontend a\n bind :80\n acl x path_beg /a\n use_backend b if x\nbackend b\n server s 1.2.3.4:80 check")
	f.Add("listen a\n bind :80\n http-request set-header X %[src,ipmask(24)] if { hdr(host) -i a b } || !TRUE")
	f.Add(".if defined(A) && (1 || !0)\nfrontend \"${A}\"\n.else\n.endif")
	f.Add("backend a\n stick-table type ip size 1m expire 30s store gpc0,conn_rate(3s)\n stick on src\n cookie S insert indirect")
	f.Add("frontend a\n log-format \"%ci:%cp [%tr] %{+Q}r %[capture.req.hdr(0)]\"\n http-request return status 200 lf-string \"%[path]\" hdr a b")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Load([]File{{"f", []byte(text)}}, memory{files: map[string]string{"/f": "a b\n"}})
		if err == nil && c == nil {
			t.Fatal("neither a configuration nor an error")
		}
	})
}

// TestProxiesDoNotShareDefaultServers: what one proxy's default-server adds to that of the defaults is not another's.
func TestProxiesDoNotShareDefaultServers(t *testing.T) {
	t.Parallel()
	c, err := Load([]File{{"test.cfg", []byte("defaults\n default-server ssl verify none\nbackend a\n default-server verify required ca-file x\n server s 192.0.2.1:1\n" +
		"backend b\n server s 192.0.2.1:1\n")}}, inDirectory(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "required", "b": "none"} {
		if got := c.Proxy(name, true).Servers[0].TLS.Verify; got != want {
			t.Errorf("backend %s: verify %s, want %s", name, got, want)
		}
	}
}

// nameless is a Source that knows no name.
type nameless struct{ inDirectory }

func (nameless) Resolve(string) (netip.Addr, error) { return netip.Addr{}, errors.New("no such host") }

// TestServersWhoseResolversFindThemLater: a name without an address is a mistake, unless there are resolvers that may find one.
func TestServersWhoseResolversFindThemLater(t *testing.T) {
	t.Parallel()
	for options, want := range map[string]bool{"": false, " resolvers names": true, " init-addr none": true} {
		text := "resolvers names\n nameserver a 192.0.2.1:53\nbackend b\n server s nobody.example:80" + options + "\n"
		c, err := Load([]File{{"test.cfg", []byte(text)}}, nameless{inDirectory(t.TempDir())})
		if (err == nil) != want {
			t.Errorf("%q: %v", options, err)
		}
		if err == nil && !c.Proxy("b", true).Servers[0].Unresolved {
			t.Errorf("%q: it has an address", options)
		}
	}
}

// TestRedirectsComeAfterRules: as HAProxy has it a redirect line is looked at behind all http-request rules of its section.
func TestRedirectsComeAfterRules(t *testing.T) {
	t.Parallel()
	text := "frontend f\n redirect scheme https\n http-request return status 200 if { path /challenge }\n"
	c, err := Load([]File{{"test.cfg", []byte(text)}}, inDirectory(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if rules := c.Proxy("f", false).HTTPRequest; len(rules) != 2 || rules[0].Action != Return || rules[1].Action != Redirect {
		t.Errorf("%+v", rules)
	}
}

func TestExpectationsTakeOptionsOnBothSides(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"expect string +OK comment POP": true, "expect comment POP string +OK": true, "expect string +OK string +OK": false, "expect string +OK nonsense": false,
	} {
		_, err := Load([]File{{"test.cfg", []byte("backend b\n option tcp-check\n tcp-check " + line + "\n")}}, inDirectory(t.TempDir()))
		if (err == nil) != want {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestBindsWithoutIDsTakeThoseThatAreFree(t *testing.T) {
	t.Parallel()
	c, err := load(t, "frontend f\n bind 127.0.0.1:1\n bind 127.0.0.1:2 id 3\n bind 127.0.0.1:3\n bind 127.0.0.1:4 id 1\n bind 127.0.0.1:5\n", memory{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []int
	for _, b := range c.Proxies[0].Binds {
		ids = append(ids, b.ID)
	}
	if want := []int{2, 3, 4, 1, 6}; !slices.Equal(ids, want) {
		t.Errorf("the binds' ids are %v, want %v", ids, want)
	}
}
