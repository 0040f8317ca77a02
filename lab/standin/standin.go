// Package standin has programs that stand in, on virtual hosts, for what the machine cannot run: a
// hypervisor and an engine of containers. They take the calls that the distribution's agents
// make, and run what they are asked to in namespaces. The package starts no goroutine.
package standin

import (
	_ "embed"
	"fmt"

	"holdfast/lab"
)

//go:embed virsh.sh
var virsh []byte

//go:embed engine.sh
var engine []byte

// Engine puts podman and docker on a host.
func Engine() []lab.File {
	return []lab.File{{Path: "/usr/local/bin/podman", Data: engine, Mode: 0o755}, {Path: "/usr/local/bin/docker", Data: engine, Mode: 0o755}}
}

// Hypervisor puts virsh on a host.
func Hypervisor() lab.File { return lab.File{Path: "/usr/local/bin/virsh", Data: virsh, Mode: 0o755} }

// Domain is a guest's definition in a file: its address, and the command that runs in it.
func Domain(path, name, address, command string) lab.File {
	text := fmt.Sprintf("<domain type=\"lab\">\n  <name>%s</name>\n  <address>%s</address>\n  <init>%s</init>\n</domain>\n", name, address, command)
	return lab.File{Path: path, Data: []byte(text), Mode: 0o644}
}
