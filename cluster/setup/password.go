package setup

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"os/user"
	"strings"
)

// AdminUser is the system user whose password opens a host for setup, as with pcs.
const AdminUser = "hacluster"

// ErrWrongPassword says that user and password do not fit.
var ErrWrongPassword = errors.New("wrong user or password")

// PasswordCheck decides whether the password is the user's.
type PasswordCheck func(ctx context.Context, name, password string) error

// SystemPassword asks PAM's helper, unix_chkpwd(8). Only AdminUser may log in.
func SystemPassword(ctx context.Context, name, password string) error {
	if name != AdminUser {
		return fmt.Errorf("log in as %q: %w; only %s may set up a cluster", name, ErrWrongPassword, AdminUser)
	}
	if _, err := user.Lookup(name); err != nil {
		return fmt.Errorf("log in as %s: this host has no such user; make it with "+
			"'useradd --system --user-group --home-dir / --shell /usr/sbin/nologin %s' and give it a password with 'passwd %s'", name, name, name)
	}
	if strings.ContainsRune(password, 0) || password == "" {
		return ErrWrongPassword
	}
	helper, err := exec.LookPath("/sbin/unix_chkpwd")
	if err != nil {
		return fmt.Errorf("check password of %s: %w; install libpam-modules-bin", name, err)
	}
	// The helper reads the password, ended by a NUL, from its standard input: it never
	// stands in an argument list.
	check := exec.CommandContext(ctx, helper, name, "nonull")
	check.Stdin = strings.NewReader(password + "\x00")
	if err := check.Run(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return ErrWrongPassword
		}
		return fmt.Errorf("check password of %s: %w", name, err)
	}
	return nil
}
