package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"holdfast/cluster/messaging/core"
)

// Requests is what Streams hands on.
type Requests struct {
	// Received takes a message of an authenticated host; it may block.
	Received func(m core.Message)
	// Serve answers a call.
	Serve func(ctx context.Context, from core.HostID, service string, payload []byte) ([]byte, error)
	// Unsent tells that messages to a host were lost.
	Unsent func(to core.HostID)
	// Refused tells of a connection that failed for its credentials, at most once a
	// minute for each address.
	Refused func(peer string, err error)
}

// Streams are the gRPC connections of a host.
type Streams struct {
	identity *Identity
	to       Requests
	token    time.Duration
	server   *grpc.Server
	ctx      context.Context // ends with Close
	tasks    sync.WaitGroup
	stop     context.CancelFunc
	log      complaints

	mu    sync.RWMutex // guards peers
	peers map[core.HostID]*outgoing
}

// outgoing is the way to one peer.
type outgoing struct {
	host  core.HostID
	end   context.CancelFunc // ends what delivers
	conn  *grpc.ClientConn
	queue chan *core.Message
	lost  atomic.Bool // messages did not fit into queue
	dial  dialer
}

// queued is how many messages to a host may wait; further ones are lost.
const queued = 1024

// maxMessage bounds messages and calls: a document with its history fits.
const maxMessage = 256 << 20

// flowWindow is gRPC's flow-control window, in bytes. A fixed one turns off its probing of the
// link's capacity, a ping for every few messages, which costs an idle host more than the
// messages themselves.
const flowWindow = 4 << 20

// ListenStreams listens on the addresses of all links and prepares the ways to the peers.
func ListenStreams(identity *Identity, at Addresses, token time.Duration, to Requests) (*Streams, error) {
	ctx, stop := context.WithCancel(context.Background())
	s := &Streams{identity: identity, to: to, token: token, ctx: ctx, peers: map[core.HostID]*outgoing{}, stop: stop}
	s.log.report = to.Refused
	s.server = grpc.NewServer(
		grpc.Creds(&watched{TransportCredentials: credentials.NewTLS(identity.server()), log: &s.log}),
		grpc.ForceServerCodecV2(rawCodec{}), grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
		grpc.StaticStreamWindowSize(flowWindow), grpc.StaticConnWindowSize(flowWindow))
	s.server.RegisterService(&serviceDesc, s)
	for link, addr := range at.Self {
		config := net.ListenConfig{Control: controlSocket(token)}
		listener, err := config.Listen(ctx, "tcp", addr.String())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen for hosts on link %d: %w", link, err), s.Close())
		}
		s.tasks.Go(func() { _ = s.server.Serve(listener) })
	}
	for host, addrs := range at.Peers {
		if err := s.Add(host, addrs); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Add prepares the way to a further peer.
func (s *Streams) Add(host core.HostID, addrs []netip.AddrPort) error {
	ctx, end := context.WithCancel(s.ctx)
	out := &outgoing{host: host, end: end, queue: make(chan *core.Message, queued), dial: dialer{addrs: addrs, token: s.token}}
	var err error
	out.conn, err = grpc.NewClient("passthrough:///"+hostName(host),
		grpc.WithTransportCredentials(&watched{TransportCredentials: credentials.NewTLS(s.identity.client(host)), log: &s.log}),
		grpc.WithContextDialer(out.dial.dial), grpc.WithIdleTimeout(0), grpc.WithDisableServiceConfig(),
		grpc.WithStaticStreamWindowSize(flowWindow), grpc.WithStaticConnWindowSize(flowWindow),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: 2 * s.token,
			Backoff: backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 200 * time.Millisecond}}),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)))
	if err != nil {
		end()
		return fmt.Errorf("prepare the connection to host %d: %w", host, err)
	}
	s.mu.Lock()
	s.peers[host] = out
	s.mu.Unlock()
	s.tasks.Go(func() { s.deliver(ctx, out) })
	return nil
}

// Remove ends the way to a peer. What is on it is lost.
func (s *Streams) Remove(host core.HostID) {
	s.mu.Lock()
	out := s.peers[host]
	delete(s.peers, host)
	s.mu.Unlock()
	if out != nil {
		out.end()
		_ = out.conn.Close() // it fails only when it is closed
	}
}

// peer returns the way to a host, nil when it is not configured.
func (s *Streams) peer(host core.HostID) *outgoing {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.peers[host]
}

// Send queues messages; what does not fit is lost and reported.
func (s *Streams) Send(messages []core.Message) {
	for i := range messages {
		out := s.peer(messages[i].To)
		if out == nil {
			continue
		}
		select {
		case out.queue <- &messages[i]:
		default:
			out.lost.Store(true)
		}
	}
}

