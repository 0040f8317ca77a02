package check

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"holdfast/traffic/program"
)

// TestReplies: what a datagram's answer has to be, as UDP_CHECK of keepalived.conf says it.
func TestReplies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reply *Reply
		want  string
	}{
		"any":                      {&Reply{}, ""},
		"of a length":              {&Reply{Least: 3, Most: 3}, ""},
		"too long":                 {&Reply{Most: 2}, "its answer has 3 bytes; 0 to 2 are wanted"},
		"too short":                {&Reply{Least: 4, Most: 9}, "its answer has 3 bytes; 4 to 9 are wanted"},
		"the same":                 {&Reply{Value: []byte{1, 2, 3}, Mask: []byte{255, 255, 255}}, ""},
		"the same as far as it is": {&Reply{Value: []byte{1, 2, 3, 4}, Mask: []byte{255, 255, 255, 255}}, ""},
		"where it counts":          {&Reply{Value: []byte{1, 0x32}, Mask: []byte{255, 0x0f}}, ""},
		"another":                  {&Reply{Value: []byte{1, 9}, Mask: []byte{255, 255}}, "another than wanted from byte 1 on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := replies(t, func([]byte) []byte { return []byte{1, 2, 3} })
			expect(t, Check{Protocol: UDP, Target: at, Timeout: patience, Send: "?", Reply: test.reply}.Run(t.Context()), test.want)
		})
	}
}

// TestVersionsOfHTTP: what is asked, and where in the answer a match may begin.
func TestVersionsOfHTTP(t *testing.T) {
	t.Parallel()
	for version, want := range map[Version]string{
		"":           "GET / HTTP/1.1\r\n",
		HTTP11:       "GET / HTTP/1.1\r\n",
		HTTP10:       "GET / HTTP/1.0\r\nUser-Agent: holdfast-check\r\nHost: www.example\r\n\r\n",
		HTTP10Closed: "GET / HTTP/1.0\r\nUser-Agent: holdfast-check\r\nHost: www.example\r\nConnection: close\r\n\r\n",
	} {
		asked := make(chan string, 1)
		at := serve(t, func(conn net.Conn) {
			b := make([]byte, 4096)
			n, _ := conn.Read(b)
			asked <- string(b[:n])
			_, _ = conn.Write([]byte("HTTP/1.0 200 OK\r\n\r\nwell, well"))
		})
		page := Page{Host: "www.example", Version: version, Match: regexp.MustCompile("well"), From: 2, To: 6}
		expect(t, Check{Protocol: HTTP, Target: at, Timeout: patience, Page: page}.Run(t.Context()), "")
		if got := <-asked; !strings.HasPrefix(got, want) {
			t.Errorf("version %q asks %q, want %q", version, got, want)
		}
	}
	for limits, want := range map[[2]int]bool{{0, 0}: true, {0, 5}: true, {1, 5}: false, {1, 6}: true, {7, 0}: false, {99, 0}: false} {
		if got := (Page{Match: regexp.MustCompile("well"), From: limits[0], To: limits[1]}).matches([]byte("well, well")); got != want {
			t.Errorf("a match from %d to %d: %t, want %t", limits[0], limits[1], got, want)
		}
	}
}

// TestFilesMakeWeights: a number, times a factor, is added to the weight; what leaves none takes the server out.
func TestFilesMakeWeights(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text         string
		base, factor int
		want         string
	}{
		"nothing":          {"0", 5, 1, "it is well, with weight 5"},
		"more":             {"3\n", 5, 2, "it is well, with weight 11"},
		"less":             {"2", 5, -2, "it is well, with weight 1"},
		"none left":        {"3", 5, -2, "says 3"},
		"without a factor": {"1", 5, 0, "says 1"},
		"no number":        {"many", 5, 1, "has no number in it"},
		"no file":          {"", 5, 1, "it is well, with weight 5"},
	} {
		file := filepath.Join(t.TempDir(), "number")
		if test.text != "" {
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := Check{Protocol: File, Command: []string{file}, Timeout: patience, Base: test.base, Factor: test.factor}.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// TestProgramsRunAsTheirUser: a check's program runs as the user that it names; one that nobody knows is an error.
func TestProgramsRunAsTheirUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("to run programs as others needs root")
	}
	run := func(name string, words ...string) error {
		return Check{Protocol: External, Command: words, User: &program.User{Name: name}, Timeout: patience}.Run(t.Context())
	}
	const nobody = 65534
	expect(t, run("nobody", "sh", "-c", "test $(id -u) = "+strconv.Itoa(nobody)), "")
	expect(t, run("no-such-user", "true"), "find user no-such-user")
}

// TestCertificatesAreShown: a server that asks for one gets it; a file that is not there is an error.
func TestCertificatesAreShown(t *testing.T) {
	t.Parallel()
	at := serve(t, says(""))
	own := &TLS{Certificate: filepath.Join(t.TempDir(), "gone.pem"), Key: "gone.pem"}
	expect(t, Check{Protocol: HTTP, Target: at, Timeout: patience, TLS: own}.Run(t.Context()), "read the certificate to show")
}
