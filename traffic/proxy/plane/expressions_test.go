package plane

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// expressions are computed here and by HAProxy, in a rule for requests.
var expressions = []string{
	"str(abc),upper", "str(ABC),lower", "str(a b&c/d?),url_enc", "str(a%20b+c?d+e),url_dec", "str(a%20b+c?d+e),url_dec(1)", "str(%zz),url_dec",
	"str(hello),hex", "str(hello),base64", "str(aGVsbG8=),b64dec", "str(hello??>>),ub64enc", "str(aGVsbG8_Pz4-),ub64dec", "str(x),sha1,hex",
	"str(x),sha2,hex", "str(x),sha2(512),hex", "str(x),digest(sha384),hex", "str(x),hmac(sha256,a2V5),hex", "str(hello),length",
	"str(hello),crc32", "str(hello),crc32(1)", "str(hello),crc32c", "str(hello),djb2", "str(hello),djb2(1)", "str(hello),sdbm", "str(hello),sdbm(1)",
	"str(hello),wt6", "str(hello world and more),wt6(1)", "str(hello),xxh32", "str(hello),xxh32(7)", "str(hello),xxh64", "str(a text that is longer than 32 bytes in all),xxh64(3)",
	"str(a text that is longer than 32 bytes in all),xxh32(3)", "str(f1_f2_f3__f5),field(5,_)", "str(f1_f2_f3__f5),field(2,_,0)", "str(f1_f2_f3__f5),field(2,_,2)",
	"str(f1_f2_f3__f5),field(-2,_,3)", "str(f1_f2_f3__f5),field(-3,_,0)", "str(f1_f2_f3__f5),field(9,_)", "str(f1_f2_f3__f5),word(4,_)", "str(f1_f2_f3__f5),word(2,_,0)",
	"str(f1_f2_f3__f5),word(3,_,2)", "str(f1_f2_f3__f5),word(-2,_,3)", "str(f1_f2_f3__f5),word(-3,_,0)", "str(/f1/f2/f3/f4),word(1,/)", "str(__a_b__),word(2,_,0)",
	"str(hello),bytes(1,3)", "str(hello),bytes(3)", "str(hello),bytes(9)", "bin(01020304050607),be2dec(:,2)", "bin(01020304050607),be2dec(-,2,1)", "bin(7f000001),be2dec(.,1)",
	"bin(01020304050607),be2hex", "bin(01020304050607),be2hex(:,2)", "bin(01020304050607),be2hex(--,2,1)", "bin(0102030405060708),be2hex(,3,1)",
	"int(7),add(3)", "int(7),sub(10)", "int(7),mul(-3)", "int(7),div(2)", "int(7),div(0)", "int(-7),mod(4)", "int(7),mod(0)", "int(6),and(3)", "int(6),or(3)", "int(6),xor(3)",
	"int(7),neg", "int(7),cpl", "int(7),even", "int(7),odd", "int(0),not", "int(7),bool", "int(7),iif(a,b)", "int(0),iif(a,b)", "str(1f),hex2i", "int(258),htonl,hex",
	"int(-1),and(255)", "str(example.org:8080),host_only", "str(example.org:8080),port_only", "str([::1]:80),host_only", "str([::1]:80),port_only", "str(example.org),port_only",
	"str(xxabcxx),ltrim(x)", "str(xxabcxx),rtrim(x)", "str(abc),regsub(b,X)", "str(abcabc),regsub(b,X,g)", "str(aBc),regsub(b,X,i)", `str(john doe),regsub("(\w+) (\w+)","\2 \1")`,
	"str(192.0.2.77),ipmask(24)", "str(2001:db8::77),ipmask(24,64)", "str(en),language(en;de,fr)", "str(de-AT;q=0.9),language(en;de,fr)", "str(it),language(en;de,fr)",
	"str(a),json(utf8)", "req.fhdr(x-q),json", "req.fhdr(x-j),json_query($.a)", "req.fhdr(x-j),json_query($.b)", "req.fhdr(x-j),json_query($.l[1])", "req.fhdr(x-j),json_query($.t)",
	"req.fhdr(x-j),json_query($.f)", "req.fhdr(x-j),json_query($.o.p,int)", "req.fhdr(x-j),json_query($.none)", "req.fhdr(x-j),json(utf8)", "req.fhdr(x-t),jwt_header_query($.alg)",
	"req.fhdr(x-t),jwt_payload_query($.sub)", "req.fhdr(x-t),jwt_verify(HS256,your-256-bit-secret)", "req.fhdr(x-t),jwt_verify(HS256,other)", "req.fhdr(x-q),jwt_verify(HS256,other)", `str({"a":{"b":"7"}}),json_query($.a.b,int)`,
	`str({"a":true}),json_query($.a)`, `str({"a":1.5}),json_query($.a)`, `str({"a":1}),json_query($.c)`,
	"int(1000000000),http_date", "int(1000000000),http_date(3600)", "int(1000000000123),http_date(0,ms)", "int(1000000000123456),http_date(0,us)", "str(10x),add(5)", "str(-5),add(1)", "str(1.5),add(1)", "str( 7),add(1)", "int(1000000000),utime(%Y-%m-%d %H:%M:%S %a %b %j %e %I %p %y %s %%)",
	"int(1000000000),utime(%T,3600)", "str(a),set-var(txn.q),strcmp(txn.q)", "str(b),strcmp(txn.q)", "str(a),secure_memcmp(txn.q)", "str(a),concat(<,txn.q,>)", "str(a),concat(<)",
	"str(),add_item(;,txn.q)", "str(x),add_item(;,txn.q)", "str(x),add_item(;,txn.none,!)", "str(x),add_item(;,txn.none)", "str(x),unset-var(txn.q)", "var(txn.q)", "var(txn.q,none)",
	"str(10),add(5)", "str(abc),add(5)", "str(8=FIX.4.4),fix_is_valid", "bin(0801),protobuf(1,int32)", "bin(0803),protobuf(1,sint32)",
	"bin(0a021005),protobuf(1.2,uint32)", "bin(00000000020807),ungrpc(1,int32)", "bin(0d0000803f),protobuf(1,fixed32)",
	"bin(20020000),mqtt_is_valid", "bin(20020000),mqtt_field_value(connack,reason_code)",
	"method", "path", "pathq", "query", "url", "base", "baseq", "base32", "base32+src,hex", "url32", "url32+src,hex", "url_param(a)", "url_param(b)", "urlp_val(n)", "url_param(none)",
	"req.ver", "req.hdr(x-list)", "req.hdr(x-list,1)", "req.hdr(x-list,-1)", "req.fhdr(x-list)", "req.hdr_cnt(x-list)", "req.fhdr_cnt(x-list)", "req.hdr_val(x-n)", "req.hdr_ip(x-ip)",
	"req.hdr_names", "req.hdr_names(|)", "req.cook(a)", "req.cook_cnt(a)", "req.cook_val(n)", "cookie(a)", "http_auth_type", "http_auth_user", "http_auth_pass", "http_auth_bearer",
	"capture.req.method", "capture.req.uri", "capture.req.ver", "always_true", "always_false", "int(5)", "bool(true)", "ipv4(192.0.2.1)", "ipv6(2001:db8::1)", "meth(POST)", "bin(4142),hex",
	"nbproc", "proc", "http_first_req", "req.proto_http", "src", "fe_name", "fe_client_timeout", "fe_defbe", "nbsrv(back)", "str(back),nbsrv", "connslots(back)",
	"be_conn_free(back)", "srv_is_up(back/s)", "srv_weight(back/s)", "srv_iweight(back/s)", "srv_queue(back/s)", "str(back/s),srv_queue", "queue(back)", "avg_queue(back)",
	"fc_http_major", "fc_rcvd_proxy", "src_is_local", "fc_src", "ssl_fc", "wait_end", "req.body_len", "req.body_size", "prio_class", "prio_offset", "stopping", "var(proc.x)",
	"str(1),map_int_int(%NUMBERS,9)", "int(1),map_int_int(%NUMBERS,9)", "str(2),map_str(%NUMBERS,none)", "str(12),map_beg(%NUMBERS,none)", "str(15),map_reg(%PATTERNS)", "str(b7),map_regm(%PATTERNS)",
	"str(),length", "bin(4142)", "bin(00ff41)", "unique-id", "so_id", "http_auth(people)", "src_port,bool", "int(9223372036854775807),add(1)", "int(-9223372036854775807),sub(10)",
	"req.cook", "req.cook_cnt", "req.cook_cnt()", "req.cook_val", "req.cook(none)", "req.cook_cnt(none)", "url_param", "url_param(c)", "url_param(a,;)", "url_param(c,;)", "urlp_val",
	"str(x),iif(a,b)", "str(1),iif(a,b)", "str(),iif(a,b)", "req.hdr(none),iif(a,b)", "path,map_dir(%LISTED)", "path,map_end(%LISTED)", "path,map_sub(%LISTED)",
	"str(www.b.html),map_dom(%LISTED)", "path,map_beg(%LISTED)", "src,map_ip(%NETWORKS)", "int(5),map_int(%RANGES)", "fc_pp_authority", "fc_pp_unique_id",
}

