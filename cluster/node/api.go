package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/cluster/node/client"
	"holdfast/peercred"
)

// maxRequest bounds a request's body, in bytes: a document of tens of thousands of resources fits.
const maxRequest = 256 << 20

// handler answers one request with a value that is sent as JSON, or an error.
type handler func(w http.ResponseWriter, r *http.Request) (any, error)

// peerKey is the context key of the caller of a local connection.
type peerKey struct{}

// peer is who calls over the socket.
type peer struct {
	uid  uint32
	name string
}

// listen opens the local socket below root.
func listen(root string) (net.Listener, error) {
	path := client.Socket(root)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make directory for the local socket: %w", err)
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		lock.Close()
		return nil, fmt.Errorf("remove the old local socket: %w", err)
	}
	unlocked, err := net.Listen("unix", path)
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	listener := &soleListener{unlocked, lock}
	// Whoever connects is looked at by SO_PEERCRED; the mode only keeps strangers from trying.
	mode := os.FileMode(0o600)
	if gid, ok := groupID("haclient"); ok && os.Chown(path, -1, gid) == nil {
		mode = 0o660
	}
	if err := os.Chmod(path, mode); err != nil {
		listener.Close()
		return nil, fmt.Errorf("protect the local socket: %w", err)
	}
	return listener, nil
}

// soleListener is a listener on a path that is locked for as long: of two daemons that start
// at once, the second must not take the first one's socket away.
type soleListener struct {
	net.Listener
	lock *os.File
}

// Close ends listening and lets go of the path.
func (l *soleListener) Close() error { return errors.Join(l.Listener.Close(), l.lock.Close()) }

// lockFile opens a file and locks it until it is closed, by the process's death too.
func lockFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.New("another daemon runs here; stop it first")
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return file, nil
}

func groupID(name string) (int, bool) {
	group, err := user.LookupGroup(name)
	if err != nil {
		return 0, false
	}
	gid, err := strconv.Atoi(group.Gid)
	return gid, err == nil
}

// identify is http.Server's ConnContext: it asks the kernel who calls.
func identify(ctx context.Context, conn net.Conn) context.Context {
	cred, err := peercred.Of(conn)
	if err != nil {
		return ctx
	}
	p := &peer{uid: cred.Uid, name: strconv.Itoa(int(cred.Uid))}
	if cred.Uid == 0 {
		p.name = "root"
		return context.WithValue(ctx, peerKey{}, p)
	}
	if account, err := user.LookupId(p.name); err == nil {
		p.name = account.Username
		groups, _ := account.GroupIds()
		gid, ok := groupID("haclient")
		if int(cred.Uid) == os.Getuid() || (ok && (slices.Contains(groups, strconv.Itoa(gid)) || int(cred.Gid) == gid)) {
			return context.WithValue(ctx, peerKey{}, p)
		}
	} else if int(cred.Uid) == os.Getuid() {
		return context.WithValue(ctx, peerKey{}, p)
	}
	return ctx
}

// guarded lets only known callers through and writes the handler's answer.
func guarded(log *slog.Logger, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := r.Context().Value(peerKey{}).(*peer); !ok {
			refuse(w, &client.Error{Code: client.Denied, Message: "denied: only root and members of group haclient may ask the cluster"})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		value, err := h(w, r)
		if err != nil {
			log.Debug("request refused", "path", r.URL.Path, "cause", err)
			refuse(w, err)
			return
		}
		switch value := value.(type) {
		case nil:
		case xmlText:
			w.Header().Set("Content-Type", "application/xml")
			io.WriteString(w, string(value))
		default:
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(value)
		}
	}
}

// xmlText is an answer that is sent as it is.
type xmlText string

// statuses are the HTTP statuses of refusals.
var statuses = map[client.Code]int{
	client.Invalid: http.StatusBadRequest, client.NotFound: http.StatusNotFound, client.Exists: http.StatusConflict,
	client.Conflict: http.StatusConflict, client.NoQuorum: http.StatusServiceUnavailable, client.Unconfirmed: http.StatusAccepted + 300,
	client.NotSetUp: http.StatusServiceUnavailable, client.Denied: http.StatusForbidden, client.TimedOut: http.StatusGatewayTimeout,
}

func refuse(w http.ResponseWriter, err error) {
	refusal := new(client.Error)
	if !errors.As(err, &refusal) {
		refusal = &client.Error{Code: client.Failed, Message: err.Error()}
		if errors.Is(err, context.DeadlineExceeded) {
			refusal.Code = client.TimedOut
		}
	}
	status, ok := statuses[refusal.Code]
	if !ok {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(refusal)
}

// decodeBody reads a JSON request.
func decodeBody(r *http.Request, into any) error {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		return &client.Error{Code: client.Invalid, Message: fmt.Sprintf("decode request for %s: %v", r.URL.Path, err)}
	}
	return nil
}

// api is the local API's server.
type api struct {
	server *http.Server
	log    *slog.Logger
}

// serveAPI begins to answer on listener with routes.
func serveAPI(listener net.Listener, routes http.Handler, log *slog.Logger) *api {
	a := &api{log: log, server: &http.Server{
		Handler: routes, ConnContext: identify, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	go func() {
		if err := a.server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			log.Error("local API ended", "cause", err)
		}
	}()
	return a
}

func (a *api) close() { a.server.Close() }
