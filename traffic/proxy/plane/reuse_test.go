package plane

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// reuses are requests one after another: the digit is the client, each with a connection of its own, P has it POST, and x has it end its connection.
var reuses = []string{"0 0 0 0", "0x 1x 2x 3x", "0 1 0 1", "0 1 2 0 1 2", "0P 0P 0P", "0P 1P 0P 1P", "0Px 1Px 2Px", "0 0 1P 1P 2Px", "0 0 0x 1 1 1x 2P 2P 2Px"}

// askAll does them, and returns how many connections the server saw.
func askAll(t *testing.T, address string, which int, connections func() int64) int64 {
	t.Helper()
	requests := reuses[which]
	before := connections()
	clients := map[byte]*client{}
	for _, one := range strings.Fields(requests) {
		c := clients[one[0]]
		if c == nil {
			c = newClient(t, address)
			clients[one[0]] = c
		}
		method, fields := "GET", fmt.Sprintf("X-Back: %d\r\n", which)
		if strings.Contains(one, "P") {
			method, fields = "POST", fields+"Content-Length: 0\r\n"
		}
		if strings.Contains(one, "x") {
			fields += "Connection: close\r\n"
		}
		fmt.Fprintf(c, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, fields)
		answer, err := http.ReadResponse(c.r, nil)
		if err != nil || answer.StatusCode != 200 {
			t.Fatalf("%s: %s: %v, %v", requests, one, answer, err)
		}
		_ = answer.Body.Close()
		if strings.Contains(one, "x") {
			_ = c.Close()
			delete(clients, one[0])
		}
	}
	for _, c := range clients {
		_ = c.Close()
	}
	return connections() - before
}

// TestConnectionsAreSharedAsByHAProxy counts the server's connections for each way to share them. A client's first request that can be repeated may use a
// connection that others have used, where HAProxy opens one: there are fewer, then, with safe and aggressive.
func TestConnectionsAreSharedAsByHAProxy(t *testing.T) {
	t.Parallel()
	for _, reuse := range []string{"never", "safe", "aggressive", "always", "always\n option http-server-close", "never\n option http-server-close", "safe send-proxy"} {
		t.Run(reuse, func(t *testing.T) {
			t.Parallel()
			address, connections := telling(t, func(*http.Request) string { return "ok" })
			line, word, _ := strings.Cut(reuse, " send-proxy")
			if line != reuse {
				word = " send-proxy-v2"
				address = introduced(t, connections)
			}
			text := "global\n nbthread 1\nfrontend f\n bind %PORT1\n use_backend b%[req.hdr(x-back)]\n"
			for i := range reuses {
				text += fmt.Sprintf("backend b%d\n http-reuse %s\n server s %s%s\n", i, line, address, word)
			}
			both := startBoth(t, text)
			for i, requests := range reuses {
				theirs := askAll(t, both.theirs, i, connections.Load)
				ours := askAll(t, both.ours.address(1), i, connections.Load)
				fewer := (line == "safe" || line == "aggressive") && ours < theirs
				if ours != theirs && !fewer {
					t.Errorf("%s: %d connections, HAProxy makes %d", requests, ours, theirs)
				}
			}
		})
	}
}

// introduced is a server that is told of its clients in PROXY's second version, and counts its connections.
func introduced(t *testing.T, connections *atomic.Int64) string {
	return accepting(t, func(c net.Conn) {
		connections.Add(1)
		r := bufio.NewReader(c)
		head := make([]byte, 16)
		if _, err := io.ReadFull(r, head); err != nil {
			return
		}
		_, _ = r.Discard(int(head[14])<<8 | int(head[15]))
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
}
