package check

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
)

// maxLine is the longest line that a server may answer with.
const maxLine = 4096

// readLine reads a line without its end.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("read its answer: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func lines(conn io.Reader) *bufio.Reader {
	return bufio.NewReader(io.LimitReader(conn, 64*maxLine))
}

// greeting asks nothing: the first line has to begin with one of the words.
func greeting(begins ...string) func(context.Context, Check, net.Conn) error {
	return func(_ context.Context, _ Check, conn net.Conn) error {
		line, err := readLine(lines(conn))
		if err != nil {
			return err
		}
		return beginsWith(line, begins...)
	}
}

func beginsWith(line string, begins ...string) error {
	for _, begin := range begins {
		if strings.HasPrefix(line, begin) {
			return nil
		}
	}
	return fmt.Errorf("it answers %q, want %s", line, strings.Join(begins, " or "))
}

// askSMTP reads the greeting and says EHLO (RFC 5321, 3.1 and 3.2): a server that greets but cannot go on fails.
func askSMTP(_ context.Context, c Check, conn net.Conn) error {
	r := lines(conn)
	if err := smtpReply(r, "220"); err != nil {
		return err
	}
	name := c.Name
	if name == "" {
		name = "[127.0.0.1]"
	}
	if _, err := fmt.Fprintf(conn, "EHLO %s\r\n", name); err != nil {
		return fmt.Errorf("say EHLO: %w", err)
	}
	if err := smtpReply(r, "250"); err != nil {
		return err
	}
	_, err := io.WriteString(conn, "QUIT\r\n")
	return err
}

// smtpReply reads a reply, whose lines but the last have a dash behind the code.
func smtpReply(r *bufio.Reader, code string) error {
	for {
		line, err := readLine(r)
		if err != nil {
			return err
		}
		if err := beginsWith(line, code); err != nil {
			return err
		}
		if !strings.HasPrefix(line, code+"-") {
			return nil
		}
	}
}

// askRedis says PING; a server that wants a password serves, too.
func askRedis(_ context.Context, _ Check, conn net.Conn) error {
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return fmt.Errorf("say PING: %w", err)
	}
	line, err := readLine(lines(conn))
	if err != nil {
		return err
	}
	return beginsWith(line, "+PONG", "-NOAUTH")
}

// askTalk sends what is to be sent, and reads until the answer matches or ends.
func askTalk(_ context.Context, c Check, conn net.Conn) error {
	if _, err := io.WriteString(conn, c.Send); err != nil {
		return fmt.Errorf("send the request: %w", err)
	}
	if c.Expect == nil {
		return nil
	}
	var answer []byte
	part := make([]byte, maxLine)
	for len(answer) < 64*maxLine {
		n, err := conn.Read(part)
		if answer = append(answer, part[:n]...); c.Expect.Match(answer) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("its answer %q does not match %q: %w", printable(answer[:min(len(answer), 100)]), c.Expect, err)
		}
	}
	return fmt.Errorf("nothing in the first %d bytes of its answer matches %q", len(answer), c.Expect)
}

// printable makes what a server says fit to be logged.
func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return ' '
		}
		return r
	}, string(b))
}
