// Package check asks real servers whether they serve: the one engine behind every front end (ldirectord.cf, mon.cf,
// keepalived.conf).
//
// A Check is what to ask and what answer counts; Run asks once. A Verdict makes of many answers whether the
// server is in: so many failures in a row take it out, so many successes bring it back. A Watcher asks on an
// interval and tells each change of the verdict; it is one goroutine, which ends with its context.
//
// Every service is asked on its own, on its own port: a web server that answers HTTP does not keep its HTTPS in.
//
// Protocols (protocol.go has the table): connect and external, HTTP and HTTPS, SMTP, IMAP, POP, FTP, NNTP, DNS, MySQL,
// PostgreSQL, LDAP, SIP, Redis, ping. None needs a client library: each is asked the least that shows that it serves.
package check
