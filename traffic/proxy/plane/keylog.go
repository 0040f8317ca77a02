package plane

import (
	"bytes"
	"encoding/hex"
	"sync"
)

// keylog takes the secrets of handshakes out of the TLS library, which writes each as a line: a label, the client's random number, and the secret, in hexadecimal.
type keylog struct {
	mu     sync.Mutex // guards values
	values map[string]map[string]string
}

// mostKept bounds the handshakes whose secrets nobody has taken yet: some were never finished.
const mostKept = 16 << 10

// Write takes a line.
func (k *keylog) Write(line []byte) (int, error) {
	words := bytes.Fields(line)
	if len(words) != 3 {
		return len(line), nil
	}
	random := string(words[1])
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.values == nil || len(k.values) >= mostKept {
		k.values = map[string]map[string]string{}
	}
	if k.values[random] == nil {
		k.values[random] = map[string]string{}
	}
	k.values[random][string(words[0])] = string(words[2])
	return len(line), nil
}

// take returns the secrets of the handshake with a random number, which are forgotten here; nil: there are none.
func (k *keylog) take(random []byte) map[string]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.values) == 0 || random == nil {
		return nil
	}
	name := hex.EncodeToString(random)
	found := k.values[name]
	delete(k.values, name)
	return found
}
