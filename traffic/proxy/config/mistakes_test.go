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
	where  string // global, defaults, frontend, backend, tcp; file: behind them
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
	{"backend", `http-request return content-type text/plain string ""`, "string wants a text", ""},
	{"backend", "option external-check", "option external-check wants `external-check` in the global section", ""},
	{"backend", "http-request capture src len 5", "capture: `id` is expected", ""},
	{"tcp", "http-request deny", "", "http-request and redirect rules: no effect in mode tcp"},
	{"tcp", "cookie A insert", "", "cookie: no effect in mode tcp"},
	{"tcp", "balance uri", "", "balance uri: no effect in mode tcp"},
	{"tcp", "stats enable", "", "stats: no effect in mode tcp"},
	{"tcp", "bind :9995 proto h2", "proto names a kind of HTTP", ""},
	{"tcp", "server t 127.0.0.1:80 proto h2", "proto names a kind of HTTP", ""},
	{"global", "user nobody-at-all", "user: ", ""},
	{"global", "group nobody-at-all", "group: ", ""},
	{"global", "user root", "", ""},
	{"global", "stats socket /tmp/x user nobody-at-all", "user: ", ""},
	{"global", "unix-bind group nobody-at-all", "group: ", ""},
	{"global", `description ""`, "description wants a text", ""},
	{"global", `description "$NOT_SET"`, "description wants a text", ""},
	{"global", `description "$.LINE ${.FILE} ${.SECTION}"`, "", ""},
	{"global", `description "x${.FOO}"`, "there are .FILE, .LINE and .SECTION", ""},
	{"global", "setenv A=b c", `"A=b" cannot be a variable's name`, ""},
	{"global", `presetenv "" c`, `"" cannot be a variable's name`, ""},
	{"global", "unsetenv A=b", `"A=b" cannot be a variable's name`, ""},
	{"frontend", "bind ipv6@127.0.0.1:9998", "127.0.0.1 is not an address of ipv6@", ""},
	{"frontend", "bind ipv4@[::1]:9998", "::1 is not an address of ipv4@", ""},
	{"frontend", "bind /tmp/x user nobody-at-all", "user: ", ""},
	{"backend", "source ipv6@127.0.0.1", "127.0.0.1 is not an address of ipv6@", ""},
	{"frontend", "acl a path -u x /", `-u wants a number, not "x"`, ""},
	{"frontend", "acl a path -u 5 /\n acl b path -u 5 /", `-u 5: this is a number of acl "a"`, ""},
	{"frontend", "acl a dst_port 90:80", `"90:80" is not a number or a range`, ""},
	{"frontend", "http-request set-header A %[src,iif(a,b)]", "an address is neither true nor false", ""},
	{"frontend", "http-request set-header A %[src_port,iif(a,b)]", "", ""},
	{"frontend", "http-request set-header A %[req.cook_cnt]%[req.cook]%[req.cook_val]%[url_param]%[urlp_val]", "", ""},
	{"frontend", "http-request set-header A %[src,in_table]", "in_table: ", ""},
	{"frontend", "stick-table type ip size 1k store conn_cnt\n http-request set-header A %[src,in_table]%[src,table_conn_cnt]%[src,table_conn_cnt()]%[table_cnt]", "", ""},
	{"backend", "stick-table type ip size 1k store gpt(2)\n http-request set-header A %[src,table_gpt(0)]", `"table_gpt" takes 2 arguments`, ""},
	{"backend", `server t 127.0.0.1:80 check-alpn ""`, "check-alpn wants names", ""},
	{"file", "defaults d\ndefaults d\nbackend z from d", `two defaults sections "d", in lines 16 and 17`, ""},
	{"file", "defaults d\n timeout server 1s\ndefaults d\n timeout server 1s", "", ""},
	{"file", "defaults d\nbackend z from d from d", `"from" is not expected`, ""},

	{"file", "peers", "peers wants 1 words", ""},
	{"file", `peers ""`, "peers wants a name", ""},
	{"file", "peers a/b", `the name "a/b" has a character`, ""},
	{"file", "peers p\n disabled\n peer x 127.0.0.1:10000", "", ""},
	{"file", "peers p\n peer x 127.0.0.1:10000", "", "none of the peers is"},
	{"file", "peers p\n server a/b 127.0.0.1:10000", `the name "a/b" has a character`, ""},
	{"file", "peers p\n peer x ipv6@127.0.0.1:10000", "127.0.0.1 is not an address of ipv6@", ""},
	{"file", "peers p\n bind :10000\n peer x 127.0.0.1:10001", "write `server x`", ""},
	{"file", "peers p\n peer x 127.0.0.1:10001\n bind :10000", "bind goes with `server`", ""},
	{"file", "peers p\n disabled\n log global\n peer x 127.0.0.1:10001", "", ""},
	{"file", "peers p\n disabled\n peer x 127.0.0.1:10001\n table t type ip size 1k peers p", `table: "peers" is not expected`, ""},
	{"file", "peers p\n disabled\n peer x 127.0.0.1:10001\n table t type integer len 4 size 1k", `table: "len" is not expected`, ""},

	{"file", "resolvers a/b\n nameserver a 127.0.0.1:53", `the name "a/b" has a character`, ""},
	{"file", "resolvers r", "", "resolvers r have no nameserver"},
	{"file", "resolvers r\n nameserver a 127.0.0.1", "an address with one port is expected", ""},
	{"file", "resolvers r\n nameserver a 127.0.0.1:0", "an address with one port is expected", ""},
	{"file", "resolvers r\n nameserver a 127.0.0.1:53-54", "an address with one port is expected", ""},
	{"file", "resolvers r\n nameserver a udp6@127.0.0.1:53", "127.0.0.1 is not an address of", ""},
	{"file", "resolvers r\n nameserver a udp@127.0.0.1:53\n nameserver b :53", "", ""},
	{"file", "resolvers r\n nameserver a 127.0.0.1:53\n nameserver a 127.0.0.1:54", `there is a nameserver "a" already`, ""},
	{"file", "resolvers r\n nameserver a/b 127.0.0.1:53", `the name "a/b" has a character`, ""},

	{"file", `userlist ""`, "userlist wants", ""},
	{"file", "userlist a/b", `the name "a/b" has a character`, ""},
	{"file", "userlist u\n user a insecure-password x groups g", `user a: there is no group "g"`, ""},
	{"file", "userlist u\n user a insecure-password x groups g\n group g", "", ""},
	{"file", "userlist u\n group g users a", `group g: there is no user "a"`, ""},
	{"file", "userlist u\n group g users a\n user a insecure-password x", "", ""},
	{"file", "userlist u\n user a insecure-password x\n user a insecure-password y", "", `there is a user "a" already`},
	{"file", "userlist u\n group g\n group g", "", `there is a group "g" already`},

	{"file", `cache ""`, "cache wants a name", ""},
	{"file", "cache a/b\n total-max-size 1", "", ""},
	{"file", "http-errors a/b", `the name "a/b" has a character`, ""},
	{"file", "http-errors e\nhttp-errors e", `there are http-errors "e" already`, ""},

	{"file", `ring "a b"`, `the name "a b" has a character`, ""},
	{"file", "ring r\n size 1024", `"1024" is not a size from 16384`, ""},
	{"file", "ring r\n size 20000\n size 19000", `"19000" is not a size from 20000`, ""},
	{"file", "ring r\n size 20000\n maxlen 20000", "", ""},
	{"file", "ring r\n maxlen 20000", "", "maxlen 20000 is more than its size 16384"},
	{"file", "ring r\n server a 127.0.0.1:514", "", "ring r: timeouts are missing"},
	{"file", "ring r\n timeout connect 1s\n timeout server 1s\n server a 127.0.0.1:514\n server a 127.0.0.1:515", `there is a server "a" already`, ""},

	{"file", "global\n master-worker\nprogram p\n command /bin/true\n user nobody-at-all", "user: ", ""},
	{"file", "global\n master-worker\nprogram p\n command /bin/true\n group nobody-at-all", "group: ", ""},
	{"file", "global\n master-worker\nprogram p\n command /bin/true\n user root", "", ""},
	{"file", "global\n master-worker\nprogram p\n command /bin/true\n no user root", "`no` goes before option", ""},
	{"file", "global\n master-worker\nprogram p\n command /bin/true\n no option start-on-reload", "", ""},
	{"file", "global\n master-worker\nprogram p\n command \"\"", "a program is expected", ""},
	{"file", `program ""`, "program wants a name", ""},

	{"file", "mailers m\n mailer a 127.0.0.1:25", "", "mailers m have no effect"},
	{"file", "mailers m\n mailer a 127.0.0.1:0", "an address with one port is expected", ""},
	{"file", "mailers m\n mailer a 127.0.0.1:99999", `port "99999" is not a number`, ""},
	{"file", "mailers m\n mailer a 127.0.0.1:smtp", `port "smtp" is not a number`, ""},
	{"file", "mailers m\n mailer a udp@127.0.0.1:25", "udp is not offered", ""},
	{"file", `mailers m` + "\n" + ` mailer "a b" 127.0.0.1:25`, `the name "a b" has a character`, ""},

	{"file", ".if true\n.endif", `"true" is neither a number nor a predicate`, ""},
	{"file", ".if \"1\" # yes\n.endif", "", ""},
	{"file", ".if\t1\n.endif", "", ""},
	{"file", ".if streq(\"$NOT_SET\",a)\n.alert x\n.endif", "", ""},
	{"file", ".if 1\n.else x\n.endif", ".else stands alone", ""},
	{"file", ".if 1\n.endif x", ".endif stands alone", ""},
	{"file", ".if 0\n\"a\n.endif", "double quote is not closed", ""},
	{"file", ".if 0\n.foo\n.endif", "", ""},
	{"file", ".foo", `directive ".foo" is not known`, ""},
	{"file", ".notice x", "", ""},
	{"file", ".notice x y", `the word "y" is not expected`, ""},
	{"file", ".warning \"x y\"", "", "x y"},
	{"file", ".warning x y", `the word "y" is not expected`, ""},
	{"file", ".alert \"x y\"", "x y", ""},
	{"file", ".diag x", "", ""},
	{"file", ".diag x y", `the word "y" is not expected`, ""},
	{"file", ".notice 'x", "single quote is not closed", ""},
}

// text is a whole configuration with the mistake in it.
func (m mistake) text() string {
	line := map[string]string{m.where: " " + m.line + "\n"}
	return "global\n" + line["global"] + "defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n" + line["defaults"] +
		"frontend f\n bind :9999\n default_backend b\n" + line["frontend"] + "backend b\n server s 127.0.0.1:80\n" + line["backend"] +
		"listen l\n mode tcp\n bind :9996\n server s 127.0.0.1:80\n" + line["tcp"] +
		strings.TrimPrefix(line["file"], " ")
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
