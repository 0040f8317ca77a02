package pcs

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/cluster/setup"
	"holdfast/shell/source"
)

func backupCommands() []command {
	return []command{
		{path: "config backup", syntax: "[FILE]", help: "Writes an archive of the cluster's configuration, or prints it. It holds the cluster's key: keep it safe.", options: "force", document: true, run: backUp},
		{path: "config restore", syntax: "[--local] [FILE]", help: "Brings back the configuration of an archive, of pcs or of this program, on all hosts or only on this one. They have to be stopped.",
			options: "local request-timeout force", run: restore},
	}
}

// An archive has pcs's layout: what of a host's files each name stands for.
var archived = map[string]string{
	"corosync.conf": "etc/corosync/corosync.conf", "corosync_authkey": "etc/corosync/authkey",
	"holdfast.conf": "etc/holdfast/holdfast.conf", "holdfast_authkey": "etc/holdfast/authkey",
}

const archiveVersion = "1"

// mostArchived bounds what is read from an archive, in bytes.
const mostArchived = 256 << 20

// backUp packs what the cluster is made of. The document comes from the running cluster.
func backUp(s *session) error {
	if len(s.args) > 1 {
		return errUsage
	}
	files := map[string][]byte{"version.txt": []byte(archiveVersion), "cib.xml": s.doc.Bytes()}
	for name, path := range archived {
		text, err := os.ReadFile(filepath.Join(client.Root(""), path))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("back up: %w", err)
		}
		files[name] = text
	}
	if files["corosync.conf"] == nil && files["holdfast.conf"] == nil {
		return errors.New("this host belongs to no cluster; there is nothing to back up")
	}
	shared, err := ownFiles().ReadShared()
	if err != nil {
		return err
	}
	for name, text := range shared {
		files[strings.TrimPrefix(strings.TrimPrefix(name, "etc/corosync/"), "etc/")] = text
	}
	var packed bytes.Buffer
	if err := writeTarball(&packed, files, s.now); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if len(s.args) == 0 {
		_, err := s.stdout.Write(packed.Bytes())
		return err
	}
	path := s.args[0]
	if !strings.Contains(filepath.Base(path), ".tar") {
		path += ".tar.gz"
	}
	if _, err := os.Stat(path); err == nil {
		if err := s.forceable("'%s' exists", path); err != nil {
			return err
		}
	}
	return os.WriteFile(path, packed.Bytes(), 0o600)
}

func writeTarball(out io.Writer, files map[string][]byte, at time.Time) error {
	packed := gzip.NewWriter(out)
	archive := tar.NewWriter(packed)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(files[name])), ModTime: at}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(files[name]); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), packed.Close())
}

// readTarball reads the plain files of an archive, packed by gzip, by bzip2 as pcs does, or not.
func readTarball(in io.Reader) (map[string][]byte, error) {
	buffered := bufio.NewReader(io.LimitReader(in, mostArchived))
	magic, err := buffered.Peek(3)
	if err != nil {
		return nil, errors.New("the archive is empty")
	}
	var plain io.Reader = buffered
	switch {
	case string(magic) == "BZh":
		plain = bzip2.NewReader(buffered)
	case magic[0] == 0x1f && magic[1] == 0x8b:
		if plain, err = gzip.NewReader(buffered); err != nil {
			return nil, fmt.Errorf("unpack the archive: %w", err)
		}
	}
	archive := tar.NewReader(io.LimitReader(plain, mostArchived))
	files := map[string][]byte{}
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the archive: %w", err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if files[filepath.Clean(header.Name)], err = io.ReadAll(archive); err != nil {
			return nil, fmt.Errorf("read %s of the archive: %w", header.Name, err)
		}
	}
}

