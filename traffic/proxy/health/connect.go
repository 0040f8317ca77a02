package health

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/preamble"
	"holdfast/traffic/proxy/sample"
	"holdfast/traffic/proxy/socks"
)

// way is how a step of a check reaches the server.
type way struct {
	network, address string
	relay            netip.AddrPort
	secret           *tls.Config
	preamble         int // version of the PROXY protocol; 0: none
}

// wayOf is what a connect step, the server's line and what an administrator said at run time make together. Where checks have an address of their own,
// what the line says of TLS and the PROXY protocol is not for them.
func (v *conversation) wayOf(c *config.CheckConnect) way {
	s := v.server
	at := s.Asking().Check
	w := way{network: "tcp"}
	target := s.Address()
	elsewhere := at.Addr().IsValid() || at.Port() > 0
	if at.Addr().IsValid() {
		target = netip.AddrPortFrom(at.Addr(), target.Port())
	}
	if at.Port() > 0 {
		target = netip.AddrPortFrom(target.Addr(), at.Port())
	}
	if c.Address.IsValid() {
		target, elsewhere = netip.AddrPortFrom(c.Address, target.Port()), true
	}
	var port sample.Value
	if c.Port != nil && c.Port.Get(&v.context, &port) {
		if n, ok := port.Integer(); ok && n > 0 && n <= 65535 {
			target = netip.AddrPortFrom(target.Addr(), uint16(n))
		}
	}
	if w.address = target.String(); s.Path != "" && !elsewhere {
		w.network, w.address = "unix", s.Path
	}
	if c.Default {
		switch {
		case s.CheckSendProxy:
			w.preamble = max(1, s.SendProxy)
		case !elsewhere:
			w.preamble = s.SendProxy
		}
		if s.CheckTLS || s.TLS != nil && !elsewhere && !s.CheckPlain {
			w.secret = v.secret
		}
		if s.CheckRelayed {
			w.relay = s.Relay
		}
	}
	w.also(c, v)
	return w
}

// also adds what the step itself asks for.
func (w *way) also(c *config.CheckConnect, v *conversation) {
	if c.SendProxy {
		w.preamble = max(w.preamble, 1)
	}
	if c.Relayed {
		w.relay = v.server.Relay
	}
	if c.Secure && w.secret == nil {
		w.secret = v.own()
	}
	if w.secret != nil && (c.SNI != "" || c.ALPN != nil) {
		w.secret = w.secret.Clone()
		if c.SNI != "" {
			w.secret.ServerName = c.SNI
		}
		if c.ALPN != nil {
			w.secret.NextProtos = c.ALPN
		}
	}
}

// own is the server's TLS without what its line says of checks only, which is for connections as the line says.
func (v *conversation) own() *tls.Config {
	if v.secret == nil {
		return &tls.Config{}
	}
	c := v.secret.Clone()
	if c.ServerName = ""; v.server.CheckSecurity != nil {
		c.NextProtos = v.server.CheckSecurity.ALPN
	}
	return c
}

// connect takes up a connection as a step says, in place of the one before.
func (v *conversation) connect(ctx context.Context, c *config.CheckConnect) *failure {
	v.close()
	v.forget()
	v.ended, v.secured, v.linger = false, false, c.Linger
	w := v.wayOf(c)
	deadline := time.Now().Add(v.limits.connect)
	dialling, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	address := w.address
	if w.relay.IsValid() {
		address = w.relay.String()
	}
	conn, err := (&net.Dialer{}).DialContext(dialling, w.network, address)
	if err != nil {
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			return failed("L4TOUT", "")
		}
		return v.broken(err, "L4TOUT", "L4CON")
	}
	v.conn = conn
	context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	_ = conn.SetDeadline(deadline)
	if w.relay.IsValid() {
		target, _ := netip.ParseAddrPort(w.address)
		if err := socks.Connect(conn, target); err != nil {
			return failed("L4CON", "relay: %v", err)
		}
	}
	if w.preamble > 0 {
		if bad := v.write(introduction(conn, w.preamble)); bad != nil {
			return bad
		}
	}
	if w.secret != nil {
		if bad := v.secure(dialling, w.secret); bad != nil {
			return bad
		}
	}
	v.http2 = c.HTTP2 || c.Default && v.server.ChecksHTTP2() || v.agreed() == "h2"
	if v.limits.answer > 0 {
		_ = v.conn.SetDeadline(time.Now().Add(v.limits.answer))
	}
	return nil
}

// introduction is a header of the PROXY protocol: version 2 says that the connection is the proxy's own.
func introduction(conn net.Conn, version int) []byte {
	if version == 2 {
		return preamble.Append2(nil, preamble.Header{})
	}
	here, _ := netip.ParseAddrPort(conn.LocalAddr().String())
	there, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
	return preamble.Append1(nil, preamble.Header{Source: here, Destination: there})
}

func (v *conversation) secure(ctx context.Context, c *tls.Config) *failure {
	secured := tls.Client(v.conn, c)
	if err := secured.HandshakeContext(ctx); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil {
			return failed("L6TOUT", "")
		}
		return failed("L6RSP", "TLS: %s", reason(err))
	}
	v.conn, v.secured = secured, true
	return nil
}

// agreed is the protocol that ALPN came to.
func (v *conversation) agreed() string {
	if c, ok := v.conn.(*tls.Conn); ok {
		return c.ConnectionState().NegotiatedProtocol
	}
	return ""
}

// close ends the connection. A reset spares the server, and this host, to wait for the other end.
func (v *conversation) close() {
	if v.conn == nil {
		return
	}
	under := v.conn
	if c, ok := under.(*tls.Conn); ok {
		if v.linger {
			_ = c.CloseWrite()
		}
		under = c.NetConn()
	}
	if c, ok := under.(*net.TCPConn); ok && !v.linger {
		_ = c.SetLinger(0)
	}
	_ = under.Close()
	v.conn = nil
}
