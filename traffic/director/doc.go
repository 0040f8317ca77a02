// Package director balances load at layer 4: `holdfast director -f FILE`, with the file in the language of ldirectord.cf,
// keepalived.conf or mon.cf.
//
// # The model
//
// A language compiles to config.Config. Each service has a pool.Pool, a pure core that decides from the verdicts of checks which
// servers are to be in the table. A plane.Plane forwards packets by its table; it goes on when this process ends.
//
// A Daemon is one goroutine (Run) that owns pools and verdicts and changes the plane. Others only bring it events:
//
//   - one per check asks a server (check.Watcher);
//   - one per watch of mon.cf runs its monitor;
//   - one looks at the configuration file, when it says autoreload, and one at the files of maintenance;
//   - one per service with programs or mail to be sent runs them, in order;
//   - those of the HTTP server on the control socket.
//
// Run waits for all of them before it returns.
//
// # Obligations
//
// A reload (Reload) checks the new configuration whole before anything is touched, changes what differs, and drops no
// connection; checks that stay the same go on with what they know. Only services of the configuration are touched: what others
// put into the table stays (unless lvs_flush says otherwise). A director on a standby host checks all the time, so that it
// knows which servers are in when it takes over.
package director
