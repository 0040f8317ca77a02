package metadata

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// unitDirs are where systemd looks for units, the strongest first.
var unitDirs = []string{
	"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system",
}

var fenceDirs = []string{"usr/sbin", "sbin", "usr/local/sbin"}

// Standards returns the classes that resources can have on this host, ascending;
// stonith only when a fence agent is installed, systemd only where it runs.
func (s *Store) Standards() []string {
	standards := []string{"lsb", "ocf", "service"}
	if len(s.Types("stonith", "")) > 0 {
		standards = append(standards, "stonith")
	}
	if _, err := os.Stat(filepath.Join(s.root, "run/systemd/system")); err == nil { // as sd_booted(3)
		standards = append(standards, "systemd")
	}
	return standards
}

// Providers returns the providers of OCF agents, ascending; with a type, those that
// provide it.
func (s *Store) Providers(name string) []string {
	dir := filepath.Join(OCFRoot(s.root), "resource.d")
	entries, _ := os.ReadDir(dir)
	var providers []string
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		if err != nil || !info.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if name != "" {
			if _, err := s.Path("ocf", e.Name(), name); err != nil {
				continue
			}
		}
		providers = append(providers, e.Name())
	}
	return providers
}

// Types returns the agents of a class (and of class ocf: of a provider, "" meaning
// all), ascending, each once.
func (s *Store) Types(class, provider string) []string {
	var types []string
	switch class {
	case "ocf":
		providers := []string{provider}
		if provider == "" {
			providers = s.Providers("")
		}
		for _, p := range providers {
			types = append(types, executables(filepath.Join(OCFRoot(s.root), "resource.d", p))...)
		}
	case "lsb":
		types = executables(filepath.Join(s.root, "etc/init.d"))
	case "stonith":
		for _, dir := range append([]string{"/usr/sbin"}, s.below(fenceDirs)...) {
			for _, name := range executables(dir) {
				if strings.HasPrefix(name, "fence_") {
					types = append(types, name)
				}
			}
		}
		for _, name := range executables(filepath.Join(s.root, pluginDir)) {
			types = append(types, pluginPrefix+name)
		}
	case "systemd":
		types = s.units()
	case "service":
		types = append(s.Types("lsb", ""), s.units()...)
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// All lists every agent of the classes whose agents describe themselves or can be
// described (ocf by provider, lsb, stonith, systemd).
func (s *Store) All() []Name {
	var names []Name
	for _, t := range s.Types("lsb", "") {
		names = append(names, Name{"lsb", "", t})
	}
	for _, p := range s.Providers("") {
		for _, t := range s.Types("ocf", p) {
			names = append(names, Name{"ocf", p, t})
		}
	}
	for _, class := range []string{"stonith", "systemd"} {
		for _, t := range s.Types(class, "") {
			names = append(names, Name{class, "", t})
		}
	}
	return names
}

func (s *Store) below(dirs []string) []string {
	all := make([]string, len(dirs))
	for i, dir := range dirs {
		all[i] = filepath.Join(s.root, dir)
	}
	return all
}

func (s *Store) units() []string {
	var units []string
	for _, dir := range s.below(unitDirs) {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if name, ok := strings.CutSuffix(e.Name(), ".service"); ok && !e.IsDir() {
				units = append(units, name)
			}
		}
	}
	return units
}

// executables lists the programs in a directory, without hidden files and the
// leftovers of package managers.
func executables(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || strings.ContainsAny(name, "~") || strings.Contains(name, ".dpkg-") || strings.HasSuffix(name, ".rpmsave") {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, name))
		if err == nil && info.Mode().IsRegular() && info.Mode()&fs.FileMode(0o111) != 0 {
			names = append(names, name)
		}
	}
	return names
}

func unitName(name string) string {
	for _, suffix := range []string{".service", ".socket", ".mount", ".timer", ".path", ".target"} {
		if strings.HasSuffix(name, suffix) {
			return name
		}
	}
	return name + ".service"
}
