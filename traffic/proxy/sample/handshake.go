package sample

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// Handshake is what could be seen of how a connection was made secure.
type Handshake struct {
	FromClient, FromServer []byte            // what each said first: no more than was to be kept
	Certificate            *x509.Certificate // that this program showed; nil: none, or none that is known
	Secrets                map[string]string // by label, in hexadecimal, as SSLKEYLOGFILE has them
}

// HandshakeHead is how much of what each side says first is kept always: up to the session's name in a ClientHello or ServerHello.
const HandshakeHead = 5 + 4 + 2 + 32 + 1 + 32

// random is the number that a side's first message has; session, the name of the session that it asks for or gives.
func helloRandom(b []byte) []byte {
	if len(b) < 43 || b[0] != 22 {
		return nil
	}
	return b[11:43]
}

func helloSession(b []byte) []byte {
	if len(b) < 44 || b[0] != 22 || len(b) < 44+int(b[43]) {
		return nil
	}
	return b[44 : 44+int(b[43])]
}

// ClientRandom is the client's random number, by which secrets are filed; nil: none was seen.
func (h *Handshake) ClientRandom() []byte { return helloRandom(h.FromClient) }

// offer is what a client offers: lists of big-endian numbers, of two bytes each but for formats.
type offer struct {
	version                             uint16
	suites, extensions, curves, formats []byte
}

// parseOffer reads a ClientHello (RFC 8446, 4.1.2). What is cut off is left out.
func parseOffer(b []byte) (o offer, ok bool) {
	if len(b) < 9 || b[0] != 22 || b[5] != 1 {
		return o, false
	}
	r := &mqttReader{b: b[9:min(len(b), 5+int(binary.BigEndian.Uint16(b[3:])))]} // its numbers are in the same order
	o.version = uint16(r.number(2))
	r.take(32)
	r.take(r.number(1)) // session
	o.suites = r.take(r.number(2))
	r.take(r.number(1)) // compressions
	r.b = r.take(r.number(2))
	for len(r.b) > 0 && !r.bad {
		kind := r.number(2)
		o.extensions = binary.BigEndian.AppendUint16(o.extensions, uint16(kind))
		e := &mqttReader{b: r.take(r.number(2))}
		switch kind {
		case 10:
			o.curves = e.take(e.number(2))
		case 11:
			o.formats = e.take(e.number(1))
		}
	}
	return o, len(o.suites) > 0
}

// withoutGrease leaves the values out that are there to be ignored (RFC 8701): two equal bytes that end in ten.
func withoutGrease(list []byte) []byte {
	var out []byte
	for ; len(list) >= 2; list = list[2:] {
		if list[0] != list[1] || list[0]&15 != 10 {
			out = append(out, list[:2]...)
		}
	}
	return out
}

// shaken is a fetch of what could be seen of the handshake with a client, or with a server.
func shaken(kind Kind, server bool, f func(h *Handshake, out *Value) bool) fetch {
	return single(kind, 0, func(c *Context, out *Value) bool {
		if c.State == nil {
			return false
		}
		h := c.State.Handshake(server)
		return h != nil && f(h, out)
	})
}

func shakenBytes(server bool, of func(h *Handshake) []byte) fetch {
	return shaken(Binary, server, func(h *Handshake, out *Value) bool {
		*out = Value{Kind: Binary, Bytes: of(h)}
		return len(out.Bytes) > 0
	})
}

// secret is one of the handshake's, in hexadecimal; with TLS 1.3 there are several.
func secret(label string) fetch {
	return shaken(Text, false, func(h *Handshake, out *Value) bool {
		text, ok := h.Secrets[label]
		out.setText(text)
		return ok
	})
}

func masterSecret(server bool) fetch {
	return shakenBytes(server, func(h *Handshake) []byte {
		b, _ := hex.DecodeString(h.Secrets["CLIENT_RANDOM"])
		return b
	})
}

