package check

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// peerPatience is for servers of other makers that start on a machine that is busy.
const peerPatience = 3 * time.Minute

// asked is one check of a real server.
type asked struct {
	name     string
	login    Login
	database string
	send     string
	expect   string
	want     string // in the error; "": none
}

// askEach runs the checks; no error shows a password.
func askEach(t *testing.T, p Protocol, at netip.AddrPort, all []asked) {
	t.Helper()
	for _, a := range all {
		c := Check{Protocol: p, Target: at, Timeout: peerPatience, Login: a.login, Database: a.database, Send: a.send}
		if a.expect != "" {
			c.Expect = regexp.MustCompile(a.expect)
		}
		t.Run(a.name, func(t *testing.T) {
			err := c.Run(t.Context())
			expect(t, err, a.want)
			if err != nil && a.login.Password != "" && strings.Contains(err.Error(), a.login.Password) {
				t.Errorf("the password is shown: %v", err)
			}
		})
	}
}

// needs skips a test without the programs, and without root, who can become the user that they want.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("starting servers of databases needs root")
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
}

// ownAddress is one of this host that no other test has.
func ownAddress(last int, port uint16) netip.AddrPort {
	pid := os.Getpid()
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(64 + pid>>16), byte(pid >> 8), byte(pid)}), port+uint16(last))
}

// do runs a program that ends.
func do(t *testing.T, stdin string, as *syscall.Credential, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Credential: as}
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", args[0], err, output)
	}
}

// start runs a server until stop is called, or the test ends, and waits until a check finds it well.
func start(t *testing.T, greets Check, as *syscall.Credential, args ...string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), peerPatience)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	said := filepath.Join(t.TempDir(), "said")
	output, err := os.Create(said)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = peerPatience
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() { cancel(); _ = cmd.Wait() }
	t.Cleanup(stop)
	here, found := context.WithTimeout(ctx, peerPatience)
	defer found()
	well := false
	Watcher{Check: greets, Interval: 50 * time.Millisecond, Verdict: Verdict{Fall: 1, Rise: 1}}.Watch(here, func(in bool, _ error) {
		if in {
			well = true
			found()
		}
	})
	if !well {
		text, _ := os.ReadFile(said)
		t.Fatalf("%s does not serve: %s", args[0], text)
	}
	return stop
}

