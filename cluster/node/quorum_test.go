package node

import (
	"slices"
	"testing"
	"time"

	"holdfast/cluster/node/client"
)

// TestQuorumIsToldAndChangedOverTheAPI: three hosts, of which two go away.
func TestQuorumIsToldAndChangedOverTheAPI(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	_ = c
	_ = slices.Contains[[]string]
	_ = client.QuorumChange{}
	_ = time.Second
}
