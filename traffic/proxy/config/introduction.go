package config

import (
	"strings"

	"holdfast/traffic/proxy/sample"
)

// Introduction is what a header of the PROXY protocol, version 2, says beside addresses: which client it was in TLS. Its expressions are nil where they are not
// asked for.
type Introduction struct {
	Protocol   *sample.Expr // of the application, as ALPN agreed; said always
	Secure     bool         // whether there is TLS, and whether the client's certificate was good
	Version    *sample.Expr // of TLS
	Verified   *sample.Expr
	Shown      *sample.Expr // whether the client has shown a certificate
	CommonName *sample.Expr
	Cipher     *sample.Expr
	Authority  *sample.Expr // the name that the client asked for
	UniqueID   bool
	Checksum   bool
}

// introduce has a server told more: the words of proxy-v2-options.
func (p *parser) introduce(t *taker, s *Server, words ...string) {
	own := Introduction{}
	if s.Introduction != nil {
		own = *s.Introduction
	}
	expr := func(text string) *sample.Expr {
		e, err := p.config.Compiler.Expr(text)
		if err != nil {
			t.fail("proxy-v2-options: %v", err)
		}
		return e
	}
	own.Protocol = expr("ssl_fc_alpn")
	for _, w := range words {
		switch w {
		case "ssl", "cert-cn", "ssl-cipher":
			own.Secure = true
			own.Version, own.Verified, own.Shown = expr("ssl_fc_protocol"), expr("ssl_c_verify"), expr("ssl_c_used")
			if w == "cert-cn" {
				own.CommonName = expr("ssl_c_s_dn(CN)")
			}
			if w == "ssl-cipher" {
				own.Cipher = expr("ssl_fc_cipher")
			}
		case "authority":
			own.Authority = expr("ssl_fc_sni")
		case "unique-id":
			own.UniqueID = true
		case "crc32c":
			own.Checksum = true
		case "cert-sig", "cert-key":
			t.fail("proxy-v2-options: %s is known to HAProxy but not offered here: servers are not told of this proxy's own certificate", w)
		default:
			t.fail("proxy-v2-options: %q is not known; there are ssl, cert-cn, ssl-cipher, authority, crc32c and unique-id", w)
		}
	}
	s.Introduction = &own
}

// introducing are the options of a server's line about the PROXY protocol.
var introducing = map[string]func(p *parser, t *taker, s *Server){
	"send-proxy":    func(_ *parser, _ *taker, s *Server) { s.SendProxy = 1 },
	"no-send-proxy": func(_ *parser, _ *taker, s *Server) { s.SendProxy = 0 },
	"send-proxy-v2": func(p *parser, t *taker, s *Server) {
		s.SendProxy = 2
		p.introduce(t, s)
	},
	"send-proxy-v2-ssl": func(p *parser, t *taker, s *Server) {
		s.SendProxy = 2
		p.introduce(t, s, "ssl")
	},
	"send-proxy-v2-ssl-cn": func(p *parser, t *taker, s *Server) {
		s.SendProxy = 2
		p.introduce(t, s, "ssl", "cert-cn")
	},
	"no-send-proxy-v2":        func(_ *parser, _ *taker, s *Server) { s.SendProxy = 0 },
	"no-send-proxy-v2-ssl":    func(_ *parser, _ *taker, s *Server) { s.SendProxy = 0 },
	"no-send-proxy-v2-ssl-cn": func(_ *parser, _ *taker, s *Server) { s.SendProxy = 0 },
	"proxy-v2-options": func(p *parser, t *taker, s *Server) {
		p.introduce(t, s, strings.Split(t.value("proxy-v2-options"), ",")...)
	},
	"check-send-proxy":    func(_ *parser, _ *taker, s *Server) { s.CheckSendProxy = true },
	"no-check-send-proxy": func(_ *parser, _ *taker, s *Server) { s.CheckSendProxy = false },
}
