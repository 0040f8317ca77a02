// Package proxy is Holdfast's load balancer at layer 7: it runs a haproxy.cfg, as `holdfast proxy` and under the name haproxy.
//
// The parts: config reads the language into a Config; plane moves the bytes, in event loops; pool keeps the servers' state, which
// health (on the check engine that all of Holdfast's front ends share) and resolve keep true; stats shows all of it, as a page and on the
// run-time socket, and changes it. This package makes a process of them: arguments, signals, privileges, and handing the listening
// sockets over to the process that follows on a reload.
//
// Goroutines: one per event loop, one per checked server, one per run-time socket and one per connection to it, one for log lines to the
// console, one for mail, one per name whose address is looked up. A Process owns them all; Run returns when they have ended.
package proxy
