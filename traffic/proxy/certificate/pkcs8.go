package certificate

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
)

// encryptedKey is a private key under a password (RFC 5958, section 3), derived and encrypted as PBES2 has it (RFC 8018, appendix A).
type encryptedKey struct {
	Algorithm struct {
		ID         asn1.ObjectIdentifier
		Parameters struct {
			Derivation struct {
				ID         asn1.ObjectIdentifier
				Parameters struct {
					Salt       []byte
					Iterations int
					Length     int                      `asn1:"optional"`
					PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
				}
			}
			Cipher struct {
				ID asn1.ObjectIdentifier
				IV []byte
			}
		}
	}
	Data []byte
}

// derivations are the hashes that keys are derived with, by the object identifiers of their HMACs.
var derivations = map[string]func() hash.Hash{
	"": sha1.New, "1.2.840.113549.2.7": sha1.New, "1.2.840.113549.2.9": sha256.New, "1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New,
}

// ciphers are the lengths of AES's keys in CBC mode, by their object identifiers.
var ciphers = map[string]int{"2.16.840.1.101.3.4.1.2": 16, "2.16.840.1.101.3.4.1.22": 24, "2.16.840.1.101.3.4.1.42": 32}

// mostIterations bounds what a file can have the derivation cost.
const mostIterations = 10_000_000

// decryptPKCS8 is an encrypted private key in clear.
func decryptPKCS8(der, password []byte) ([]byte, error) {
	var k encryptedKey
	if rest, err := asn1.Unmarshal(der, &k); err != nil || len(rest) > 0 || k.Algorithm.ID.String() != "1.2.840.113549.1.5.13" {
		return nil, errors.New("its private key is encrypted in a way that is not known: openssl pkcs8 -topk8 -v2 aes-256-cbc changes that")
	}
	derivation, encryption := k.Algorithm.Parameters.Derivation, k.Algorithm.Parameters.Cipher
	by, length := derivations[derivation.Parameters.PRF.Algorithm.String()], ciphers[encryption.ID.String()]
	if by == nil || length == 0 || derivation.ID.String() != "1.2.840.113549.1.5.12" || derivation.Parameters.Iterations > mostIterations {
		return nil, errors.New("its private key is encrypted in a way that is not known: openssl pkcs8 -topk8 -v2 aes-256-cbc changes that")
	}
	key, err := pbkdf2.Key(by, string(password), derivation.Parameters.Salt, derivation.Parameters.Iterations, length)
	if err != nil {
		return nil, fmt.Errorf("derive the key of its private key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if len(encryption.IV) != aes.BlockSize || len(k.Data) == 0 || len(k.Data)%aes.BlockSize != 0 {
		return nil, errors.New("its private key is cut off")
	}
	cipher.NewCBCDecrypter(block, encryption.IV).CryptBlocks(k.Data, k.Data)
	padding := int(k.Data[len(k.Data)-1])
	if padding == 0 || padding > aes.BlockSize {
		return nil, errors.New("the pass phrase of its private key is wrong")
	}
	return k.Data[:len(k.Data)-padding], nil
}
