package plane

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// pair is this proxy and the installed HAProxy, with the same configuration.
type pair struct {
	ours   *started
	theirs string // address of the first port
}

// startBoth runs a configuration here and with HAProxy, each on ports of its own.
func startBoth(t *testing.T, text string) *pair {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed: there is nothing to compare with")
	}
	host := ownAddress()
	mine := text
	var first string
	for i, port := range freePorts(t, host, 3) {
		address := fmt.Sprintf("%s:%d", host, port)
		if text = strings.ReplaceAll(text, fmt.Sprintf("%%PORT%d", i+1), address); i == 0 {
			first = address
		}
	}
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte(preface+text), 0o600); err != nil {
		t.Fatal(err)
	}
	var complaints bytes.Buffer
	c := exec.Command(program, "-db", "-f", file)
	c.Stderr = &complaints
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	t.Cleanup(func() { _ = c.Process.Kill(); <-ended })
	for deadline := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", first)
		if err == nil {
			conn.Close()
			break
		}
		select {
		case <-ended:
			t.Fatalf("haproxy ended: %s", complaints.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("haproxy does not listen: %v", err)
		}
	}
	return &pair{start(t, mine), first}
}

// ask sends a request as it is written, without its end, and returns the answer and its body, which is unpacked.
func ask(t *testing.T, address, request string) (*http.Response, string) {
	t.Helper()
	c := dialed(t, address)
	defer c.Close()
	head, body, _ := strings.Cut(request, "\n\n")
	method, _, _ := strings.Cut(head, " ")
	fmt.Fprintf(c, "%s\r\nHost: example.org\r\nConnection: close\r\n\r\n%s", strings.ReplaceAll(head, "\n", "\r\n"), body)
	answer, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	return answer, unpacked(t, answer.Header.Get("Content-Encoding"), raw)
}

func unpacked(t *testing.T, coding string, raw []byte) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(raw)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", coding, err)
	}
	return string(plain)
}

// sameAnswer asks both, and compares the status, the body and these fields.
func (b *pair) sameAnswer(t *testing.T, request string, fields ...string) {
	t.Helper()
	want, wantBody := ask(t, b.theirs, request)
	got, gotBody := ask(t, b.ours.address(1), request)
	if got.StatusCode != want.StatusCode || gotBody != wantBody && want.StatusCode < 400 { // errors are explained in other words
		t.Errorf("%q: %d %.80q (%d bytes), where HAProxy answers %d %.80q (%d bytes)", request, got.StatusCode, gotBody, len(gotBody),
			want.StatusCode, wantBody, len(wantBody))
	}
	for _, f := range fields {
		if !slices.Equal(got.Header.Values(f), want.Header.Values(f)) {
			t.Errorf("%q: %s is %q, where HAProxy has %q", request, f, got.Header.Values(f), want.Header.Values(f))
		}
	}
}
