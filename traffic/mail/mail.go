// Package mail hands short messages about addresses and servers to a mail server (RFC 5321). It starts no goroutines.
package mail

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/smtp"
	"strings"
	"time"
)

// Server is where messages go, and from whom to whom.
type Server struct {
	Address string // host:port
	Helo    string // "": localhost
	From    string
	To      []string
	Timeout time.Duration // for the whole of it; 0: 30 s
}

const patience = 30 * time.Second

// Send sends a message. It gives up when ctx ends.
func (s Server) Send(ctx context.Context, subject, body string) error {
	if err := s.send(ctx, s.text(subject, body)); err != nil {
		return fmt.Errorf("send a message through %s: %w", s.Address, err)
	}
	return nil
}

// text is a message with its headers, none of which can break out of its line.
func (s Server) text(subject, body string) string {
	line := strings.NewReplacer("\r", " ", "\n", " ").Replace
	return fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\n%s\r\n", line(s.From), line(strings.Join(s.To, ", ")), line(subject),
		strings.ReplaceAll(body, "\n", "\r\n"))
}

func (s Server) send(ctx context.Context, text string) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.Timeout, patience))
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	host, _, _ := net.SplitHostPort(s.Address)
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	if s.Helo != "" {
		if err := client.Hello(s.Helo); err != nil {
			return err
		}
	}
	if err := client.Mail(s.From); err != nil {
		return err
	}
	for _, to := range s.To {
		if err := client.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return client.Quit()
}
