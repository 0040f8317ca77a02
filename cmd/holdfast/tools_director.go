package main

import (
	"context"
	"io"
	"os"
	"slices"

	"holdfast/traffic/director"
	"holdfast/traffic/director/ipvsadm"
	"holdfast/traffic/director/plane"
)

// directorTools are what users of the Linux Virtual Server type.
var directorTools = map[string]tool{
	"ipvsadm":         ipvsadmTool(),
	"ipvsadm-save":    ipvsadmTool("-S"),
	"ipvsadm-restore": ipvsadmTool("-R"),
	"ldirectord":      director.Ldirectord,
}

// ipvsadmTool is ipvsadm with a first argument. HOLDFAST_PLANE names the data plane that it works on; without it, it is the one in use.
func ipvsadmTool(first ...string) tool {
	return func(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
		return ipvsadm.Command(slices.Concat(first, args), stdin, stdout, stderr, func() (plane.Plane, error) {
			return director.OpenPlane(context.Background(), os.Getenv("HOLDFAST_PLANE"), os.Getenv("HOLDFAST_ROOT"))
		})
	}
}
