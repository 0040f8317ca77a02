package sample

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// jsonStep is a step of a JSON path: a member's name, or an element's index.
type jsonStep struct {
	name  string
	index int
	array bool
}

// parseJSONPath reads $.name.name[0]['name'] of RFC 9535; a backslash before a dot makes it part of the name.
func parseJSONPath(path string) ([]jsonStep, error) {
	bad := fmt.Errorf("%q is not a path such as $.name or $.list[0]", path)
	rest, ok := strings.CutPrefix(path, "$")
	if !ok || rest == "" {
		return nil, bad
	}
	var steps []jsonStep
	for rest != "" {
		switch rest[0] {
		case '.':
			var name strings.Builder
			i := 1
			for ; i < len(rest) && rest[i] != '.' && rest[i] != '['; i++ {
				if rest[i] == '\\' && i+1 < len(rest) {
					i++
				}
				name.WriteByte(rest[i])
			}
			if name.Len() == 0 {
				return nil, bad
			}
			steps = append(steps, jsonStep{name: name.String()})
			rest = rest[i:]
		case '[':
			inner, after, found := strings.Cut(rest[1:], "]")
			if !found {
				return nil, bad
			}
			if n, err := strconv.Atoi(inner); err == nil && n >= 0 {
				steps = append(steps, jsonStep{index: n, array: true})
			} else if len(inner) > 2 && (inner[0] == '\'' || inner[0] == '"') && inner[len(inner)-1] == inner[0] {
				steps = append(steps, jsonStep{name: inner[1 : len(inner)-1]})
			} else {
				return nil, bad
			}
			rest = after
		default:
			return nil, bad
		}
	}
	return steps, nil
}

// makeJSONQuery makes json_query(PATH,TYPE).
func makeJSONQuery(_ *Compiler, args []string) (convert, error) {
	steps, err := parseJSONPath(args[0])
	if err != nil {
		return nil, err
	}
	integer := len(args) > 1 && args[1] != ""
	if integer && args[1] != "int" {
		return nil, fmt.Errorf("the type is int, not %q", args[1])
	}
	return func(_ *Context, v *Value) bool { return queryJSON(v.Text(), steps, integer, v) }, nil
}

// deepestJSON bounds how deep a document may nest, as its reader recurses.
const deepestJSON = 64

func queryJSON(text []byte, steps []jsonStep, integer bool, out *Value) bool {
	if nesting(text) > deepestJSON {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var at any
	if d.Decode(&at) != nil {
		return false
	}
	for _, s := range steps {
		if list, ok := at.([]any); ok && s.array && s.index < len(list) {
			at = list[s.index]
			continue
		}
		object, ok := at.(map[string]any)
		if !ok || s.array {
			return false
		}
		if at, ok = object[s.name]; !ok {
			return false
		}
	}
	return jsonValue(at, integer, out)
}

func nesting(text []byte) int {
	depth, deepest := 0, 0
	for _, c := range text {
		switch c {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		}
	}
	return deepest
}

func jsonValue(found any, integer bool, out *Value) bool {
	switch x := found.(type) {
	case bool:
		out.setTruth(x)
	case string:
		out.setText(x)
	case json.Number:
		if n, err := x.Int64(); err == nil {
			out.setNumber(n)
		} else {
			out.setText(x.String())
		}
	case []any:
		text, err := json.Marshal(x)
		out.setBytes(text)
		return err == nil && !integer
	default:
		return false
	}
	if integer {
		n, ok := out.Integer()
		out.setNumber(n)
		return ok
	}
	return true
}

// makeTokenQuery makes jwt_header_query and jwt_payload_query: a part of a JSON Web Token (RFC 7519), or what json_query finds in it.
func makeTokenQuery(part int) func(*Compiler, []string) (convert, error) {
	return func(k *Compiler, args []string) (convert, error) {
		var query convert
		if len(args) > 0 && args[0] != "" {
			var err error
			if query, err = makeJSONQuery(k, args); err != nil {
				return nil, err
			}
		}
		return func(c *Context, v *Value) bool {
			parts := bytes.Split(v.Text(), []byte("."))
			if len(parts) != 3 {
				return false
			}
			text, err := base64.RawURLEncoding.AppendDecode(nil, parts[part])
			v.setBytes(text)
			return err == nil && (query == nil || query(c, v))
		}, nil
	}
}

// What jwt_verify tells.
const (
	tokenBad         = 0
	tokenGood        = 1
	tokenAlgorithm   = -1
	tokenUnmanaged   = -2
	tokenInvalid     = -3
	tokenCertificate = -5
)

var tokenHashes = map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}

