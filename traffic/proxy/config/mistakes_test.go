package config

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mistake is a line that somebody got wrong, or that looks wrong and is not.
type mistake struct {
	where  string // global, defaults, frontend, backend, tcp
	line   string
	refuse string // what is said; "": it is taken
	warn   string // what is warned of
}

var mistakes = []mistake{
	{"global", "no busy-polling", "", ""},
	{"defaults", "timeout client 99999999999", `time "99999999999" is too long`, ""},
	{"defaults", "option httplog tcplog", `option httplog takes clf, not "tcplog"`, ""},
	{"defaults", "no option httplog", "option httplog cannot be taken back", ""},
	{"defaults", "http-request deny", "http-request stands only in a defaults section that has a name", ""},
	{"defaults", "tcp-request connection accept", "tcp-request stands only in a defaults section that has a name", ""},
	{"defaults", "capture request header A len 5", "capture may not stand in a defaults section", ""},
	{"defaults", "log-format %foo", "variable %foo is not known", ""},
	{"defaults", "retry-on none 503", "retry-on none stands alone", ""},
	{"defaults", "http-error status 503 string x", "a body wants a content-type", ""},
	{"defaults", "http-error", "http-error wants `status`", ""},
	{"frontend", "bind :9998 id 4\n bind :9997 id 4", "bind: id 4 is that of the bind in line 10", ""},
	{"frontend", "acl or path /", `"or" cannot be a name`, ""},
	{"frontend", `acl "a b" path /`, `"a b" cannot be a name`, ""},
	{"frontend", "http-request return string a", "a body wants a content-type", ""},
	{"frontend", "http-request return status 200 content-type text/plain string a", "", ""},
	{"frontend", "http-request strict-mode foo", `strict-mode takes on or off, not "foo"`, ""},
	{"frontend", "http-request set-timeout server 5s", "set-timeout is about servers", ""},
	{"frontend", "http-request set-header A %", "nothing stands behind the last %", ""},
	{"frontend", "http-request set-header A 5%%", "", ""},
	{"frontend", "http-request set-header A %[res.hdr(a)]", "res.hdr(a) looks at an answer, which is not there yet", ""},
	{"frontend", "http-response set-header A %[path]", "path looks at a request, which is gone by then", ""},
	{"frontend", "http-response set-header A %[method]", "", ""},
	{"frontend", "http-response set-header A %[capture.req.uri]", "", ""},
	{"frontend", "http-response capture res.hdr(a) len 5", "capture: `id` is expected", ""},
	{"frontend", "stats scope", "stats scope wants the name of a proxy", ""},
	{"frontend", "stick-table type ip size 1k store gpc(5),gpc0", "an array has gpc0", ""},
	{"frontend", "stick-table type ip size 1k srvkey x", `srvkey takes name or addr, not "x"`, ""},
	{"frontend", "balance roundrobin", "", "balance has no effect in a frontend section"},
	{"frontend", "timeout server 5s", "", "timeout server has no effect in a frontend section"},
	{"frontend", "option httpchk", "", "option httpchk has no effect in a frontend section"},
	{"frontend", "email-alert level alert\n email-alert to a@b", "", "email-alert has no effect"},
	{"frontend", "log-format %ci", "", "no effect without log"},
	{"backend", "bind :9998", "", "bind has no effect in a backend section"},
	{"backend", "option dontlognull", "", "option dontlognull has no effect in a backend section"},
	{"backend", `server "a b" 127.0.0.1:80`, `the name "a b" has a character`, ""},
	{"backend", "server a/b 127.0.0.1:80", `the name "a/b" has a character`, ""},
	{"backend", "balance hdr(host) foo", `balance hdr takes use_domain_only, not "foo"`, ""},
	{"backend", "hash-balance-factor 50", "50 leaves nobody room", ""},
	{"backend", "hash-balance-factor 150", "", ""},
	{"backend", "cookie A rewrite indirect", "it cannot be indirect", ""},
	{"backend", `cookie A insert attr "a;b"`, "has a character that ends it", ""},
	{"backend", "use-server s", "use-server wants `if` or `unless`", ""},
	{"backend", "option external-check", "option external-check wants `external-check` in the global section", ""},
	{"backend", "http-request capture src len 5", "capture: `id` is expected", ""},
	{"tcp", "http-request deny", "", "http-request and redirect rules: no effect in mode tcp"},
	{"tcp", "cookie A insert", "", "cookie: no effect in mode tcp"},
	{"tcp", "balance uri", "", "balance uri: no effect in mode tcp"},
	{"tcp", "stats enable", "", "stats: no effect in mode tcp"},
}

// text is a whole configuration with the mistake in it.
func (m mistake) text() string {
	line := map[string]string{m.where: " " + m.line + "\n"}
	return "global\n" + line["global"] + "defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n" + line["defaults"] +
		"frontend f\n bind :9999\n default_backend b\n" + line["frontend"] + "backend b\n server s 127.0.0.1:80\n" + line["backend"] +
		"listen l\n mode tcp\n bind :9996\n server s 127.0.0.1:80\n" + line["tcp"]
}

func TestMistakesAreFound(t *testing.T) {
	t.Parallel()
	for _, m := range mistakes {
		c, err := load(t, m.text(), memory{})
		if m.refuse == "" && err != nil || m.refuse != "" && (err == nil || !strings.Contains(err.Error(), m.refuse)) {
			t.Errorf("%s: %s: got %v\nwant %s", m.where, m.line, err, m.refuse)
		}
		if err == nil && (m.warn == "") != (len(c.Warnings) == 0) || m.warn != "" && !strings.Contains(strings.Join(c.Warnings, "\n"), m.warn) {
			t.Errorf("%s: %s: warnings %q, want %q", m.where, m.line, c.Warnings, m.warn)
		}
	}
}

// TestMistakesAreHAProxys gives the same to the installed haproxy, which refuses and warns of the same lines.
func TestMistakesAreHAProxys(t *testing.T) {
	t.Parallel()
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed: ", err)
	}
	for _, m := range mistakes {
		name := filepath.Join(t.TempDir(), "haproxy.cfg")
		if err := os.WriteFile(name, []byte(m.text()), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(haproxy, "-c", "-f", name).CombinedOutput()
		if (err != nil) != (m.refuse != "") || err == nil && strings.Contains(string(out), "[WARNING]") != (m.warn != "") {
			t.Errorf("%s: %s: haproxy says %v\n%s", m.where, m.line, err, out)
		}
	}
}
