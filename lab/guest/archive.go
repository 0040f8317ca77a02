package guest

import (
	"bytes"
	"fmt"
	"path"
)

// archive writes what the kernel unpacks as its initial root (cpio, "new ASCII format").
type archive struct {
	out   bytes.Buffer
	inode int
	made  map[string]bool
}

// add adds a file and the directories above it.
func (a *archive) add(name string, mode int, content []byte) {
	const regular = 0o100000
	a.directories(path.Dir(name))
	a.entry(name, regular|mode, content)
}

func (a *archive) directories(name string) {
	const directory = 0o040755
	if a.made == nil {
		a.made = map[string]bool{}
	}
	if name == "." || a.made[name] {
		return
	}
	a.directories(path.Dir(name))
	a.made[name] = true
	a.entry(name, directory, nil)
}

func (a *archive) entry(name string, mode int, content []byte) {
	a.inode++
	fmt.Fprintf(&a.out, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		a.inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name)+1, 0, name)
	a.pad()
	a.out.Write(content)
	a.pad()
}

func (a *archive) pad() {
	for a.out.Len()%4 != 0 {
		a.out.WriteByte(0)
	}
}

// end closes the archive.
func (a *archive) end() []byte {
	a.entry("TRAILER!!!", 0, nil)
	return a.out.Bytes()
}
