package source

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives temp the owner and group of old. It is best effort: only root may.
func keepOwner(temp *os.File, old fs.FileInfo) {
	if st, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = temp.Chown(int(st.Uid), int(st.Gid))
	}
}
