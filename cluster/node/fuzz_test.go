package node

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

// harmless is a node alone in its cluster that cannot end its machine.
func harmless(f *testing.F) *Node {
	f.Helper()
	n := newTestCluster(f, 1).nodes[0]
	n.end = func(int) error { return nil }
	return n
}

// FuzzLocalRequests: what comes over the local socket is answered, whoever asks; those who may not ask are refused.
func FuzzLocalRequests(f *testing.F) {
	for _, one := range [][2]string{
		{"GET /v1/document?xpath=//nvpair[@id='a']", ""}, {"GET /v1/history/7", ""}, {"GET /v1/events?since=9", ""}, {"GET /v1/forks/1", ""},
		{"POST /v1/change", `{"op":"create","scope":"resources","xml":"<primitive id='a' class='ocf' type='Dummy'/>"}`},
		{"POST /v1/change", `{"op":"replace","xml":"<cib"}`}, {"POST /v1/wait", `{"timeout":1}`},
		{"POST /v1/operation", `{"resource":"a","action":"monitor","host":"web1"}`}, {"POST /v1/attributes", `[{"name":"n","value":"1"}]`},
		{"POST /v1/fence", `{"target":"web2","action":"reboot"}`}, {"POST /v1/fence/confirm", `{"target":""}`}, {"POST /v1/fence/unfence", `{"target":"web1","device":"a"}`},
		{"POST /v1/quorum", `{"expected":-1}`},
		{"POST /v1/sbd", `{"settings":{"web1":"SBD_DEVICE="}}`}, {"POST /v1/configuration", `"totem {"`}, {"POST /v1/remove", `{"host":"web9"}`},
	} {
		seed := fmt.Appendf(nil, "%s HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n%s", one[0], len(one[1]), one[1])
		f.Add(seed, true)
		f.Add(seed[:len(seed)-len(seed)/4], true)
		f.Add(seed, false)
	}
	mux := http.NewServeMux()
	harmless(f).routes(mux)
	f.Fuzz(func(t *testing.T, raw []byte, known bool) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil || r.URL.Path == "/v1/kill" { // that ends this process, as it should
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if known {
			ctx = context.WithValue(ctx, peerKey{}, &peer{name: "root"})
		}
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, r.WithContext(ctx))
		if !known && answer.Code < 300 {
			t.Errorf("%s %s by a stranger: %d %s", r.Method, r.URL, answer.Code, answer.Body)
		}
	})
}

// FuzzServices: another host of the cluster that sends nonsense harms nobody but itself.
func FuzzServices(f *testing.F) {
	n := harmless(f)
	services := []string{"controller", "operate", "wait", admitService, configureService, removeService, shrinkService, "fence", readinessService, selfFenceService,
		sightService, quorumService, leaveService, levelService, pendingService, deviceFilesService, changeService}
	for i := range services {
		for _, payload := range []string{"", "null", "{}", `"web1"`, "[1,2", `{"host":3,"boot":7,"order":true}`, `{"kind":1,"reign":{"view":9},"key":"1:1:1:x","operation":{"Resource":"a","Action":"start"}}`} {
			f.Add(uint8(i), []byte(payload))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, payload []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		service := services[int(which)%len(services)]
		answer, err := n.serve(ctx, 9, service, slices.Clone(payload))
		if err == nil && len(answer) == 0 {
			t.Errorf("%s(%q) is answered by nothing", service, payload)
		}
	})
}