func write(t *testing.T, name, text string, as *syscall.Credential) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if as != nil {
		if err := os.Chown(name, int(as.Uid), int(as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// certificate writes a certificate and its key.
func certificate(t *testing.T, dir string, as *syscall.Credential) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	in := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return write(t, filepath.Join(dir, "cert.pem"), in("CERTIFICATE", signed), as), write(t, filepath.Join(dir, "key.pem"), in("PRIVATE KEY", packed), as)
}

func TestMariaDB(t *testing.T) {
	t.Parallel()
	needs(t, "mariadbd", "mariadb-install-db")
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	do(t, "", nil, "mariadb-install-db", "--no-defaults", "--datadir="+data, "--user=root", "--auth-root-authentication-method=normal", "--skip-test-db")
	users := write(t, filepath.Join(dir, "users.sql"), "CREATE DATABASE IF NOT EXISTS shop;\nCREATE TABLE IF NOT EXISTS shop.full AS SELECT 1 AS n, REPEAT('x', 100000) AS long_text;\n"+
		"CREATE TABLE IF NOT EXISTS shop.empty (n INT);\nCREATE USER IF NOT EXISTS lb IDENTIFIED BY 'Geheim-1';\nGRANT SELECT ON shop.* TO lb;\nCREATE USER IF NOT EXISTS free;\n", nil)
	cert, key := certificate(t, dir, nil)
	lb := Login{User: "lb", Password: "Geheim-1"}
	questions := []asked{
		{"greeting", Login{}, "", "", "", ""},
		{"login", lb, "", "", "", ""},
		{"login without a password", Login{User: "free"}, "", "", "", ""},
		{"row", lb, "shop", "SELECT n FROM full", "", ""},
		{"long row", lb, "shop", "SELECT long_text, n FROM full", "", ""},
		{"no row", lb, "shop", "SELECT n FROM empty", "", "ask the query: it gives no row"},
		{"no question", lb, "shop", "SET @a = 1", "", "it gives no row"},
		{"no table", lb, "shop", "SELECT n FROM missing", "", "it answers Table 'shop.missing' doesn't exist"},
		{"no database", lb, "mysql", "", "", `log in as "lb": it answers Access denied`},
		{"wrong password", Login{User: "lb", Password: "Geheim-2"}, "shop", "", "", `log in as "lb": it answers Access denied`},
		{"nobody", Login{User: "nobody", Password: "Geheim-1"}, "", "", "", "Access denied"},
	}
	for name, more := range map[string][]string{"plain": {"--skip-ssl"}, "over TLS": {"--ssl-cert=" + cert, "--ssl-key=" + key, "--require-secure-transport=ON"}} {
		t.Run(name, func(t *testing.T) {
			at := ownAddress(0, 3306)
			stop := start(t, Check{Protocol: MySQL, Target: at, Timeout: patience}, nil, append([]string{
				"mariadbd", "--no-defaults", "--datadir=" + data, "--user=root", "--socket=" + filepath.Join(dir, "socket"), "--pid-file=" + filepath.Join(dir, "pid"),
				"--bind-address=" + at.Addr().String(), "--port=" + strconv.Itoa(int(at.Port())), "--skip-log-bin", "--skip-name-resolve", "--init-file=" + users,
			}, more...)...)
			askEach(t, MySQL, at, questions)
			stop()
		})
	}
}

// postgresPrograms is where Debian has what is not on the path.
func postgresProgram(t *testing.T, name string) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		t.Skipf("%s is not installed", name)
	}
	return found[len(found)-1]
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	needs(t)
	initdb, postgres := postgresProgram(t, "initdb"), postgresProgram(t, "postgres")
	account, err := user.Lookup("postgres")
	if err != nil {
		t.Skip(err)
	}
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	as := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	data, err := os.MkdirTemp("/tmp", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(data) })
	if err := os.Chown(data, uid, gid); err != nil {
		t.Fatal(err)
	}
	do(t, "", as, initdb, "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C")
	do(t, `SET password_encryption = 'md5';
CREATE ROLE summed LOGIN PASSWORD 'Geheim-1';
SET password_encryption = 'scram-sha-256';
CREATE ROLE salted LOGIN PASSWORD 'Geheim-1';
CREATE ROLE clear LOGIN PASSWORD 'Geheim-1';
CREATE ROLE trusted LOGIN;
CREATE ROLE covered LOGIN PASSWORD 'Geheim-1';
CREATE TABLE filled AS SELECT 1 AS n, repeat('x', 100000) AS long_text;
CREATE TABLE empty (n int);
GRANT SELECT ON filled, empty TO PUBLIC;
CREATE DATABASE shop;
`, as, postgres, "--single", "-D", data, "-c", "fsync=off", "postgres")
	write(t, filepath.Join(data, "pg_hba.conf"), "host all summed all md5\nhost all salted all scram-sha-256\nhost all clear all password\nhost all trusted all trust\nhostssl all covered all scram-sha-256\n", as)
	cert, key := certificate(t, data, as)
	in := func(name string) Login { return Login{User: name, Password: "Geheim-1"} }
	at := ownAddress(1, 5432)
	for name, over := range map[string]string{"plain": "off", "over TLS": "on"} {
		t.Run(name, func(t *testing.T) {
			stop := start(t, Check{Protocol: Postgres, Target: at, Timeout: patience}, as, postgres, "-D", data, "-p", strconv.Itoa(int(at.Port())),
				"-c", "listen_addresses="+at.Addr().String(), "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "ssl="+over, "-c", "ssl_cert_file="+cert, "-c", "ssl_key_file="+key)
			questions := []asked{
				{"greeting", Login{}, "", "", "", ""},
				{"MD5", in("summed"), "postgres", "", "", ""},
				{"SCRAM", in("salted"), "shop", "", "", ""},
				{"password", in("clear"), "postgres", "", "", ""},
				{"trusted", Login{User: "trusted"}, "postgres", "SELECT n FROM filled", "", ""},
				{"long row", in("salted"), "postgres", "SELECT long_text FROM filled", "", ""},
				{"no row", in("salted"), "postgres", "SELECT n FROM empty", "", "ask the query: it gives no row"},
				{"no question", in("salted"), "postgres", "SET client_min_messages = warning", "", "it gives no row"},
				{"nothing", in("salted"), "postgres", ";", "", "it gives no row"},
				{"no table", in("salted"), "postgres", "SELECT n FROM missing", "", `ask the query: it answers relation "missing" does not exist (42P01)`},
				{"no database", in("salted"), "missing", "", "", `database "missing" does not exist (3D000)`},
				{"no password", Login{User: "salted"}, "postgres", "", "", "it wants a password, and there is none"},
				{"nobody", in("nobody"), "postgres", "", "", "(28000)"},
			}
			for _, role := range []string{"summed", "salted", "clear"} {
				questions = append(questions, asked{"wrong password of " + role, Login{User: role, Password: "Geheim-2"}, "postgres", "", "",
					fmt.Sprintf(`log in as %q: it answers password authentication failed for user %q (28P01)`, role, role)})
			}
			covered := asked{"only by TLS", in("covered"), "postgres", "", "", ""}
			if over == "off" {
				covered.want = "(28000)"
			}
			askEach(t, Postgres, at, append(questions, covered))
			stop()
		})
	}
}

func TestSlapd(t *testing.T) {
	t.Parallel()
	needs(t, "slapd", "slapadd")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := write(t, filepath.Join(dir, "slapd.conf"), `include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
disallow bind_anon
database mdb
suffix "dc=example,dc=org"
rootdn "cn=admin,dc=example,dc=org"
rootpw Geheim-1
directory `+filepath.Join(dir, "data")+"\n", nil)
	do(t, "dn: dc=example,dc=org\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example Works\n", nil, "slapadd", "-f", conf)
	at := ownAddress(2, 389)
	start(t, Check{Protocol: LDAP, Target: at, Timeout: patience}, nil, "slapd", "-f", conf, "-h", "ldap://"+at.String(), "-d", "0")
	admin := Login{User: "cn=admin,dc=example,dc=org", Password: "Geheim-1"}
	askEach(t, LDAP, at, []asked{
		{"anonymous, and refused", Login{}, "", "", "", ""},
		{"login", admin, "", "", "", ""},
		{"a name without a password", Login{User: admin.User}, "", "", "", ""},
		{"object", admin, "", "dc=example,dc=org", "", ""},
		{"its name", admin, "", "dc=example,dc=org", "^dc=example", ""},
		{"a value", admin, "", "dc=example,dc=org", "^Example Works$", ""},
		{"another value", admin, "", "dc=example,dc=org", "^Works$", `read "dc=example,dc=org": nothing in it matches "^Works$"`},
		{"no object", admin, "", "ou=missing,dc=example,dc=org", "", `read "ou=missing,dc=example,dc=org": it answers with code 32`},
		{"no name", admin, "", "missing", "", `it answers with code 34 invalid DN`},
		{"wrong password", Login{User: admin.User, Password: "Geheim-2"}, "", "", "", `bind as "cn=admin,dc=example,dc=org": it answers with code 49`},
	})
}
