package setup_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRequests: whoever has neither a password nor a token gets nothing done, whatever the request is. What the port takes is TLS, which
// is Go's; what comes through it is read here.
func FuzzRequests(f *testing.F) {
	request := func(method, path, header, body string) []byte {
		return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: web1\r\n%sContent-Length: %d\r\n\r\n%s", method, path, header, len(body), body)
	}
	seeds := [][]byte{
		request("POST", "/v1/setup/login", "", `{"User":"hacluster","Password":"wrong"}`),
		request("POST", "/v1/setup/join", "", `{"Invitation":"abc","Host":{"Name":"web9","Addrs":["192.0.2.9"]}}`),
		request("PUT", "/v1/setup/configuration", "Authorization: Bearer x\r\n", `{"Holdfast":"totem {}"}`),
		request("POST", "/v1/setup/destroy", "Authorization: Bearer \r\n", ""),
		request("GET", "/v1/setup/files", "", ""),
		request("POST", "/v1/setup/login", "", "[[[[[[[[[["),
	}
	for _, seed := range seeds {
		f.Add(seed)
		f.Add(seed[:len(seed)*2/3])
	}
	handler := start(f).server.Handler()
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil || bytes.Contains(raw, []byte("secret")) {
			return
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		if answer.Code < 300 {
			t.Errorf("%s %s: %d %s", r.Method, r.URL, answer.Code, answer.Body)
		}
		if answer.Code >= 500 && !strings.Contains(answer.Body.String(), "token") {
			t.Errorf("%s %s: %d %s", r.Method, r.URL, answer.Code, answer.Body)
		}
	})
}