// makeTokenVerify makes jwt_verify(ALGORITHM,KEY): the key is a secret, a variable that has it, or a file with a public key or a certificate.
func makeTokenVerify(k *Compiler, args []string) (convert, error) {
	var public any
	if text, err := k.Files.ReadFile(args[1]); err == nil && !isVariable(args[1]) {
		if public, err = publicKey(text); err != nil {
			return nil, fmt.Errorf("%s: %w", args[1], err)
		}
	}
	return func(c *Context, v *Value) bool {
		algorithm, secret := args[0], []byte(args[1])
		if isVariable(args[0]) {
			named, ok := c.Variable(args[0])
			if !ok {
				return false
			}
			algorithm = string(named.Text())
		}
		if isVariable(args[1]) {
			named, ok := c.Variable(args[1])
			if !ok {
				return false
			}
			secret = named.Text()
		}
		v.setNumber(verifyToken(v.Text(), algorithm, secret, public))
		return true
	}, nil
}

func publicKey(text []byte) (any, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("read the certificate: %w", err)
			}
			return c.PublicKey, nil
		case "PUBLIC KEY":
			return x509.ParsePKIXPublicKey(block.Bytes)
		}
	}
	return nil, fmt.Errorf("there is neither a certificate nor a public key in it")
}

func verifyToken(token []byte, algorithm string, secret []byte, public any) int64 {
	if len(algorithm) != 5 || !strings.Contains("HS RS ES PS", algorithm[:2]) || tokenHashes[algorithm[2:]] == 0 {
		return tokenAlgorithm
	}
	hash := tokenHashes[algorithm[2:]]
	last := bytes.LastIndexByte(token, '.')
	if last < 0 || bytes.Count(token, []byte(".")) != 2 {
		return tokenInvalid
	}
	signature, err := base64.RawURLEncoding.AppendDecode(nil, token[last+1:])
	if err != nil {
		return tokenInvalid
	}
	h := hash.New()
	h.Write(token[:last])
	good := false
	switch algorithm[:2] {
	case "PS":
		return tokenUnmanaged
	case "HS":
		m := hmac.New(hash.New, secret)
		m.Write(token[:last])
		good = hmac.Equal(m.Sum(nil), signature)
	case "RS":
		key, ok := public.(*rsa.PublicKey)
		if !ok {
			return tokenCertificate
		}
		good = rsa.VerifyPKCS1v15(key, hash, h.Sum(nil), signature) == nil
	case "ES":
		key, ok := public.(*ecdsa.PublicKey)
		if !ok {
			return tokenCertificate
		}
		n := len(signature) / 2
		good = n > 0 && ecdsa.Verify(key, h.Sum(nil), new(big.Int).SetBytes(signature[:n]), new(big.Int).SetBytes(signature[n:]))
	}
	if good {
		return tokenGood
	}
	return tokenBad
}

func addTokenConverters() {
	converters["json_query"] = converter{Text, 1, 2, makeJSONQuery}
	converters["jwt_header_query"] = converter{Text, 0, 2, makeTokenQuery(0)}
	converters["jwt_payload_query"] = converter{Text, 0, 2, makeTokenQuery(1)}
	converters["jwt_verify"] = converter{Number, 2, 2, makeTokenVerify}
}
