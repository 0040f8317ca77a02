package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
)

// FromOS returns the environment of this process: its variables, standard input, and the
// daemon of this host as the live cluster.
func FromOS() Environment {
	return Environment{Getenv: os.Getenv, Stdin: os.Stdin, Connect: ConnectDaemon}
}

// ConnectDaemon opens the live cluster through the daemon of this host.
func ConnectDaemon() (Cluster, error) {
	c := client.New("")
	switch err := c.Reach(); {
	case errors.Is(err, fs.ErrPermission):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w (socket %s)", client.ErrNoDaemon, client.Socket(""))
	}
	return daemon{c}, nil
}

// daemon is the client as a Cluster.
type daemon struct{ client *client.Client }

func (d daemon) Document(ctx context.Context) (*cib.Document, error) { return d.client.Document(ctx) }

// ReplaceDocument is conditional on the configuration's version only: status moves all the
// time, belongs to the cluster, and is not replaced.
func (d daemon) ReplaceDocument(ctx context.Context, doc *cib.Document, base cib.Version, cause cib.Cause) error {
	_, err := d.client.Change(ctx, client.Change{
		Op:        client.Replace,
		XML:       string(doc.Bytes()),
		IfVersion: fmt.Sprintf("%d.%d", base.AdminEpoch, base.Epoch),
		Cause:     cause.Command,
		User:      cause.User,
	})
	if errors.Is(err, client.Conflict) {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return err
}

// Apply hands the operation to the daemon.
func (d daemon) Apply(ctx context.Context, request cib.Request, cause cib.Cause) (cib.Result, error) {
	change := client.Change{
		Op: client.Op(request.Op), Section: request.Section, XPath: request.XPath,
		AllowCreate: request.AllowCreate, Cause: cause.Command, User: request.User,
	}
	if request.Op == cib.OpDeleteAll {
		change.Op, change.All = client.Delete, true
	}
	if request.Input != nil {
		change.XML = request.Input.String()
	}
	answer, err := d.client.Change(ctx, change)
	if err != nil {
		return cib.Result{}, err
	}
	version, err := cib.ParseVersion(answer.Version)
	return cib.Result{After: version}, err
}