func TestExpressionsAreHAProxys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"NUMBERS": "1 10\n2 20\n", "PATTERNS": "^1[0-9]$ teen\n^b([0-9])$ bee\\1\n",
		"LISTED": "html first\n.html second\n/a a\nb.html b\n/a/b.html whole\na short\n", "NETWORKS": "127.0.0.0/24 net\n127.0.0.1 host\n127.0.0.0/8 wide\n",
		"RANGES": "5:7 narrow\n1:9 wide\n5 exact\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var text strings.Builder
	text.WriteString("global\n set-var proc.x str(shared)\nuserlist people\n user u insecure-password p\nfrontend web\n bind %PORT1\n default_backend back\n")
	for i, e := range expressions {
		e = strings.NewReplacer("%NUMBERS", dir+"/NUMBERS", "%PATTERNS", dir+"/PATTERNS", "%LISTED", dir+"/LISTED", "%NETWORKS", dir+"/NETWORKS", "%RANGES", dir+"/RANGES").Replace(e)
		fmt.Fprintf(&text, " http-request set-header X-%d '<%%[%s]>' if { req.hdr(x-batch) %d }\n", i, strings.ReplaceAll(e, "'", `\'`), i/batch)
	}
	text.WriteString("backend back\n server s " + headerServer(t) + " weight 7\n")
	b := startBoth(t, text.String())
	for from := 0; from < len(expressions); from += batch {
		request := fmt.Sprintf("GET /a/b.html?a=1&b=x%%20y&n=12;c=3&a=4 HTTP/1.1\nX-Batch: %d\nX-List: one, two ,three\nX-List: four\nX-N: 17\nX-IP: 192.0.2.9\n"+
			"Cookie: a=1; n=5; b=2; a=3\nCookie: a=4\nAuthorization: Basic dTpw\n"+
			`X-Q: a"b/c\\d`+"\n"+`X-J: {"a":1,"b":"x","l":[1,2],"t":true,"f":1.5,"o":{"p":"7"}}`+"\nX-T: eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c", from/batch)
		_, want := ask(t, b.theirs, request)
		_, got := ask(t, b.ours.address(1), request)
		theirs, ours := strings.Split(want, "\n"), strings.Split(got, "\n")
		if len(theirs) != len(ours) || len(ours) < len(expressions) {
			t.Fatalf("%d lines, HAProxy's %d", len(ours), len(theirs))
		}
		for i := from; i < min(from+batch, len(expressions)); i++ {
			if ours[i] != theirs[i] {
				t.Errorf("%s is %s, HAProxy's %s", expressions[i], ours[i], theirs[i])
			}
		}
	}
}

