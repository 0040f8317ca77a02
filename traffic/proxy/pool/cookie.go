package pool

import (
	"encoding/binary"
	"fmt"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/sample"
)

// Cookie is the value by which a cookie names the server; "": none does.
func (s *Server) Cookie() string {
	if s.Server.Cookie != "" {
		return s.Server.Cookie
	}
	if made := s.made.Load(); made != nil {
		return *made
	}
	return ""
}

// DynamicCookies has servers without a cookie of their own named by their addresses and a secret, or no more where key is "".
func (b *Backend) DynamicCookies(key string) {
	b.secret.Store(&key)
	for _, s := range b.Servers() {
		s.makeCookie()
	}
}

// CookieSecret is what dynamic cookies are made with; "": there are none.
func (b *Backend) CookieSecret() string {
	if key := b.secret.Load(); key != nil {
		return *key
	}
	return ""
}

// makeCookie makes the server's dynamic cookie, which changes with its address: the same on all load balancers that have the same secret, HAProxy
// among them.
func (s *Server) makeCookie() {
	key, a := s.Backend.CookieSecret(), s.Address()
	if key == "" || !a.IsValid() {
		s.made.Store(nil)
		return
	}
	text := append([]byte(key), a.Addr().AsSlice()...)
	text = binary.BigEndian.AppendUint32(text, uint32(a.Port()))
	value := fmt.Sprintf("%016x", sample.XXH64(text, 0))
	s.made.Store(&value)
}

// initialCookies are those of the configuration.
func (b *Backend) initialCookies(p *config.Proxy) {
	if p.Cookie != nil && p.Cookie.Dynamic && p.CookieKey != "" {
		b.DynamicCookies(p.CookieKey)
	}
}
