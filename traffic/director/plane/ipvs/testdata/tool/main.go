// Tool is ipvsadm on the kernel's table, and nothing else: small, since the guest's processor is emulated.
package main

import (
	"os"

	"holdfast/traffic/director/ipvsadm"
	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/ipvs"
)

func main() {
	os.Exit(ipvsadm.Command(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, func() (plane.Plane, error) { return ipvs.Open() }))
}
