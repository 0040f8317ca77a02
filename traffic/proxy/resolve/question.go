package resolve

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"holdfast/traffic/proxy/config"
)

// Place is an address that a name has. Port and weight are those of a service.
type Place struct {
	Address netip.Addr
	Port    uint16 // 0: the configuration's
	Weight  int    // 0: the configuration's
}

// Failure is an answer without addresses, in the words of `hold`.
type Failure string

// The failures.
const (
	NX      Failure = "nx" // there is no such name, or it has no addresses
	Refused Failure = "refused"
	Timeout Failure = "timeout"
	Other   Failure = "other"
)

func (f Failure) Error() string {
	return map[Failure]string{NX: "no such name", Refused: "the name server refused", Timeout: "no answer in time", Other: "the answer is of no use"}[f]
}

// Client asks name servers over UDP (RFC 1035), one after another.
type Client struct {
	Servers []netip.AddrPort
	Tries   int
	Wait    time.Duration // for each answer
	Payload uint16        // largest answer (EDNS0, RFC 6891)
	Counts  []*config.AnswerCounts
}

// ClientOf makes the client that asks as a resolvers section says.
func ClientOf(r *config.Resolvers) *Client {
	return &Client{Servers: r.Servers, Tries: r.Tries, Wait: r.Wait, Payload: r.Payload, Counts: r.Counts}
}

// counts are those of one of the name servers.
func (c *Client) counts(server int) *config.AnswerCounts {
	if server < len(c.Counts) {
		return c.Counts[server]
	}
	return &config.AnswerCounts{}
}

// Addresses asks for a name's addresses; those of the preferred family, when there are any.
func (c *Client) Addresses(ctx context.Context, name string, v4First bool) ([]Place, error) {
	kinds := []dnsmessage.Type{dnsmessage.TypeAAAA, dnsmessage.TypeA}
	if v4First {
		slices.Reverse(kinds)
	}
	var failed error = NX
	for _, kind := range kinds {
		records, err := c.ask(ctx, name, kind)
		if err != nil {
			if failed = err; !errors.Is(err, NX) {
				return nil, err
			}
			continue
		}
		if places := addressesOf(records, kind); len(places) > 0 {
			return places, nil
		}
	}
	return nil, failed
}

func addressesOf(records []dnsmessage.Resource, kind dnsmessage.Type) []Place {
	var places []Place
	for _, r := range records {
		switch body := r.Body.(type) {
		case *dnsmessage.AResource:
			places = append(places, Place{Address: netip.AddrFrom4(body.A)})
		case *dnsmessage.AAAAResource:
			places = append(places, Place{Address: netip.AddrFrom16(body.AAAA)})
		}
	}
	return slices.DeleteFunc(places, func(p Place) bool { return p.Address.Is4() != (kind == dnsmessage.TypeA) })
}

// Service asks for a service's hosts (SRV, RFC 2782) and then for their addresses; a host without any is left out.
func (c *Client) Service(ctx context.Context, name string, v4First bool) ([]Place, error) {
	records, err := c.ask(ctx, name, dnsmessage.TypeSRV)
	if err != nil {
		return nil, err
	}
	var places []Place
	var failed error = NX
	for _, r := range records {
		srv, ok := r.Body.(*dnsmessage.SRVResource)
		if !ok {
			continue
		}
		found, err := c.Addresses(ctx, srv.Target.String(), v4First)
		if err != nil {
			failed = err
			continue
		}
		// A weight is 16 bits wide there and 8 here; none may be 0, which would take no clients.
		places = append(places, Place{found[0].Address, srv.Port, int(srv.Weight)/256 + 1})
	}
	if len(places) == 0 {
		return nil, failed
	}
	return places, nil
}

// ask returns the records of the answer section.
func (c *Client) ask(ctx context.Context, name string, kind dnsmessage.Type) ([]dnsmessage.Resource, error) {
	qname, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return nil, fmt.Errorf("name %q: %w", name, err)
	}
	question := dnsmessage.Question{Name: qname, Type: kind, Class: dnsmessage.ClassINET}
	var failed error = Timeout
	for try := range max(1, c.Tries) {
		records, err := c.askOne(ctx, try%len(c.Servers), question)
		if err == nil || errors.Is(err, NX) {
			return records, err
		}
		if failed = err; ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

func (c *Client) askOne(ctx context.Context, server int, question dnsmessage.Question) (records []dnsmessage.Resource, err error) {
	counts := c.counts(server)
	defer func() { noteAnswer(counts, err) }()
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	id := uint16(rand.Uint32())
	query, err := c.query(id, question)
	if err != nil {
		return nil, err
	}
	// A socket of its own for each question: its port is part of what a forger would have to guess.
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", c.Servers[server].String())
	if err != nil {
		counts.NotSent.Add(1)
		return nil, Timeout
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	counts.Sent.Add(1)
	if _, err := conn.Write(query); err != nil {
		counts.NotSent.Add(1)
		return nil, Timeout
	}
	buffer := make([]byte, 65535)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return nil, Timeout // a port that nobody listens on among them
		}
		records, mine, err := parse(buffer[:n], id, question)
		if mine {
			if n > 2 && buffer[2]&truncated != 0 {
				counts.Truncated.Add(1)
			}
			return records, err
		}
		counts.Invalid.Add(1)
	}
}

// truncated is the bit of an answer's third byte that says there is more (RFC 1035, section 4.1.1).
const truncated = 0x02

// noteAnswer counts what a question came to.
func noteAnswer(counts *config.AnswerCounts, err error) {
	switch {
	case err == nil:
		counts.Valid.Add(1)
	case errors.Is(err, NX):
		counts.NX.Add(1)
	case errors.Is(err, Timeout):
		counts.Timeout.Add(1)
	case errors.Is(err, Refused):
		counts.Refused.Add(1)
	default:
		counts.Other.Add(1)
	}
}

func (c *Client) query(id uint16, question dnsmessage.Question) ([]byte, error) {
	message := dnsmessage.Message{Header: dnsmessage.Header{ID: id, RecursionDesired: true}, Questions: []dnsmessage.Question{question}}
	if c.Payload > 512 {
		var header dnsmessage.ResourceHeader
		if err := header.SetEDNS0(int(c.Payload), dnsmessage.RCodeSuccess, false); err != nil {
			return nil, err
		}
		message.Additionals = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.OPTResource{}}}
	}
	return message.Pack()
}

// parse reads an answer. One that is not to this question is not mine.
func parse(packet []byte, id uint16, question dnsmessage.Question) (records []dnsmessage.Resource, mine bool, err error) {
	var p dnsmessage.Parser
	header, err := p.Start(packet)
	if err != nil || header.ID != id || !header.Response {
		return nil, false, nil
	}
	questions, err := p.AllQuestions()
	if err != nil || len(questions) != 1 || questions[0].Type != question.Type || !strings.EqualFold(questions[0].Name.String(), question.Name.String()) {
		return nil, false, nil
	}
	switch header.RCode {
	case dnsmessage.RCodeSuccess:
	case dnsmessage.RCodeNameError:
		return nil, true, NX
	case dnsmessage.RCodeRefused:
		return nil, true, Refused
	default:
		return nil, true, Other
	}
	records, err = p.AllAnswers()
	if err != nil && !header.Truncated { // of a truncated answer what came whole counts
		return nil, true, Other
	}
	if len(records) == 0 {
		return nil, true, NX
	}
	return records, true, nil
}
