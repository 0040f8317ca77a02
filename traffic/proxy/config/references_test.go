package config

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// namesBase has one of each kind of what expressions name.
const namesBase = `defaults
 mode http
 timeout client 1s
 timeout server 1s
 timeout connect 1s
userlist people
 user u insecure-password p
backend tab
 stick-table type ip size 1k store gpc0,http_req_rate(10s)
 server s 127.0.0.1:80
backend b
 server s 127.0.0.1:80
frontend f
 bind :9999
 default_backend b
`

var nameCases = []struct{ line, want string }{
	{"acl x src_get_gpc0(tab) gt 1", ""},
	{"acl x src_get_gpc0(nosuch) gt 1", `src_get_gpc0: there is no stick-table "nosuch"; there are tab`},
	{"acl x sc0_get_gpc0 gt 1", ""},
	{"acl x src_get_gpc0 gt 1", `src_get_gpc0: "f" has no stick-table; there are tab`},
	{"acl x sc_get_gpc(0,0,b) gt 1", `sc_get_gpc: "b" has no stick-table`},
	{"acl x src,table_gpc0(b) gt 1", `table_gpc0: "b" has no stick-table`},
	{"acl x src,table_gpc(0,nosuch) gt 1", `table_gpc: there is no stick-table "nosuch"`},
	{"http-request deny if { src,in_table(nosuch) }", `in_table: there is no stick-table "nosuch"`},
	{"http-request set-header a %[table_cnt(nosuch)]", `table_cnt: there is no stick-table "nosuch"`},
	{"http-request track-sc0 src table nosuch", `http-request: there is no stick-table "nosuch"`},
	{"http-request track-sc0 req.hdr(a),sha1 table tab", `req.hdr(a),sha1 gives no keys of type ip, which stick-table "tab" has`},
	{"http-request track-sc0 req.hdr(a) table tab", ""},
	{"use_backend tab if { nbsrv(tba) gt 1 }", `nbsrv: there is no backend "tba"; did you mean "tab"?`},
	{"acl x nbsrv gt 1", `nbsrv: there is no backend "f": it is a frontend`},
	{"acl x fe_conn gt 1", ""},
	{"acl x fe_conn(b) gt 1", `fe_conn: there is no frontend "b": it is a backend`},
	{"acl x srv_is_up(b/s)", ""},
	{"acl x srv_is_up(b/t)", `srv_is_up: backend b has no server "t"`},
	{"acl x srv_is_up(s)", `srv_is_up: frontend f has no servers; write BACKEND/s`},
	{"acl x srv_conn(c/s) gt 1", `srv_conn: there is no backend "c"`},
	{"http-request auth unless { http_auth(people) }", ""},
	{"http-request auth unless { http_auth(nobody) }", `http_auth: there is no userlist "nobody"; there are people`},
	{"http-request set-header a %[var(a)]", `not "a"`},
	{"http-request set-header a %[int(1),add(a)]", `an integer is expected, or a variable`},
	{"http-request set-header a %[path,concat(a,b)]", `not "b"`},
	{"http-request set-header a %[path,set-var(a)]", `not "a"`},
}

func TestNamesInExpressionsAreThere(t *testing.T) {
	t.Parallel()
	for _, c := range nameCases {
		_, err := load(t, namesBase+" "+c.line+"\n", memory{})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), "test.cfg:16: ") || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v\nwant test.cfg:16 and %s", c.line, err, c.want)
		}
	}
}

// TestNamesAreCheckedAsHAProxyDoes gives the same lines to the installed haproxy.
func TestNamesAreCheckedAsHAProxyDoes(t *testing.T) {
	t.Parallel()
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed: ", err)
	}
	for _, c := range nameCases {
		name := filepath.Join(t.TempDir(), "haproxy.cfg")
		if err := os.WriteFile(name, []byte(namesBase+" "+c.line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(haproxy, "-c", "-f", name).CombinedOutput()
		if (err != nil) != (c.want != "") {
			t.Errorf("%s: haproxy says %v\n%s", c.line, err, out)
		}
	}
}

func TestReferencesElsewhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"peers pp\n bind 127.0.0.1:1\n server a 127.0.0.1:1024\n table t type ip size 1k store gpc0\n" + namesBase + " http-request track-sc0 src table pp/t\n http-request deny if { sc_get_gpc0(0,pp/t) gt 1 }\n", ""},
		{"defaults d\n mode http\n http-request deny if { src_get_gpc0(nosuch) gt 1 }\nbackend x from d\n stick-table type ip size 1k", `test.cfg:3: src_get_gpc0: there is no stick-table "nosuch"`},
		{"defaults d\n mode http\n http-request deny if { src_get_gpc0 gt 1 }\nbackend x from d\n stick-table type ip size 1k store gpc0", ""},
		{"backend x\n mode http\n stick on src table y", `test.cfg:3: stick: there is no stick-table "y"`},
	} {
		if _, err := load(t, c.text, memory{}); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: got %v\nwant %s", c.text, err, c.want)
		}
	}
}
