// Package nft is the data plane for kernels that have neither ip_vs nor what our BPF programs need: rules of nftables.
//
// # The model
//
// One table, inet holdfast-director. Its base chains look packets of new connections up, by firewall mark, then by address, protocol
// and port, and go to the chain of the service. That chain draws a number, by turns, at random or from a hash; a map has the address and port of a server for
// it, and the destination is translated. Connection tracking does the rest: a connection keeps
// its server, whatever happens to the table. A change touches the elements that differ, and the rule only if the number of what is drawn
// from moves; some thousand services go into one transaction.
//
// Those maps are shared by some hundred services each (a part): the kernel searches a table's sets one after the other, and looks at every element
// of a map when a rule begins to use it, so neither a map for each service nor one for all would do for ten thousand.
//
// What the kernel's rules do not say (names of schedulers, weights that are 0) is kept in a file below run/holdfast/director/nft, a line for each
// change; a lock file there lets several processes (the director, ipvsadm) work on one table.
//
// Directors exchange connections (exchange.go): one tells what its kernel says of tracked connections that an answer has passed of, the other has its
// kernel track them, too (conntrack.go). Where persistent clients were is not told.
//
// # What it can do, and how it differs from the kernel's IP Virtual Server
//
//   - NAT only, and servers on this host (one at 127.0.0.1 has to listen on every address: it is reached at the virtual one). Direct routing and tunnels need packets rewritten below the rules of nftables: refused.
//   - rr and wrr by turns; sh, dh and mh by hash (mh with Maglev's table, so that few clients move when a server goes); fo; lc,
//     wlc, sed and nq draw servers at random by weight, as rules cannot count a server's connections. lblc, lblcr and ovf are refused, and so are
//     limits on connections, one-packet scheduling and persistence engines.
//   - Weights count after division by what they have in common, and to a thousandth of their sum.
//   - Persistent clients are remembered by the kernel. Those of a server that is deleted go to another; one at weight 0 keeps its
//     clients.
//   - Connections to a server that is deleted live on until they end (the IP Virtual Server drops their packets); those of UDP
//     are forgotten at once.
//   - A real server, or any host whose answers would not pass the director, may use the virtual address, too: what comes
//     from a server's address leaves with the director's.
//
// The kernel has to forward packets (net.ipv4.ip_forward). At an error the transactions before it
// are in force. If somebody flushes the kernel's rules, the next call writes them again. nft 1.0.6 cannot list the rules of
// persistent services; nothing else depends on that. The package starts no goroutines.
package nft
