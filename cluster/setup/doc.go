// Package setup makes a cluster out of hosts that do not know each other yet.
//
// Every daemon, configured or not, answers on TCP port 7630 over TLS with a
// certificate of its own that it made at its first start. Nothing but a login is
// answered to a caller without a token:
//
//	POST /v1/setup/login          user and password -> token (pcs host auth)
//	POST /v1/setup/join           invitation, host -> configuration, authkey (holdfast join)
//	GET  /v1/setup/state          token: what this host is part of
//	GET  /v1/setup/site           token: its cluster: hosts, configuration, document (pcs dr status)
//	PUT  /v1/setup/configuration  token: configuration and authkey (pcs cluster setup)
//	POST /v1/setup/start          token: take part in the cluster (pcs cluster start)
//	POST /v1/setup/stop           token: hand resources over and leave
//	POST /v1/setup/destroy        token: stop, and forget the cluster
//
// The password is that of the system user hacluster, checked by PAM's own helper
// (unix_chkpwd), so that this package never reads the shadow file. A token is 256
// random bits; the daemon keeps only its SHA-256. An invitation is a token that is
// good for joining only and ends after an hour.
//
// The caller has no authority that vouches for a certificate. It remembers the
// certificate's fingerprint beside the token (KnownHosts) and speaks to no other
// from then on; `holdfast join` is given the fingerprint that `holdfast init` printed.
//
// The package starts no goroutine; net/http's are the caller's.
package setup
