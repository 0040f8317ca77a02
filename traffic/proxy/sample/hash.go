package sample

import (
	"crypto"
	"crypto/hmac"
	_ "crypto/md5"  // registers itself with crypto
	_ "crypto/sha1" // likewise
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// WT6 is the hash that haproxy.cfg's `hash-type` calls wt6, as its author describes it (http://1wt.eu/hash/): two halves that are turned by as much as
// the bytes before say.
func WT6(b []byte) uint32 {
	first, second := uint32(0xa53c965a), uint32(0x5ca6953a)
	turnSecond, turnFirst := 6, 18
	for _, c := range b {
		first, second = ^(first ^ uint32(c)), ^(second + uint32(c))
		first, second = bits.RotateLeft32(second, turnSecond), bits.RotateLeft32(first, turnFirst)
		mixed := int((first>>16 ^ second) & 0xffff)
		turnSecond, turnFirst = mixed&0x1f, mixed>>11
	}
	return first ^ second
}

// Avalanche spreads a hash's bits: a small change of what was hashed changes half of them (Bob Jenkins's full avalanche). A prime near
// three quarters of 2^32 spreads them over a ring, as HAProxy does.
func Avalanche(a uint32) uint32 {
	a = a + 0x7ed55d16 + a<<12
	a = a ^ 0xc761c23c ^ a>>19
	a = a + 0x165667b1 + a<<5
	a = (a + 0xd3a2646c) ^ a<<9
	a = a + 0xfd7046c5 + a<<3
	return (a ^ 0xb55a4f09 ^ a>>16) * 3221225473
}

// hashing is a converter to a number of 32 bits; its argument asks for Avalanche.
func hashing(f func([]byte) uint32) converter {
	return converter{Number, 0, 1, func(_ *Compiler, args []string) (convert, error) {
		spread, err := numberOr(args, 0, 0)
		return func(_ *Context, v *Value) bool {
			h := f(v.Octets())
			if spread == 1 {
				h = Avalanche(h)
			}
			v.setNumber(int64(h))
			return true
		}, err
	}}
}

// seeded is a converter to a number, with a seed as its argument.
func seeded(f func(b []byte, seed uint64) int64) converter {
	return converter{Number, 0, 1, func(_ *Compiler, args []string) (convert, error) {
		seed, err := numberOr(args, 0, 0)
		return func(_ *Context, v *Value) bool { v.setNumber(f(v.Octets(), uint64(seed))); return true }, err
	}}
}

// numberOr reads an argument that may be left out.
func numberOr(args []string, at int, otherwise int64) (int64, error) {
	if len(args) <= at || args[at] == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(args[at], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("argument %q is not a number", args[at])
	}
	return n, nil
}

// digests are known by OpenSSL's names.
var digests = map[string]crypto.Hash{
	"md5": crypto.MD5, "sha1": crypto.SHA1, "sha224": crypto.SHA224, "sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512,
	"sha512-224": crypto.SHA512_224, "sha512-256": crypto.SHA512_256,
}

func digestOf(name string) (crypto.Hash, error) {
	h, ok := digests[strings.ToLower(name)]
	if !ok {
		return 0, fmt.Errorf("algorithm %q is not known; there are %s", name, strings.Join(slices.Sorted(maps.Keys(digests)), ", "))
	}
	return h, nil
}

func binaryDigest(algorithm crypto.Hash) convert {
	return func(_ *Context, v *Value) bool {
		h := algorithm.New()
		h.Write(v.Octets())
		*v = Value{Kind: Binary, Bytes: h.Sum(nil)}
		return true
	}
}

func makeDigest(_ *Compiler, args []string) (convert, error) {
	algorithm, err := digestOf(args[0])
	if err != nil {
		return nil, err
	}
	return binaryDigest(algorithm), nil
}

// makeSHA2 makes sha2(BITS), 256 where nothing is said.
func makeSHA2(_ *Compiler, args []string) (convert, error) {
	size, err := numberOr(args, 0, 256)
	if err != nil {
		return nil, err
	}
	algorithm, ok := map[int64]crypto.Hash{224: crypto.SHA224, 256: crypto.SHA256, 384: crypto.SHA384, 512: crypto.SHA512}[size]
	if !ok {
		return nil, fmt.Errorf("sha2 takes 224, 256, 384 or 512, not %d", size)
	}
	return binaryDigest(algorithm), nil
}

// makeHMAC makes hmac(ALGORITHM,KEY): the key is in base64, or a variable that has it so.
func makeHMAC(_ *Compiler, args []string) (convert, error) {
	algorithm, err := digestOf(args[0])
	if err != nil {
		return nil, err
	}
	key, err := secretOf(args[1])
	if err != nil {
		return nil, err
	}
	return func(c *Context, v *Value) bool {
		k, ok := key(c)
		if !ok {
			return false
		}
		h := hmac.New(algorithm.New, k)
		h.Write(v.Octets())
		*v = Value{Kind: Binary, Bytes: h.Sum(nil)}
		return true
	}, nil
}

// secretOf reads an argument that is in base64, or a variable that has it so.
func secretOf(arg string) (func(*Context) ([]byte, bool), error) {
	if isVariable(arg) {
		return func(c *Context) ([]byte, bool) {
			v, ok := c.Variable(arg)
			if !ok {
				return nil, false
			}
			b, err := base64.StdEncoding.AppendDecode(nil, v.Text())
			return b, err == nil
		}, nil
	}
	b, err := base64.StdEncoding.DecodeString(arg)
	if err != nil {
		return nil, fmt.Errorf("%q is neither base64 nor a variable: %w", arg, err)
	}
	return func(*Context) ([]byte, bool) { return b, true }, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func addHashConverters() {
	for name, c := range map[string]converter{
		"crc32":  hashing(crc32.ChecksumIEEE),
		"crc32c": hashing(func(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }),
		"djb2":   hashing(DJB2),
		"sdbm":   hashing(SDBM),
		"wt6":    hashing(WT6),
		"xxh32":  seeded(func(b []byte, seed uint64) int64 { return int64(xxh32(b, uint32(seed))) }),
		"xxh64":  seeded(func(b []byte, seed uint64) int64 { return int64(XXH64(b, seed)) }),
		"sha1":   {Binary, 0, 0, func(*Compiler, []string) (convert, error) { return binaryDigest(crypto.SHA1), nil }},
		"md5":    {Binary, 0, 0, func(*Compiler, []string) (convert, error) { return binaryDigest(crypto.MD5), nil }},
		"sha2":   {Binary, 0, 1, makeSHA2},
		"digest": {Binary, 1, 1, makeDigest},
		"hmac":   {Binary, 2, 2, makeHMAC},
	} {
		converters[name] = c
	}
}

const (
	p32a, p32b, p32c, p32d, p32e = 2654435761, 2246822519, 3266489917, 668265263, 374761393
	p64a, p64b, p64c             = 11400714785074694791, 14029467366897019727, 1609587929392839161
	p64d, p64e                   = 9650029242287828579, 2870177450012600261
)

// xxh32 is XXH32 of https://xxhash.com.
func xxh32(b []byte, seed uint32) uint32 {
	length := uint32(len(b))
	h := seed + p32e
	if len(b) >= 16 {
		v := [4]uint32{seed, seed, seed, seed}
		v[0] += p32a
		v[0] += p32b
		v[1] += p32b
		v[3] -= p32a
		for ; len(b) >= 16; b = b[16:] {
			for i := range v {
				v[i] += binary.LittleEndian.Uint32(b[4*i:]) * p32b
				v[i] = bits.RotateLeft32(v[i], 13) * p32a
			}
		}
		h = bits.RotateLeft32(v[0], 1) + bits.RotateLeft32(v[1], 7) + bits.RotateLeft32(v[2], 12) + bits.RotateLeft32(v[3], 18)
	}
	h += length
	for ; len(b) >= 4; b = b[4:] {
		h = bits.RotateLeft32(h+binary.LittleEndian.Uint32(b)*p32c, 17) * p32d
	}
	for _, c := range b {
		h = bits.RotateLeft32(h+uint32(c)*p32e, 11) * p32a
	}
	h = (h ^ h>>15) * p32b
	h = (h ^ h>>13) * p32c
	return h ^ h>>16
}

func round64(acc, lane uint64) uint64 { return bits.RotateLeft64(acc+lane*p64b, 31) * p64a }

// XXH64 is XXH64 of https://xxhash.com.
func XXH64(b []byte, seed uint64) uint64 {
	length := uint64(len(b))
	h := seed + p64e
	if len(b) >= 32 {
		v := [4]uint64{seed, seed, seed, seed}
		v[0] += p64a
		v[0] += p64b
		v[1] += p64b
		v[3] -= p64a
		for ; len(b) >= 32; b = b[32:] {
			for i := range v {
				v[i] = round64(v[i], binary.LittleEndian.Uint64(b[8*i:]))
			}
		}
		h = bits.RotateLeft64(v[0], 1) + bits.RotateLeft64(v[1], 7) + bits.RotateLeft64(v[2], 12) + bits.RotateLeft64(v[3], 18)
		for i := range v {
			h = (h^round64(0, v[i]))*p64a + p64d
		}
	}
	h += length
	for ; len(b) >= 8; b = b[8:] {
		h = bits.RotateLeft64(h^round64(0, binary.LittleEndian.Uint64(b)), 27)*p64a + p64d
	}
	if len(b) >= 4 {
		h = bits.RotateLeft64(h^uint64(binary.LittleEndian.Uint32(b))*p64a, 23)*p64b + p64c
		b = b[4:]
	}
	for _, c := range b {
		h = bits.RotateLeft64(h^uint64(c)*p64e, 11) * p64a
	}
	h = (h ^ h>>33) * p64b
	h = (h ^ h>>29) * p64c
	return h ^ h>>32
}
