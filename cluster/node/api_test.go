package node

import (
	"net/http"

	"holdfast/cluster/node/client"
)

// client serves the node's local API below its root and returns a client of it.
func (c *testCluster) client(i int) *client.Client {
	c.t.Helper()
	n := c.nodes[i]
	listener, err := listen(n.settings.Root)
	if err != nil {
		c.t.Fatal(err)
	}
	mux := http.NewServeMux()
	n.routes(mux)
	served := serveAPI(listener, mux, n.log)
	c.served[i] = served
	return client.New(n.settings.Root)
}
