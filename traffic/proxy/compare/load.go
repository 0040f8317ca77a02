package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var counted = regexp.MustCompile(`(\d+) requests in`)

// wrk asks, and refuses to count when an answer was an error.
func (b *bench) wrk(url string, length time.Duration, args ...string) (requests float64, output string, err error) {
	out, err := exec.Command("wrk", append(args, "-t2", "-c64", fmt.Sprintf("-d%.0fs", max(1, length.Seconds())), url)...).CombinedOutput()
	output = string(out)
	if err != nil {
		return 0, output, fmt.Errorf("wrk: %w: %s", err, out)
	}
	found := counted.FindStringSubmatch(output)
	if found == nil || strings.Contains(output, "Non-2xx") {
		return 0, output, fmt.Errorf("wrk says: %s", out)
	}
	requests, err = strconv.ParseFloat(found[1], 64)
	return requests, output, err
}

func kept(b *bench, port int, path string) (float64, error) {
	n, _, err := b.wrk(fmt.Sprintf("http://127.0.0.1:%d/%s", port, path), b.length)
	return n, err
}

func keptTLS(b *bench, port int, path string) (float64, error) {
	n, _, err := b.wrk(fmt.Sprintf("https://127.0.0.1:%d/%s", port, path), b.length)
	return n, err
}

func fresh(b *bench, port int, path string) (float64, error) {
	n, _, err := b.wrk(fmt.Sprintf("http://127.0.0.1:%d/%s", port, path), b.length, "-H", "Connection: close")
	return n, err
}

var succeeded = regexp.MustCompile(`(\d+) succeeded, (\d+) failed`)

// streams asks over HTTP/2, ten requests at once on each of 16 connections.
func streams(b *bench, port int, path string) (float64, error) {
	out, err := exec.Command("h2load", "-t2", "-c16", "-m10", fmt.Sprintf("-D%.0f", b.length.Seconds()), fmt.Sprintf("http://127.0.0.1:%d/%s", port, path)).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("h2load: %w: %s", err, out)
	}
	found := succeeded.FindSubmatch(out)
	if found == nil || string(found[2]) != "0" {
		return 0, fmt.Errorf("h2load says: %s", out)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}

// handshakes makes a TLS connection for each request, by 16 clients at once; a client that resumes remembers its sessions.
func handshakes(resume bool) loader {
	return func(b *bench, port int, path string) (float64, error) {
		ctx, cancel := context.WithTimeout(context.Background(), b.length)
		defer cancel()
		var done, resumed atomic.Int64
		var failed atomic.Pointer[error]
		var wait sync.WaitGroup
		for range 16 {
			wait.Go(func() {
				c := &tls.Config{InsecureSkipVerify: true, ServerName: "proxy", MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519}}
				if resume {
					c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
				}
				for ctx.Err() == nil {
					again, err := oneHandshake(c, fmt.Sprintf("127.0.0.1:%d", port), path)
					if err != nil {
						failed.Store(&err)
						return
					}
					if done.Add(1); again {
						resumed.Add(1)
					}
				}
			})
		}
		wait.Wait()
		if err := failed.Load(); err != nil {
			return 0, *err
		}
		if n := done.Load(); resume && resumed.Load() < n*9/10 {
			return 0, fmt.Errorf("of %d handshakes only %d were resumed", n, resumed.Load())
		}
		return float64(done.Load()), nil
	}
}

func oneHandshake(c *tls.Config, address, path string) (resumed bool, err error) {
	conn, err := tls.Dial("tcp", address, c)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n", path); err != nil {
		return false, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return false, err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != 200 {
		return false, fmt.Errorf("answered with %s", answer.Status)
	}
	return conn.ConnectionState().DidResume, nil
}

// certificate writes a certificate with its key (ECDSA P-256).
func certificate(name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "proxy"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"proxy"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return os.WriteFile(name, append(b, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...), 0o600)
}
