// Package ipvs is the kernel's own data plane, the IP Virtual Server, spoken to over generic netlink (linux/ip_vs.h).
//
// The kernel keeps the table, connections and counters; a Plane is one netlink socket under a mutex, without state of
// its own, so whatever else changes the table (ipvsadm, keepalived) is seen. Connections come from /proc/net/ip_vs_conn. The
// kernel takes every change for itself: at an error, those before the refused one are in force.
//
// The family is asked for by name, upon which the kernel loads its module ip_vs; schedulers are loaded when a service
// names them. The package starts no goroutines.
package ipvs
