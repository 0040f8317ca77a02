package exchange

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// Daemons are the processes of one plane's exchange on this host; Root is what every path hangs below. Planes embed it: so they are plane.Synchronized.
type Daemons struct{ Root, Plane string }

// record is what the file of a role has in it while its process runs, which has it locked.
type record struct {
	PID  int        `json:"pid"`
	Sync plane.Sync `json:"sync"`
}

func (d Daemons) path(r plane.Role) string {
	return filepath.Join("/", d.Root, "run/holdfast/director", d.Plane, "exchange-"+r.String())
}

// hold takes the file of a role for this process; table.ErrExists if another one has it. It is held until it is closed.
func (d Daemons) hold(s plane.Sync) (*os.File, error) {
	path := d.path(s.Role)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			err = table.ErrExists
		}
		return nil, errors.Join(err, f.Close())
	}
	text, err := json.Marshal(record{os.Getpid(), s})
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(text, 0)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// running reads what the process of a role said of itself; the file is the caller's to close. Nil if there is no process.
func (d Daemons) running(r plane.Role) (*os.File, record, error) {
	var found record
	f, err := os.Open(d.path(r))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, found, nil
	}
	if err != nil {
		return nil, found, err
	}
	held := unix.Flock_t{Type: unix.F_RDLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &held); err != nil || held.Type == unix.F_UNLCK {
		return nil, found, errors.Join(err, f.Close())
	}
	if err := json.NewDecoder(f).Decode(&found); err != nil {
		return nil, found, errors.Join(fmt.Errorf("read %s: %w", f.Name(), err), f.Close())
	}
	return f, found, nil
}

// Syncs tells which run.
func (d Daemons) Syncs() ([]plane.Sync, error) {
	var all []plane.Sync
	for _, r := range []plane.Role{plane.Master, plane.Backup} {
		f, found, err := d.running(r)
		if err != nil {
			return nil, err
		}
		if f != nil {
			all = append(all, found.Sync)
			f.Close()
		}
	}
	return all, nil
}

// Command is the name of the command that runs a role: `holdfast director exchange`.
const Command = "exchange"

// StartSync starts a process for a role. It returns when that works, or says why not.
func (d Daemons) StartSync(s plane.Sync) error {
	fail := func(err error) error {
		return fmt.Errorf("start the %s of the exchange of connections: %w", s.Role, err)
	}
	if _, err := ReadKey(d.Root); err != nil {
		return fail(err)
	}
	f, _, err := d.running(s.Role)
	if err != nil {
		return fail(err)
	}
	if f != nil {
		f.Close()
		return fail(table.ErrExists)
	}
	wanted, err := json.Marshal(s)
	if err != nil {
		return fail(err)
	}
	cmd := exec.Command("/proc/self/exe", "director", Command, "--root", d.Root, "--plane", d.Plane, string(wanted))
	cmd.Args[0] = "holdfast"
	log, err := os.OpenFile(d.path(s.Role)+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fail(err)
	}
	defer log.Close()
	cmd.Dir, cmd.Stderr = "/", log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return fail(err)
	}
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	line, _ := bufio.NewReader(said).ReadString('\n')
	if strings.TrimSpace(line) == ready {
		go cmd.Wait() // it ends with that process, or with this one
		return nil
	}
	_ = cmd.Wait() // what it said is what is wrong
	return fail(errors.New(strings.TrimSpace(line)))
}

// ready is what the process says when it works; anything else is why it does not.
const ready = "ready"

// StopSync ends the process of a role, and waits for that; table.ErrNotFound if there is none.
func (d Daemons) StopSync(r plane.Role) error {
	f, found, err := d.running(r)
	if err == nil && f == nil {
		err = table.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("stop the %s of the exchange of connections: %w", r, err)
	}
	defer f.Close()
	if err := unix.Kill(found.PID, unix.SIGTERM); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("stop the %s of the exchange of connections, process %d: %w", r, found.PID, err)
	}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLKW, &unix.Flock_t{Type: unix.F_RDLCK}) // it has it until it ends
}