// offered is a fetch of a list that the client offered, as it is or as something made of it; with the argument 1, without what is there to be ignored.
func offered(kind Kind, list func(o *offer) []byte, show func(list []byte, out *Value)) fetch {
	return fetch{kind, 0, 0, 1, func(args []string) (get, error) {
		filtered, err := numberOr(args, 0, 0)
		if err != nil || filtered < 0 || filtered > 1 {
			return nil, fmt.Errorf("the argument is 0, or 1 to leave out what is there to be ignored")
		}
		return func(c *Context, i int, out *Value) bool {
			if i > 0 || c.State == nil {
				return false
			}
			h := c.State.Handshake(false)
			if h == nil {
				return false
			}
			o, ok := parseOffer(h.FromClient)
			if !ok {
				return false
			}
			b := list(&o)
			if filtered == 1 {
				b = withoutGrease(b)
			}
			show(b, out)
			return true
		}, nil
	}}
}

func showBinary(list []byte, out *Value) { *out = Value{Kind: Binary, Bytes: list} }

func suitesOf(o *offer) []byte { return o.suites }

// suiteNames writes suites as OpenSSL names them, with commas between.
func suiteNames(list []byte) string {
	var names []string
	for ; len(list) >= 2; list = list[2:] {
		suite := binary.BigEndian.Uint16(list)
		name := CipherName(suite)
		switch {
		case suite == 0x00ff:
			name = "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"
		case name == tls.CipherSuiteName(suite) && strings.HasPrefix(name, "0x"):
			name = fmt.Sprintf("UNKNOWN(%04x)", suite)
		}
		names = append(names, name)
	}
	return strings.Join(names, ",")
}

// handshakeFetches are what could be seen of handshakes.
var handshakeFetches = map[string]fetch{
	"ssl_fc_client_random": shakenBytes(false, func(h *Handshake) []byte { return helloRandom(h.FromClient) }),
	"ssl_fc_server_random": shakenBytes(false, func(h *Handshake) []byte { return helloRandom(h.FromServer) }),
	"ssl_fc_session_id":    shakenBytes(false, func(h *Handshake) []byte { return helloSession(h.FromServer) }),
	"ssl_fc_session_key":   masterSecret(false),
	"ssl_bc_client_random": shakenBytes(true, func(h *Handshake) []byte { return helloRandom(h.FromClient) }),
	"ssl_bc_server_random": shakenBytes(true, func(h *Handshake) []byte { return helloRandom(h.FromServer) }),
	"ssl_bc_session_id":    shakenBytes(true, func(h *Handshake) []byte { return helloSession(h.FromServer) }),
	"ssl_bc_session_key":   masterSecret(true),

	"ssl_fc_client_handshake_traffic_secret": secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET"),
	"ssl_fc_server_handshake_traffic_secret": secret("SERVER_HANDSHAKE_TRAFFIC_SECRET"),
	"ssl_fc_client_traffic_secret_0":         secret("CLIENT_TRAFFIC_SECRET_0"),
	"ssl_fc_server_traffic_secret_0":         secret("SERVER_TRAFFIC_SECRET_0"),

	// What went before ALPN is agreed on by nobody.
	"ssl_fc_npn": single(Text, 0, func(*Context, *Value) bool { return false }),
	"ssl_bc_npn": single(Text, 0, func(*Context, *Value) bool { return false }),

	"ssl_fc_cipherlist_bin": offered(Binary, suitesOf, showBinary),
	"ssl_fc_cipherlist_hex": offered(Text, suitesOf, func(list []byte, out *Value) { out.setText(strings.ToUpper(hex.EncodeToString(list))) }),
	"ssl_fc_cipherlist_str": offered(Text, suitesOf, func(list []byte, out *Value) { out.setText(suiteNames(list)) }),
	"ssl_fc_cipherlist_xxh": offered(Number, suitesOf, func(list []byte, out *Value) { out.setNumber(int64(XXH64(list, 0))) }),
	"ssl_fc_eclist_bin":     offered(Binary, func(o *offer) []byte { return o.curves }, showBinary),
	"ssl_fc_extlist_bin":    offered(Binary, func(o *offer) []byte { return o.extensions }, showBinary),
	"ssl_fc_ecformats_bin":  offered(Binary, func(o *offer) []byte { return o.formats }, showBinary),
	"ssl_fc_protocol_hello_id": shaken(Number, false, func(h *Handshake, out *Value) bool {
		o, ok := parseOffer(h.FromClient)
		out.setNumber(int64(o.version))
		return ok
	}),
}
