package check

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// scramName is the way of RFC 5802 and RFC 7677 to show that a password is known, and to see that the server knows it, too.
const scramName = "SCRAM-SHA-256"

// scram is the client's side, without channel binding.
type scram struct {
	user     string // PostgreSQL has it from elsewhere, and wants none here
	password string
	nonce    string
	sealed   []byte // that the server has to show in the end
}

// begin is what the client says first.
func (s *scram) begin() (string, error) {
	random := make([]byte, 18)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	s.nonce = base64.StdEncoding.EncodeToString(random)
	return "n,," + s.first(), nil
}

func (s *scram) first() string { return "n=" + s.user + ",r=" + s.nonce }

// answer makes the proof of what the server says to that.
func (s *scram) answer(challenge string) (string, error) {
	const most = 1 << 20 // rounds: as many as take about a second
	var nonce, salt string
	rounds := 0
	for field := range strings.SplitSeq(challenge, ",") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "r":
			nonce = value
		case "s":
			salt = value
		case "i":
			rounds, _ = strconv.Atoi(value)
		}
	}
	salted, err := base64.StdEncoding.DecodeString(salt)
	if err != nil || s.nonce == "" || !strings.HasPrefix(nonce, s.nonce) || nonce == s.nonce || rounds < 1 || rounds > most {
		return "", fmt.Errorf("its part of %s is not understood, or wants more than %d rounds", scramName, most)
	}
	key, err := pbkdf2.Key(sha256.New, s.password, salted, rounds, sha256.Size)
	if err != nil {
		return "", err
	}
	const unbound = "c=biws,r=" // "n,," in base64
	whole := s.first() + "," + challenge + "," + unbound + nonce
	client := keyed(key, "Client Key")
	stored := sha256.Sum256(client)
	proof := keyed(stored[:], whole)
	subtle.XORBytes(proof, proof, client)
	s.sealed = keyed(keyed(key, "Server Key"), whole)
	return unbound + nonce + ",p=" + base64.StdEncoding.EncodeToString(proof), nil
}

// end holds what the server says last to what only one says that knows the password.
func (s *scram) end(said string) error {
	text, ok := strings.CutPrefix(said, "v=")
	seal, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || s.sealed == nil || !hmac.Equal(seal, s.sealed) {
		return errors.New("it does not show that it knows the password")
	}
	return nil
}

func keyed(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
