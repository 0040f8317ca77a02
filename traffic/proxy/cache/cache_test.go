package cache

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/traffic/proxy/h1"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func entry(key string, size int, life time.Duration) *Entry {
	return &Entry{Key: key, Body: make([]byte, size), Stored: noon, Expires: noon.Add(life)}
}

func any(*Dependence) bool { return true }

func TestTheLongestUnaskedGoesFirst(t *testing.T) {
	t.Parallel()
	c := New(Settings{Size: 10 * (1000 + overhead + 2)})
	for i := range 10 {
		c.Store(entry(fmt.Sprintf("%02d", i), 1000, time.Hour), noon)
	}
	if c.Find("00", any, noon) == nil {
		t.Fatal("the first is not there")
	}
	c.Store(entry("10", 1000, time.Hour), noon)
	for key, there := range map[string]bool{"00": true, "01": false, "02": true, "10": true} {
		if e := c.Find(key, any, noon); (e != nil) != there {
			t.Errorf("%s is there: %v", key, e != nil)
		}
	}
	if c.Store(entry("large", 100000, time.Hour), noon); c.Find("large", any, noon) != nil {
		t.Error("what is larger than the cache was stored")
	}
	if all, used := c.Entries(); used > c.Size || len(all) != 10 {
		t.Errorf("%d entries take %d bytes of %d", len(all), used, c.Size)
	}
}

func TestEntriesExpireAndAreInvalidated(t *testing.T) {
	t.Parallel()
	c := New(Settings{Size: 1 << 20})
	c.Store(entry("a", 10, time.Minute), noon)
	if c.Find("a", any, noon.Add(59*time.Second)) == nil || c.Find("a", any, noon.Add(60*time.Second)) != nil {
		t.Error("it does not last a minute")
	}
	c.Store(entry("a", 10, time.Minute), noon)
	c.Store(entry("a", 20, time.Minute), noon)
	if e := c.Find("a", any, noon); e == nil || len(e.Body) != 20 {
		t.Error("the newer did not take the older's place")
	}
	c.Invalidate("a")
	if all, used := c.Entries(); len(all) != 0 || used != 0 {
		t.Errorf("%d entries take %d bytes", len(all), used)
	}
}

// FuzzStorable makes sure that no head makes an entry that lives longer than it may, and that nobody's own answer is stored.
func FuzzStorable(f *testing.F) {
	f.Add("Cache-Control: max-age=10\r\nAge: 3\r\nVary: accept-encoding\r\n")
	f.Add("Expires: Thu, 01 Dec 2044 16:00:00 GMT\r\nETag: W/\"x\"\r\n")
	f.Add("Cache-Control: private, s-maxage=99999999999999999999\r\n")
	f.Fuzz(func(t *testing.T, fields string) {
		b := []byte("HTTP/1.1 200 OK\r\n" + fields + "\r\n")
		var h h1.Head
		if h.Response(b) != nil || h.Size == 0 {
			return
		}
		s := Settings{Size: 1 << 20, MaxAge: time.Minute, Vary: true}
		p, ok := s.Storable(&h, b, noon)
		if ok && (p.Life <= 0 || p.Life > s.MaxAge) {
			t.Fatalf("%q lives for %v", fields, p.Life)
		}
		d := readDirectives(&h, b)
		if ok && (d.private || d.noStore) {
			t.Fatalf("%q is stored", fields)
		}
	})
}

func TestUsable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"GET / HTTP/1.1\nHost: a": true, "HEAD / HTTP/1.1\nHost: a": true, "POST / HTTP/1.1\nHost: a": false, "GET / HTTP/1.0\nHost: a": false,
		"GET / HTTP/1.1\nHost: a\nAuthorization: Basic x": false, "GET / HTTP/1.1\nHost: a\nCache-Control: max-age=0": false,
		"GET / HTTP/1.1\nHost: a\nCache-Control: max-age=1": true, "GET / HTTP/1.1\nHost: a\nCache-Control: no-store": false,
	} {
		b := []byte(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n\r\n")
		var h h1.Head
		if err := h.Request(b); err != nil {
			t.Fatal(err)
		}
		if Usable(&h, b) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