// TestTablesWithoutNamesAreTheProxysOwn: what a backend's rules say without a table is about the backend's, not about its clients' frontend's.
func TestTablesWithoutNamesAreTheProxysOwn(t *testing.T) {
	t.Parallel()
	b := startBoth(t, "frontend web\n bind %PORT1\n default_backend back\n stick-table type ip size 10 store http_req_cnt\n"+
		"backend back\n stick-table type ip size 10 store http_req_cnt,gpc0\n http-request track-sc0 src\n http-request sc-inc-gpc0(0)\n"+
		" http-request set-header X-0 %[src,in_table]\n http-request set-header X-1 %[src,table_http_req_cnt]\n http-request set-header X-2 %[src_http_req_cnt]\n"+
		" http-request set-header X-3 %[src,table_gpc0()]\n http-request set-header X-4 %[table_cnt]\n http-request set-header X-5 %[src,in_table(web)]\n server s "+headerServer(t)+"\n")
	for range 2 {
		const request = "GET / HTTP/1.1"
		_, want := ask(t, b.theirs, request)
		if _, got := ask(t, b.ours.address(1), request); got != want {
			t.Errorf("%q, HAProxy's %q", strings.TrimSpace(got), strings.TrimSpace(want))
		}
	}
}

// batch is how many expressions one request has computed: as many fields as HAProxy takes.
const batch = 50

// headerServer answers with the request's, … a line.
func headerServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range expressions {
			fmt.Fprintln(w, r.Header.Get(fmt.Sprintf("X-%d", i)))
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}
