package crm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/shell/source"
)

// liveCluster is the document of the running cluster, reached through the daemon of this host.
type liveCluster struct{ client *client.Client }

// dial returns the live cluster, or an error when no daemon answers.
func dial(c *client.Client) (source.Cluster, error) {
	if err := c.Reach(); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, err
		}
		return nil, client.ErrNoDaemon
	}
	return liveCluster{c}, nil
}

// Document implements source.Cluster.
func (l liveCluster) Document(ctx context.Context) (*cib.Document, error) {
	return l.client.Document(ctx)
}

// ReplaceDocument implements source.Cluster. Only the configuration is replaced: what the
// cluster observes moves on meanwhile and is not ours to write.
func (l liveCluster) ReplaceDocument(ctx context.Context, doc *cib.Document, base cib.Version, cause cib.Cause) error {
	_, err := l.client.Change(ctx, client.Change{
		Op: client.Replace, Section: "configuration", XML: doc.Configuration().String(),
		IfVersion: fmt.Sprintf("%d.%d", base.AdminEpoch, base.Epoch), Cause: cause.Command, User: cause.User,
	})
	if errors.Is(err, client.Conflict) {
		return fmt.Errorf("%w: %w", source.ErrConflict, err)
	}
	return err
}

// daemon returns the client of the daemon of this host; an error says why nothing can be asked
// of a cluster, as when the command works on a file.
func (s *session) daemon(what string) (*client.Client, error) {
	from, err := s.source()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if !from.Live() {
		return nil, fmt.Errorf("%s needs a running cluster; this session works on %s", what, from)
	}
	return client.New(""), nil
}
