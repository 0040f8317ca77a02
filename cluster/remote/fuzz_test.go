package remote

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRequests: a member that sends nonsense gets it refused; what is run was asked for whole.
func FuzzRequests(f *testing.F) {
	for _, one := range [][2]string{
		{"run", `{"Resource":"web","Agent":{"Class":"ocf","Provider":"pacemaker","Type":"Dummy"},"Action":"start"}`},
		{"run", `{"Agent":{"Class":"ocf","Provider":"pacemaker","Type":"remote"}}`}, {"run", `{"Timeout":"soon"}`}, {"run", "{"},
		{"answer", `{"ID":7,"Status":200,"Body":"e30="}`}, {"answer", `[]`}, {"answer", ""},
	} {
		seed := fmt.Appendf(nil, "POST /v1/%s HTTP/1.1\r\nHost: far\r\nContent-Length: %d\r\n\r\n%s", one[0], len(one[1]), one[1])
		f.Add(seed)
		f.Add(seed[:len(seed)-4])
	}
	runner := &answers{}
	handler := (&Server{runner: runner, log: quiet, name: "far", asking: NewAsking()}).handler()
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil || strings.HasSuffix(r.URL.Path, "/session") { // that lasts as long as its caller
			return
		}
		before := len(runner.ran)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		if answer.Code != http.StatusOK && len(runner.ran) > before {
			t.Errorf("%s %s is refused (%d) and run", r.Method, r.URL, answer.Code)
		}
	})
}
