package qdevice

import (
	"fmt"
	"slices"
	"time"
)

// Receive takes a message of the server in.
func (c *Client) Receive(now time.Duration, m *Message) {
	if c.state == Disconnected {
		return
	}
	switch m.Type {
	case PreinitReply:
		c.preinitReply(now, m)
	case InitReply:
		c.initReply(now, m)
	case ServerError:
		c.fail(fmt.Errorf("%w: %s", ErrRefused, m.Error))
	case SetOptionReply:
	case EchoReply:
		c.echoReply(now, m)
	case NodeListReply, AskForVoteReply, HeuristicsChangeReply:
		c.reply(m)
	case VoteInfo:
		c.voteInfo(m)
	default:
		c.fail(fmt.Errorf("%w: the quorum device sent a %s, which only hosts send", ErrMalformed, m.Type))
	}
}

// preinitReply goes on to TLS, or without.
func (c *Client) preinitReply(now time.Duration, m *Message) {
	if c.state != Greeted {
		c.fail(fmt.Errorf("%w: %s out of turn", ErrMalformed, m.Type))
		return
	}
	c.offered = m.TLS
	switch {
	case m.TLS == 0 && c.set.TLS == TLSRequired:
		c.fail(fmt.Errorf("%w: it offers no TLS, and quorum.device.net.tls is required here", ErrRefused))
	case m.TLS == 2 && c.set.TLS == TLSOff:
		c.fail(fmt.Errorf("%w: it requires TLS, and quorum.device.net.tls is off here", ErrRefused))
	case m.TLS == 0 || c.set.TLS == TLSOff:
		c.introduce(now)
	default:
		c.state = Securing
		c.send(&Message{Type: StartTLS})
		c.out.Handshake = true
	}
}

// initReply begins to report.
func (c *Client) initReply(now time.Duration, m *Message) {
	if c.state != Introduced {
		c.fail(fmt.Errorf("%w: %s out of turn", ErrMalformed, m.Type))
		return
	}
	if m.Error != 0 {
		c.fail(fmt.Errorf("%w: %s", ErrRefused, m.Error))
		return
	}
	if len(m.Algorithms) > 0 && !slices.Contains(m.Algorithms, c.set.Algorithm) {
		c.fail(fmt.Errorf("%w: it does not know the algorithm %s", ErrRefused, c.set.Algorithm))
		return
	}
	c.until = c.echoed[0].sent + c.set.lease()
	c.state, c.echoed, c.max, c.supported, c.failure = Connected, nil, m.MaxRequest, m.Algorithms, nil
	c.echo = now + c.set.Heartbeat/echoes
	c.send(&Message{Type: SetOption, KeepActive: c.set.KeepActive, Has: Of(OptionKeepActive)})
	c.tell(now)
}

// echoReply extends the lease: the server heard of this host no earlier than the echo was sent.
func (c *Client) echoReply(now time.Duration, m *Message) {
	at := slices.IndexFunc(c.echoed, func(e echo) bool { return e.seq == m.Seq })
	if at < 0 || c.state != Connected {
		return
	}
	c.answered = now
	c.until = max(c.until, c.echoed[at].sent+c.set.lease())
	c.echoed = c.echoed[at+1:]
}

// reply takes what the server says at once to a report. "No change" decides nothing: a server says
// so of a report that its decision does not hang on, while it has yet to decide about the ring; when it has,
// a VoteInfo comes.
func (c *Client) reply(m *Message) {
	ring, known := c.replied[m.Seq]
	delete(c.replied, m.Seq)
	if !known || ring != c.report.Ring || m.Has.Has(OptionRing) && m.Ring != c.report.Ring {
		return // about a ring of before
	}
	c.patience = 0
	if m.Vote == Ack || m.Vote == Nack {
		c.said, c.decided = m.Vote, true
	}
}

// voteInfo takes a decision. The server waits for the answer of those who lose their vote
// before it gives it to others, so the caller makes it known before it sends.
func (c *Client) voteInfo(m *Message) {
	if c.state != Connected {
		c.fail(fmt.Errorf("%w: %s out of turn", ErrMalformed, m.Type))
		return
	}
	if (m.Vote == Ack || m.Vote == Nack) && m.Ring == c.report.Ring {
		c.said, c.decided = m.Vote, true
	}
	c.out.Send = append(c.out.Send, &Message{Type: VoteInfoReply, Seq: m.Seq, Has: Of(OptionSeq)})
}

// Status is what corosync-qdevice-tool shows of a client.
type Status struct {
	State      State
	Standing   Standing
	Settings   Settings
	Report     Report
	Regular    Heuristics
	Offered    uint8 // PreinitReply's TLS
	Secured    bool
	Since      time.Duration // when the connection was made
	LastReply  time.Duration // to an echo; 0: none
	Failure    error         // of the last connection
	Algorithms []Algorithm   // that the server knows
}

// Status returns what is known now.
func (c *Client) Status() Status {
	return Status{State: c.state, Standing: c.Standing(), Settings: c.set, Report: c.report, Regular: c.regular, Offered: c.offered,
		Secured: c.secured, Since: c.began, LastReply: c.answered, Failure: c.failure, Algorithms: c.supported}
}
