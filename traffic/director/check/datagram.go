package check

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"holdfast/traffic/netio/checksum"
)

// Records are the types that a name server can be asked for.
var Records = map[string]dnsmessage.Type{
	"A": dnsmessage.TypeA, "NS": dnsmessage.TypeNS, "CNAME": dnsmessage.TypeCNAME, "SOA": dnsmessage.TypeSOA, "MX": dnsmessage.TypeMX,
	"TXT": dnsmessage.TypeTXT, "AAAA": dnsmessage.TypeAAAA,
}

// askDNS asks for the name's address, or for the root's name servers; any answer without an error of the server counts.
func askDNS(_ context.Context, c Check, conn net.Conn) error {
	kind, name := dnsmessage.TypeA, strings.TrimSuffix(c.Name, ".")+"."
	if c.Name == "" {
		kind = dnsmessage.TypeNS
	}
	if c.Record != "" {
		kind = Records[c.Record]
	}
	wanted, err := dnsmessage.NewName(name)
	if err != nil {
		return fmt.Errorf("ask for %q: %w", c.Name, err)
	}
	const id = 0x6866
	question := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: wanted, Type: kind, Class: dnsmessage.ClassINET}},
	}
	packed, err := question.Pack()
	if err != nil {
		return fmt.Errorf("ask for %q: %w", c.Name, err)
	}
	answer, err := exchange(conn, packed)
	if err != nil {
		return err
	}
	var p dnsmessage.Parser
	head, err := p.Start(answer)
	if err != nil || head.ID != id || !head.Response {
		return fmt.Errorf("it sends what is no answer to the query (%d bytes)", len(answer))
	}
	if head.RCode != dnsmessage.RCodeSuccess {
		return fmt.Errorf("it answers %s for %q", strings.TrimPrefix(head.RCode.String(), "RCode"), name)
	}
	if c.Expect == nil {
		return nil
	}
	return expectRecord(&p, c.Expect)
}

// expectRecord looks for an address or a name that matches.
func expectRecord(p *dnsmessage.Parser, expect *regexp.Regexp) error {
	if err := p.SkipAllQuestions(); err != nil {
		return fmt.Errorf("read its answer: %w", err)
	}
	all, err := p.AllAnswers()
	if err != nil {
		return fmt.Errorf("read its answer: %w", err)
	}
	for _, record := range all {
		text := ""
		switch body := record.Body.(type) {
		case *dnsmessage.AResource:
			text = netip.AddrFrom4(body.A).String()
		case *dnsmessage.AAAAResource:
			text = netip.AddrFrom16(body.AAAA).String()
		case *dnsmessage.PTRResource:
			text = strings.TrimSuffix(body.PTR.String(), ".")
		}
		if text != "" && expect.MatchString(text) {
			return nil
		}
	}
	return fmt.Errorf("none of its %d records matches %q", len(all), expect)
}

// refusal is how long nothing has to refuse a datagram that need not be answered.
const refusal = 500 * time.Millisecond

// askUDP sends a datagram. A host where nobody listens refuses it by ICMP; without Expect silence is well.
func askUDP(ctx context.Context, c Check, conn net.Conn) error {
	if _, err := io.WriteString(conn, c.Send); err != nil {
		return fmt.Errorf("send a datagram: %w", err)
	}
	quiet := c.Expect == nil && c.Reply == nil // nothing has to come
	if quiet {
		if err := conn.SetReadDeadline(time.Now().Add(min(refusal, c.Timeout/2))); err != nil {
			return err
		}
	}
	answer := make([]byte, 65535)
	n, err := conn.Read(answer)
	switch {
	case quiet && errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil:
		return nil
	case err != nil:
		return fmt.Errorf("read its answer: %w", err)
	case c.Expect != nil && !c.Expect.Match(answer[:n]):
		return fmt.Errorf("its answer of %d bytes does not match %q", n, c.Expect)
	case c.Reply != nil:
		return c.Reply.judge(answer[:n])
	}
	return nil
}

func (r *Reply) judge(answer []byte) error {
	if n := len(answer); n < r.Least || r.Most > 0 && n > r.Most {
		return fmt.Errorf("its answer has %d bytes; %d to %d are wanted", n, r.Least, r.Most)
	}
	for i := range min(len(answer), len(r.Value)) {
		if (answer[i]^r.Value[i])&r.Mask[i] != 0 {
			return fmt.Errorf("its answer is another than wanted from byte %d on", i)
		}
	}
	return nil
}

// askSIP asks for OPTIONS (RFC 3261, 11); any answer but one of the server's own errors counts.
func askSIP(_ context.Context, c Check, conn net.Conn) error {
	local := conn.LocalAddr().String()
	from, to := "check@"+local, c.Target.String()
	if user := c.Login.User; user != "" {
		from, to = user, user
	}
	request := strings.Join([]string{
		"OPTIONS sip:" + c.Target.String() + " SIP/2.0",
		"Via: SIP/2.0/UDP " + local + ";branch=z9hG4bKholdfast",
		"Max-Forwards: 70", "From: <sip:" + from + ">;tag=holdfast", "To: <sip:" + to + ">",
		"Call-ID: holdfast-" + local, "CSeq: 1 OPTIONS", "Content-Length: 0", "", "",
	}, "\r\n")
	answer, err := exchange(conn, []byte(request))
	if err != nil {
		return err
	}
	line, _, _ := bytes.Cut(answer, []byte("\r\n"))
	if code, ok := bytes.CutPrefix(line, []byte("SIP/2.0 ")); !ok || len(code) < 3 || code[0] < '1' || code[0] > '4' {
		return fmt.Errorf("it answers %q", printable(line))
	}
	return nil
}

func exchange(conn net.Conn, request []byte) ([]byte, error) {
	if _, err := conn.Write(request); err != nil {
		return nil, fmt.Errorf("send the request: %w", err)
	}
	answer := make([]byte, 65535)
	n, err := conn.Read(answer)
	if err != nil {
		return nil, fmt.Errorf("read its answer: %w", err)
	}
	return answer[:n], nil
}

// askPing sends an ICMP echo request (RFC 792, RFC 4443) and waits for the reply to it.
func askPing(ctx context.Context, c Check, _ net.Conn) error {
	const echo4, reply4, echo6, reply6, header = 8, 0, 128, 129, 8
	network, kind, reply := "ip4:icmp", byte(echo4), byte(reply4)
	if !c.Target.Addr().Is4() {
		network, kind, reply = "ip6:ipv6-icmp", echo6, reply6
	}
	dialed, err := (&net.Dialer{}).DialContext(ctx, network, c.Target.Addr().String())
	if err != nil {
		return fmt.Errorf("open a raw socket: %w", err)
	}
	defer dialed.Close()
	conn := dialed.(*net.IPConn) // whose ReadFrom cuts the IP header off, unlike Read
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	request := []byte{kind, 0, 0, 0, 0, 0, 0, 1}
	binary.BigEndian.PutUint16(request[4:], uint16(os.Getpid()))
	request = append(request, conn.LocalAddr().String()...)
	if kind == echo4 { // the kernel fills in ICMPv6's
		binary.BigEndian.PutUint16(request[2:], checksum.Internet(request, 0))
	}
	if _, err := conn.Write(request); err != nil {
		return fmt.Errorf("send an echo request: %w", err)
	}
	answer := make([]byte, 1500)
	for {
		n, _, err := conn.ReadFrom(answer)
		if err != nil {
			return fmt.Errorf("read an echo reply: %w", err)
		}
		if n >= header && answer[0] == reply && bytes.Equal(answer[4:n], request[4:]) {
			return nil
		}
	}
}
