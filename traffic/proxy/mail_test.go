package proxy

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"holdfast/traffic/proxy/accesslog"
	"holdfast/traffic/proxy/config"
)

// smtp takes one message and returns its text.
func smtp(t *testing.T) (address string, message <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	taken := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		fmt.Fprint(c, "220 here\r\n")
		lines := bufio.NewScanner(c)
		var text strings.Builder
		for inside := false; lines.Scan(); {
			switch line := lines.Text(); {
			case inside && line == ".":
				inside = false
				taken <- text.String()
				fmt.Fprint(c, "250 taken\r\n")
			case inside:
				text.WriteString(line + "\n")
			case strings.EqualFold(line, "DATA"):
				inside = true
				fmt.Fprint(c, "354 go on\r\n")
			default:
				fmt.Fprint(c, "250 good\r\n")
			}
		}
	}()
	return l.Addr().String(), taken
}

func TestServersThatFallAreTold(t *testing.T) {
	t.Parallel()
	address, taken := smtp(t)
	c, err := config.Load([]config.File{{Name: "f", Text: []byte("mailers m\n mailer one " + address + "\n timeout mail 30s\nbackend b\n email-alert mailers m\n" +
		" email-alert from proxy@web.test\n email-alert to a@web.test,b@web.test\n email-alert level notice\n")}}, machine{})
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{Config: c, log: accesslog.New("", 1), letters: make(chan letter, mailQueue)}
	t.Cleanup(p.log.Close)
	p.wait.Go(func() { p.post(t.Context()) })
	t.Cleanup(p.wait.Wait)
	p.mail(c.Proxies[0], 6, "too small a matter")
	p.mail(c.Proxies[0], 1, "Server b/one is DOWN.")
	got := <-taken
	for _, want := range []string{"From: proxy@web.test", "To: a@web.test, b@web.test", "Subject: [proxy alert] Server b/one is DOWN."} {
		if !strings.Contains(got, want) {
			t.Errorf("the message lacks %q:\n%s", want, got)
		}
	}
}