// deliver keeps a stream to one peer and sends what is queued.
func (s *Streams) deliver(ctx context.Context, out *outgoing) {
	var stream grpc.ClientStream
	var end context.CancelFunc = func() {}
	defer func() { end() }()
	for {
		var m *core.Message
		select {
		case <-ctx.Done():
			return
		case m = <-out.queue:
		}
		if out.lost.Swap(false) {
			s.to.Unsent(out.host)
		}
		if stream == nil {
			var sctx context.Context
			sctx, end = context.WithCancel(ctx)
			var err error
			if stream, err = out.conn.NewStream(sctx, &deliverDesc, deliverMethod); err != nil {
				stream = nil
				end()
				s.to.Unsent(out.host)
				continue
			}
			s.watch(out.host, stream, end)
		}
		b, err := m.Marshal()
		if err == nil {
			err = stream.SendMsg(&b)
		}
		if err != nil {
			stream = nil
			end()
			s.to.Unsent(out.host)
		}
	}
}

// watch ends a stream when the peer does: gRPC tells senders only of flow control. What was
// sent last may be lost, and nothing else may be sent for long.
func (s *Streams) watch(to core.HostID, stream grpc.ClientStream, end context.CancelFunc) {
	s.tasks.Go(func() {
		var none []byte
		_ = stream.RecvMsg(&none)
		end()
		s.to.Unsent(to)
	})
}

// Reset drops the connection to a host if it runs over the given link, or whatever it
// runs over with link below 0, and makes a new one at once.
func (s *Streams) Reset(host core.HostID, link int) {
	if out := s.peer(host); out != nil {
		out.dial.drop(link)
		out.conn.Connect()
	}
}

// Call asks a host for a service.
func (s *Streams) Call(ctx context.Context, host core.HostID, service string, payload []byte) ([]byte, error) {
	out := s.peer(host)
	if out == nil {
		return nil, fmt.Errorf("call %s on host %d: no such host is configured", service, host)
	}
	request := frameCall(service, payload)
	var reply []byte
	if err := out.conn.Invoke(ctx, callMethod, &request, &reply, grpc.WaitForReady(true)); err != nil {
		return nil, fmt.Errorf("call %s on host %d: %w", service, host, callError(err))
	}
	return reply, nil
}

// Close closes all connections and waits.
func (s *Streams) Close() error {
	s.stop()
	s.server.Stop()
	var errs []error
	for _, out := range s.peers {
		errs = append(errs, out.conn.Close())
	}
	s.tasks.Wait()
	return errors.Join(errs...)
}

// caller is the authenticated host at the other end of a request.
func caller(ctx context.Context) (core.HostID, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return 0, errors.New("the caller is unknown")
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return 0, errors.New("the caller did not use TLS")
	}
	return hostOf(info.State)
}

// receive takes a peer's messages until the stream ends.
func (s *Streams) receive(stream grpc.ServerStream) error {
	from, err := caller(stream.Context())
	if err != nil {
		return err
	}
	for {
		var b []byte
		if err := stream.RecvMsg(&b); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		m, err := core.UnmarshalMessage(b)
		if err != nil {
			return err
		}
		if m.From != from {
			return fmt.Errorf("host %d sends a message of host %d", from, m.From)
		}
		s.to.Received(m)
	}
}

// dialer connects over the first link that works.
type dialer struct {
	addrs []netip.AddrPort
	token time.Duration

	mu    sync.Mutex // guards what follows
	conn  net.Conn   // the last one
	link  int        // that it runs over
	avoid int        // the link that was dropped last, +1; tried last
}

func (d *dialer) dial(ctx context.Context, _ string) (net.Conn, error) {
	var errs []error
	for _, link := range d.links() {
		try := net.Dialer{Timeout: d.token / 2, Control: controlSocket(d.token)}
		conn, err := try.DialContext(ctx, "tcp", d.addrs[link].String())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		d.mu.Lock()
		d.conn, d.link = conn, link
		d.mu.Unlock()
		return conn, nil
	}
	return nil, errors.Join(errs...)
}

// links is the order in which to try.
func (d *dialer) links() []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	var order, last []int
	for i := range d.addrs {
		if i+1 == d.avoid {
			last = append(last, i)
		} else {
			order = append(order, i)
		}
	}
	return append(order, last...)
}

func (d *dialer) drop(link int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if link >= 0 {
		d.avoid = link + 1
	}
	if d.conn != nil && (link < 0 || d.link == link) {
		_ = d.conn.Close() // gRPC notices and dials again
		d.conn = nil
	}
}
