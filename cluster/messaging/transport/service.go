package transport

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	"holdfast/cluster/messaging/core"
)

const (
	serviceName   = "holdfast.Messaging1"
	deliverMethod = "/" + serviceName + "/Deliver"
	callMethod    = "/" + serviceName + "/Call"
)

var deliverDesc = grpc.StreamDesc{StreamName: "Deliver", ClientStreams: true,
	Handler: func(server any, stream grpc.ServerStream) error { return server.(*Streams).receive(stream) }}

var serviceDesc = grpc.ServiceDesc{
	ServiceName: serviceName, HandlerType: (*any)(nil),
	Streams: []grpc.StreamDesc{deliverDesc},
	Methods: []grpc.MethodDesc{{MethodName: "Call", Handler: serveCall}},
}

// frameCall is a call's wire form: the length of the service's name, the name, the payload.
func frameCall(service string, payload []byte) []byte {
	b := binary.AppendUvarint(make([]byte, 0, len(service)+len(payload)+4), uint64(len(service)))
	return append(append(b, service...), payload...)
}

func unframeCall(b []byte) (service string, payload []byte, err error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) || n > 256 {
		return "", nil, fmt.Errorf("read call: %w", core.ErrFormat)
	}
	return string(b[used : used+int(n)]), b[used+int(n):], nil
}

func serveCall(server any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	s := server.(*Streams)
	from, err := caller(ctx)
	if err != nil {
		return nil, status.Error(codes.Unauthenticated, err.Error())
	}
	var request []byte
	if err := decode(&request); err != nil {
		return nil, err
	}
	service, payload, err := unframeCall(request)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	reply, err := s.to.Serve(ctx, from, service, payload)
	if err != nil {
		return nil, status.Error(codes.Aborted, err.Error())
	}
	return &reply, nil
}

// ErrRemote is wrapped by errors that the called host's service returned.
var ErrRemote = errors.New("the host answered with an error")

// callError tells an answer that is an error from a failure to reach the host.
func callError(err error) error {
	st, _ := status.FromError(err)
	switch st.Code() {
	case codes.Aborted:
		return fmt.Errorf("%w: %s", ErrRemote, st.Message())
	case codes.Canceled:
		return context.Canceled
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	}
	return err
}

// rawCodec carries bytes as they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "holdfast-raw" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("cannot send a %T", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(*b)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("cannot receive a %T", v)
	}
	*b = data.Materialize()
	return nil
}

// watched reports handshakes that fail for the credentials.
type watched struct {
	credentials.TransportCredentials
	log *complaints
}

func (w *watched) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, info, err := w.TransportCredentials.ClientHandshake(ctx, authority, conn)
	w.log.check(ctx, conn, err)
	return c, info, err
}

func (w *watched) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, info, err := w.TransportCredentials.ServerHandshake(conn)
	w.log.check(context.Background(), conn, err)
	return c, info, err
}

func (w *watched) Clone() credentials.TransportCredentials {
	return &watched{TransportCredentials: w.TransportCredentials.Clone(), log: w.log}
}

// complaints limits reports of one address to one a minute.
type complaints struct {
	report func(peer string, err error)
	mu     sync.Mutex // guards last
	last   map[string]time.Time
}

func (c *complaints) check(ctx context.Context, conn net.Conn, err error) {
	var network net.Error
	if err == nil || ctx.Err() != nil || errors.As(err, &network) && network.Timeout() ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed) {
		return
	}
	peer := conn.RemoteAddr().String()
	if host, _, e := net.SplitHostPort(peer); e == nil {
		peer = host
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil || len(c.last) > 1024 {
		c.last = map[string]time.Time{}
	}
	if at, ok := c.last[peer]; ok && time.Since(at) < complaintEvery {
		return
	}
	c.last[peer] = time.Now()
	c.report(peer, err)
}

// controlSocket lets a connection break when data is not acknowledged for a token, instead
// of after minutes, so that another link is tried.
func controlSocket(token time.Duration) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		ctl := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(token.Milliseconds()))
		})
		return errors.Join(ctl, err)
	}
}
