// Package guest boots Debian's own kernel under qemu, for what the machine's kernel lacks (ip_vs, bonding, softdog): a test
// gives it a shell script and the programs the script calls, and gets what the script printed.
//
// # The model
//
// A Guest's root is an initial RAM file system made anew for each run: a static busybox, the kernel modules with all that they
// depend on, the programs with their shared libraries. Its first process is a shell that mounts /proc, /sys and /dev, loads the
// modules, runs the script with both outputs on the second serial port, and powers off. Nothing is written to the machine but a
// temporary directory. qemu emulates the processor (TCG), so a boot takes some seconds, more on a busy machine.
//
// The package starts no goroutines.
package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Guest is one virtual machine.
type Guest struct {
	Script  string            // for busybox sh; programs are found in /bin
	Files   map[string]string // path in the guest to the file on this machine; programs bring their shared libraries
	Modules []string          // names, loaded in this order after what they depend on
	Memory  int               // MiB; 0: 256
	Words   string            // for the kernel's command line, beside those it needs
	Cables  int               // each joins two network cards (virtio; Modules has their drivers): the first eth0 and eth1, the second eth2 and eth3
}

// The files of the machine that a guest is made of.
const (
	shell    = "/bin/busybox"
	emulator = "qemu-system-x86_64"
)

// Kernel finds the newest kernel with its modules, and says what a guest needs that is not installed.
func Kernel() (image, modules string, err error) {
	for _, program := range []string{emulator, shell} {
		if _, err := exec.LookPath(program); err != nil {
			return "", "", fmt.Errorf("boot a guest: %w", err)
		}
	}
	images, _ := filepath.Glob("/boot/vmlinuz-*")
	slices.Sort(images)
	for _, image := range slices.Backward(images) {
		modules := filepath.Join("/lib/modules", strings.TrimPrefix(filepath.Base(image), "vmlinuz-"))
		if _, err := os.Stat(filepath.Join(modules, "modules.dep")); err == nil {
			return image, modules, nil
		}
	}
	return "", "", errors.New("boot a guest: no kernel in /boot has its modules in /lib/modules; install the package linux-image-amd64")
}

// Run boots the guest, waits for it to power off, and returns what the script printed. A script that fails is an error that
// has its output; so is a guest that does not end before ctx does.
func (g Guest) Run(ctx context.Context) (string, error) {
	image, modules, err := Kernel()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "holdfast-guest")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	root, err := g.root(modules)
	if err != nil {
		return "", fmt.Errorf("make a guest's root: %w", err)
	}
	initrd, printed := filepath.Join(dir, "initrd"), filepath.Join(dir, "printed")
	if err := os.WriteFile(initrd, root, 0o600); err != nil {
		return "", err
	}
	memory := max(g.Memory, 256)
	// no_timer_check: an emulator that gets no turn for a while loses ticks, by which the kernel would find its timer broken, and panic.
	qemu := exec.CommandContext(ctx, emulator, append([]string{
		"-machine", "pc,accel=tcg", "-m", fmt.Sprint(memory), "-nographic", "-no-reboot", "-nic", "none",
		"-kernel", image, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1 no_timer_check rdinit=/init " + g.Words,
		"-monitor", "none", "-serial", "stdio", "-serial", "file:" + printed}, g.cards()...)...)
	var console bytes.Buffer
	qemu.Stdout, qemu.Stderr = &console, &console
	err = qemu.Run()
	output, readErr := os.ReadFile(printed)
	if err != nil || readErr != nil {
		return string(output), fmt.Errorf("run a guest: %w; it printed %q, its console %q", errors.Join(ctx.Err(), err, readErr), output, console.String())
	}
	text := strings.ReplaceAll(string(output), "\r\n", "\n")
	text, ok := strings.CutSuffix(text, ended+"0\n")
	if !ok {
		return text, fmt.Errorf("the guest's script failed:\n%s\nits console:\n%s", text, console.String())
	}
	return text, nil
}

// cards are the emulator's words for the guest's network cards: the two ends of a cable are ports of one hub.
func (g Guest) cards() (words []string) {
	for n := range 2 * g.Cables {
		words = append(words, "-netdev", fmt.Sprintf("hubport,id=port%d,hubid=%d", n, n/2),
			"-device", fmt.Sprintf("virtio-net-pci,netdev=port%d,mac=02:00:00:00:00:%02x,romfile=", n, n+1))
	}
	return words
}

// ended stands before the script's exit status in the last line.
const ended = "guest ended: "

const prologue = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /sbin /usr /var
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin
export PATH=/bin
while read module; do insmod $module || echo "insmod $module failed"; done < /modules
stty -F /dev/ttyS1 -opost
sh /script > /dev/ttyS1 2>&1
echo "` + ended + `$?" > /dev/ttyS1
poweroff -f
`

func (g Guest) root(modules string) ([]byte, error) {
	a := &archive{}
	a.add("init", 0o755, []byte(prologue))
	a.add("script", 0o644, []byte(g.Script))
	all := map[string]string{"/bin/busybox": shell}
	for to, from := range g.Files {
		all[to] = from
		for _, library := range libraries(from) {
			all[library] = library
		}
	}
	loads, err := inOrder(modules, g.Modules)
	if err != nil {
		return nil, err
	}
	var list strings.Builder
	for _, file := range loads {
		to := "/lib/" + filepath.Base(file)
		all[to] = file
		fmt.Fprintln(&list, to)
	}
	a.add("modules", 0o644, []byte(list.String()))
	for to, from := range all {
		content, err := os.ReadFile(from)
		if err != nil {
			return nil, err
		}
		a.add(strings.TrimPrefix(to, "/"), 0o755, content)
	}
	return a.end(), nil
}

// libraries lists the shared libraries of a program; none for a static one.
func libraries(program string) []string {
	out, err := exec.Command("ldd", program).Output()
	if err != nil {
		return nil
	}
	var all []string
	for word := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(word, "/") {
			all = append(all, word)
		}
	}
	return all
}

// inOrder lists the files of modules, each after those it depends on.
func inOrder(dir string, names []string) ([]string, error) {
	index, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return nil, err
	}
	files, needs := map[string]string{}, map[string][]string{}
	for line := range strings.Lines(string(index)) {
		file, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		files[strings.ReplaceAll(name, "-", "_")] = file
		needs[file] = strings.Fields(rest)
	}
	// What a module asks for when it begins (its softdep), which modules.dep does not tell.
	if file, ok := files["libcrc32c"]; ok {
		needs[file] = append(needs[file], files["crc32c_generic"])
	}
	var all []string
	var load func(file string)
	load = func(file string) {
		if slices.Contains(all, filepath.Join(dir, file)) {
			return
		}
		for _, below := range slices.Backward(needs[file]) {
			load(below)
		}
		all = append(all, filepath.Join(dir, file))
	}
	for _, name := range names {
		file, ok := files[strings.ReplaceAll(name, "-", "_")]
		if !ok {
			return nil, fmt.Errorf("%s has no module %s", dir, name)
		}
		load(file)
	}
	return all, nil
}