// openArchive reads the archive that the call names, or standard input, and checks that it is whole.
func (s *session) openArchive() (map[string][]byte, error) {
	in := s.stdin
	if len(s.args) == 1 {
		f, err := os.Open(s.args[0])
		if err != nil {
			return nil, fmt.Errorf("open the archive: %w", err)
		}
		defer f.Close()
		in = f
	}
	files, err := readTarball(in)
	if err != nil {
		return nil, err
	}
	switch version := strings.TrimSpace(string(files["version.txt"])); {
	case version == "":
		return nil, errors.New("the archive has no version.txt: it is none that 'pcs config backup' wrote")
	case version != archiveVersion:
		return nil, fmt.Errorf("the archive has version %s; version %s was expected", version, archiveVersion)
	case files["corosync.conf"] == nil && files["holdfast.conf"] == nil:
		return nil, errors.New("the archive has no corosync.conf")
	}
	if _, err := cib.Parse("cib.xml", files["cib.xml"]); err != nil {
		return nil, fmt.Errorf("the archive's document: %w", err)
	}
	return files, nil
}

func restore(s *session) error {
	if len(s.args) > 1 {
		return errUsage
	}
	files, err := s.openArchive()
	if err != nil {
		return err
	}
	configuration := setup.Configuration{Corosync: string(files["corosync.conf"]), Authkey: files["corosync_authkey"], Force: true}
	if text := files["holdfast.conf"]; text != nil {
		configuration = setup.Configuration{Holdfast: string(text), Authkey: files["holdfast_authkey"], Force: true}
	}
	text := configuration.Corosync + configuration.Holdfast
	conf, err := parseConf("corosync.conf of the archive", text)
	if err != nil {
		return err
	}
	if len(configuration.Authkey) == 0 {
		s.warn("the archive has no key (pcs archives one only where corosync encrypts): hosts get a new one")
		configuration.Authkey = setup.NewAuthkey()
	}
	shared := map[string][]byte{}
	for name, content := range files {
		switch dir := filepath.Dir(name); dir {
		case "uidgid.d":
			shared["etc/corosync/"+name] = content
		case "booth":
			shared["etc/"+name] = content
		}
	}
	if s.opts.has("local") {
		return s.restoreOn("this host", ownHost{client.New("")}, configuration, shared, files["cib.xml"])
	}
	return s.restoreAll(conf.hostNames(), configuration, shared, files["cib.xml"])
}

// restoreAll restores all hosts; nothing is written before every one of them has said that it does not run.
func (s *session) restoreAll(names []string, configuration setup.Configuration, shared map[string][]byte, document []byte) error {
	hosts, err := callers(names)
	if err != nil {
		return err
	}
	r := s.reports()
	for _, name := range names {
		state, err := hosts[name].State(contextOf())
		if err != nil {
			r.fail("%s: %v", name, err)
		} else if state.Running {
			r.fail("host '%s' takes part in a cluster; 'pcs cluster stop --all' first", name)
		}
	}
	if err := r.err(); err != nil {
		return err
	}
	for _, name := range names {
		if err := s.restoreOn(name, hosts[name], configuration, shared, document); err != nil {
			return fmt.Errorf("%w; repeat the command once that is mended: hosts before it are restored", err)
		}
	}
	return nil
}

// restoreOn gives one host its files. The document is put where the daemon reads it when the cluster starts anew.
func (s *session) restoreOn(name string, host caller, configuration setup.Configuration, shared map[string][]byte, document []byte) error {
	if err := host.Configure(contextOf(), configuration); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(shared) > 0 {
		if err := host.Share(contextOf(), shared); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	s.note("%s: configuration restored", name)
	return s.keepDocument(document)
}

// restoredDocument is where the archive's document is put: the cluster replicates its own, so it takes
// this one over by a command once it runs.
const restoredDocument = "var/lib/holdfast/restored-cib.xml"

func (s *session) keepDocument(document []byte) error {
	path := filepath.Join(client.Root(""), restoredDocument)
	if kept, err := os.ReadFile(path); err == nil && bytes.Equal(kept, document) {
		return nil
	}
	if err := source.WriteFile(path, document); err != nil {
		return fmt.Errorf("keep the archive's document: %w", err)
	}
	s.note("the resources of the archive are in %s; once the cluster runs: pcs cluster cib-push %[1]s --config", path)
	return nil
}
