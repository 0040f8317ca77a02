package plane

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// smuggling are ways to have two programs disagree about where a request ends or whom it is for, as they have been found in proxies and servers over the years.
func smuggling() []string {
	var all []string
	const get, post = "GET / HTTP/1.1\r\nHost: a\r\n", "POST / HTTP/1.1\r\nHost: a\r\n"
	for _, encoding := range []string{ // each has been read as chunked by somebody, and as nothing by somebody else
		"Transfer-Encoding: xchunked", "Transfer-Encoding : chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
		"X: X\nTransfer-Encoding: chunked", "X: X\rTransfer-Encoding: chunked", "Transfer-Encoding\n: chunked", "Transfer-Encoding: \x0bchunked", "Transfer-Encoding: chunked, identity",
		"Transfer-Encoding: identity, chunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: cow", "Transfer-Encoding: ", `Transfer-Encoding: "chunked"`, "Transfer-Encoding: chunked,",
		"Transfer-Encoding: chunked;a=b", "Transfer-Encoding: chunked\x00", "Transfer-Encoding: chunked\r", "Transfer-Encoding\x00: chunked", "Transfer-Encoding: chun\r\n ked",
		"Transfer-Encoding:\r\n chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5", "Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: 5\r\nTransfer-Encoding: xchunked",
		"Transfer-Encoding: chunked\xa0", "Transfer-Encoding: chunKed, chunked", "Transfer-Encoding: trailers", "Transfer-Encoding: ,chunked", "Transfer-Encoding: -chunked", "Transfer-Encoding: chunked\r\nContent-Length: x",
	} {
		all = append(all, post+encoding+"\r\n\r\n0\r\n\r\n")
	}
	all = append(all, "POST / HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: a\r\n\r\n0\r\n\r\n", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	for _, length := range []string{"+0", "-1", "0x0", "0, 0", "0 0", "0a", "99999999999999999999", "", "0\r\nContent-Length: 1", "0\r\nContent-Length: 0", "0.0", "1e1", "1_0", "0;", "\"0\"", "0\x00", "\x0b0", "٣", "00000000000000000000005", "5,5", "5, 6"} {
		all = append(all, post+"Content-Length: "+length+"\r\n\r\n")
	}
	all = append(all, post+"Content-Length : 0\r\n\r\n", post+"Content-Length\x00: 0\r\n\r\n", post+"Content-Length\t: 0\r\n\r\n")
	for _, line := range []string{
		"GET  / HTTP/1.1", "GET / HTTP/1.1 x", "GET\t/\tHTTP/1.1", "GET /\x00 HTTP/1.1", "GET / HTTP/1.2", "GET / HTTP/3.0", "GET / http/1.1", "GET / HTTP/1.10", "GET / HTTP/0.9", "GET /", " GET / HTTP/1.1",
		"\nGET / HTTP/1.1", "GET /a b HTTP/1.1", "GET /#a HTTP/1.1", "GET http://a/#b HTTP/1.1", "GET * HTTP/1.1", "GET a HTTP/1.1", "GET /\xc3\xa9 HTTP/1.1", "GET http://b/ HTTP/1.1", "G(T / HTTP/1.1",
		"GET / HTTP/1.1\r", "GET /\r/ HTTP/1.1", "GET /\x7f HTTP/1.1", "GET :80 HTTP/1.1", "GET //\x0ba HTTP/1.1", "GET / HTTP/1.1 ", "GET /\tx HTTP/1.1", "\r\n\r\nGET / HTTP/1.1", "GET http://a@b/ HTTP/1.1", "GET / HTTP/2.0", "G@T / HTTP/1.1", "CONNECT / HTTP/1.1",
	} {
		all = append(all, line+"\r\nHost: a\r\n\r\n")
	}
	for _, host := range []string{"Host: a b", "Host: u@a", "Host: a/b", "Host: a?b", "Host: a#b", "Host: a\\b", "Host : a", "Host: a\r\nHost: a", "Host: a\r\nhost: b", "X: y", "Host: \x00", "Host: a, b"} {
		all = append(all, "GET / HTTP/1.1\r\n"+host+"\r\n\r\n")
	}
	for _, field := range []string{": x", "X(: x", "X\xff: x", "Xx", "X: \x7f", "X: \x07", "X: a\x00b", "X\r: y", "X[]: y", "\x00X: y", "X: a\r\n\tb", "\tX: y", "X: a\nY: b", `"X": y`} {
		all = append(all, get+field+"\r\n\r\n")
	}
	chunked := post + "Transfer-Encoding: chunked\r\n\r\n"
	for _, body := range []string{
		" 3\r\nabc\r\n", "3;\r\nabc\r\n", "+3\r\nabc\r\n", "3\r\nabc0\r\n", "0000000000000000000000003\r\nabc\r\n", "3\r\r\nabc\r\n", "\r\n3\r\nabc\r\n", "g\r\nabc\r\n", "ffffffffffffffff\r\nabc\r\n",
		"3;a=\"\r\n\"\r\nabc\r\n", "3;a\nabc\r\n", "3\t\r\nabc\r\n", "1_0\r\nabc\r\n", "3\r\nabc\n", "3\r\nabc\r0", "3\x00\r\nabc\r\n", "0x3\r\nabc\r\n", "3,3\r\nabc\r\n", "\xef\xbb\xbf3\r\nabc\r\n",
		"3 ;x\r\nabc\r\n", "3\nabc\n", "\n3\r\nabc\r\n", "-1\r\nabc\r\n", "3;a\nb\r\nabc\r\n", "0x0\r\n\r\n", "-0\r\n\r\n", "3\r\nabcX\r\n", "FFFFFFFFFFFFFFFFF\r\nabc\r\n",
	} {
		all = append(all, chunked+body+"0\r\n\r\n")
	}
	for _, trailer := range []string{
		"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n", "hOST: b\r\n", "X: y\r\nContent-Length: 1\r\n", "Xx\r\n", "X : y\r\n", ": y\r\n", "X: \x00\r\n", "X: y\n", "X: y\r\n z\r\n", "GET /smuggled HTTP/1.1\r\n", "Connection: \x0bclose\r\n", strings.Repeat("X: y\r\n", 3000),
	} {
		all = append(all, chunked+"0\r\n"+trailer+"\r\n")
	}
	return all
}

// downgrades are requests of HTTP/2, field by field as dialPeer's clients send them, that would be something else, or more than one, once they are said in HTTP/1.1.
func downgrades() []string {
	var all []string
	with := func(name, value string) string {
		fields := []string{":method:GET", ":scheme:http", ":path:/", ":authority:a"}
		for i, f := range fields {
			if strings.HasPrefix(f, name+":") {
				fields[i] = name + ":" + value
				return strings.Join(fields, "|")
			}
		}
		return strings.Join(fields, "|") + "|" + name + ":" + value
	}
	for name, values := range map[string][]string{
		"transfer-encoding": {"chunked", "identity", "", "xchunked", "trailers"}, "connection": {"close", "keep-alive", "transfer-encoding", "x"}, "proxy-connection": {"keep-alive"},
		"keep-alive": {"timeout=5"}, "upgrade": {"h2c", "websocket"}, "te": {"gzip", "chunked", "trailers, deflate"},
		"content-length": {"4", "+0", "-1", "0x0", "", "a", "0, 1", "99999999999999999999", "0 0", "\x000"}, "host": {"b", "a b", "a\r\nX: y"},
		":method":    {"", "G T", "GET / HTTP/1.1\r\nX: y\r\n\r\nGET", "GET\r\n", "G\x00T", "GET\t", "(GET)", "GET /smuggled HTTP/1.1\nX:"},
		":scheme":    {"", "http://a/smuggled?", "ht tp", "http\r\nX: y", "http\x00"},
		":path":      {"", "a", "/ x", "/\r\nX: y", "/\n", "/\x00", "/ HTTP/1.1\r\nHost: b\r\nX: y", "/\t", "/\x7f", "http://b/", "*"},
		":authority": {"a b", "a/b", "u@a", "a\r\nX: y", "a\x00", "a?b", "a#b", "a\tb", "a, b"},
		"x":          {"a\r\ny: b", "a\rb", "a\nb", "a\x00b", " a", "a ", "\ta", "a\r\n b"},
		"X-Capital":  {"1"}, "x y": {"1"}, "x\r\ny": {"1"}, "x\x00": {"1"}, "x\x7f": {"1"}, "x(": {"1"}, "x\xff": {"1"}, " x": {"1"}, "x\t": {"1"}, "Host": {"a"}, ":unknown": {"1"}, ":status": {"200"}, ":protocol": {"websocket"},
	} {
		for _, value := range values {
			all = append(all, with(name, value))
		}
	}
	return append(all, plainFields+"|:path:/b", plainFields+"|:method:POST", plainFields+"|:authority:b", ":scheme:http|"+plainFields, ":method:GET|:scheme:http|x:y|:path:/|:authority:a", "x:y|"+plainFields,
		":scheme:http|:path:/|:authority:a", ":method:GET|:path:/|:authority:a", ":method:GET|:scheme:http|:authority:a", plainFields+"|content-length:0|content-length:1", plainFields+"|host:a|host:b",
		plainFields+"|x:"+strings.Repeat("y", 15500), strings.Replace(plainFields, "GET", "CONNECT", 1))
}

// TestServersAreNotAskedForHTTP2: a client cannot have a server speak HTTP/2 through a tunnel (Upgrade: h2c), past all rules.
func TestServersAreNotAskedForHTTP2(t *testing.T) {
	t.Parallel()
	heads := make(chan http.Header, 8)
	server := accepting(t, func(c net.Conn) {
		if q, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			heads <- q.Header
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
		}
	})
	s := start(t, "listen l\n bind %PORT1\n retries 0\n server a "+server+"\n")
	for _, upgrade := range []string{"h2c", "H2C", "websocket, h2c", "h2c,h2c"} {
		got := say(t, s.address(1), "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: "+upgrade+"\r\nConnection: Upgrade, HTTP2-Settings, close\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
		select {
		case h := <-heads:
			if h.Get("Upgrade") != "" || h.Get("Http2-Settings") != "" || strings.Contains(got, " 101 ") {
				t.Errorf("%s: the server saw %v, the client %q", upgrade, h, got)
			}
		case <-time.After(patience):
			t.Fatal("the server was not asked")
		}
	}
}
