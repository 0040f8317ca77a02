package sample

import (
	"encoding/hex"
	"testing"
)

// FuzzPayloads gives bytes of anybody's to all that takes them apart.
func FuzzPayloads(f *testing.F) {
	for _, text := range []string{
		"16030100310100002d0303000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0000021301010000020000", "20020000",
		"101300044d51545404c2003c000161000475736572000470617373", "0a021005", hex.EncodeToString([]byte("8=FIX.4.4\x019=5\x0135=0\x0110=163\x01")),
		hex.EncodeToString([]byte(`{"a":[1,{"b":"x"}]}`)), hex.EncodeToString([]byte("eyJhbGciOiJub25lIn0.e30.")),
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		var v Value
		parseHello(b)
		parseMQTT(b)
		validFIX(b)
		protobufField(b, 1)
		queryJSON(b, []jsonStep{{name: "a"}, {index: 1, array: true}}, false, &v)
		verifyToken(b, "HS256", []byte("key"), nil)
	})
}

func TestParseMQTT(t *testing.T) {
	t.Parallel()
	b, err := hex.DecodeString("101900044d51545404c2003c000161000475736572000470617373")
	if err != nil {
		t.Fatal(err)
	}
	fields, ok := parseMQTT(b)
	if !ok || fields["client_identifier"] != "a" || fields["username"] != "user" || fields["password"] != "pass" || fields["keepalive"] != "60" {
		t.Errorf("%v: %v", ok, fields)
	}
}

func FuzzJSONPath(f *testing.F) {
	f.Add(`$.a.b[0]['c d'].x\.y`)
	f.Fuzz(func(_ *testing.T, path string) { _, _ = parseJSONPath(path) })
}
