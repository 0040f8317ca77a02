package crm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/shell/source"
)

// cibLevel holds the commands on shadow copies of the document.
func cibLevel() *level {
	return &level{name: "cib", summary: "shadow copies of the configuration", commands: []*command{
		{name: "new", usage: "[NAME] [force] [empty]", summary: "make a shadow copy and use it", example: "new trial", run: newShadow},
		{name: "use", usage: "[NAME]", summary: "work on a shadow copy; without a name, on the cluster again", run: useShadow, words: completeShadows},
		{name: "delete", usage: "NAME", summary: "delete a shadow copy", run: deleteShadow, words: completeShadows},
		{name: "reset", usage: "NAME", summary: "make a shadow copy what the cluster has", run: resetShadow, words: completeShadows},
		{name: "commit", usage: "[NAME]", summary: "make the cluster's configuration that of a shadow copy", run: commitShadow, words: completeShadows},
		{name: "diff", summary: "what a shadow copy changes", run: diffShadow},
		{name: "list", summary: "the shadow copies", run: listShadows},
		{name: "import", usage: "FILE [NAME]", summary: "make a shadow copy of a document in a file", run: importShadow},
	}}
}

func (s *session) shadowDirectory() string {
	if dir := s.getenv("CIB_shadow_dir"); dir != "" {
		return dir
	}
	return source.DefaultShadowDir
}

func (s *session) shadowPath(name string) (string, error) { return source.ShadowPath(s.getenv, name) }

// cluster opens the document that shadow copies are made of.
func (s *session) cluster() (source.Source, error) {
	saved := s.shadow
	s.shadow = ""
	defer func() { s.shadow = saved }()
	return s.source()
}

// usedShadow is the shadow copy in use, "" when none is.
func (s *session) usedShadow() string {
	if s.shadow != "" {
		return s.shadow
	}
	return s.getenv("CIB_shadow")
}

func newShadow(s *session, words []word) error {
	texts := textsOf(words)
	force, empty := slices.Contains(texts, "force"), slices.Contains(texts, "empty")
	texts = slices.DeleteFunc(texts, func(t string) bool { return t == "force" || t == "empty" || t == "withstatus" })
	if len(texts) > 1 {
		return usageError("expected one name")
	}
	name := "temporary"
	if len(texts) == 1 {
		name = texts[0]
	} else {
		force = true
	}
	path, err := s.shadowPath(name)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil && !force && !s.options.force {
		return softError{fmt.Errorf("shadow copy %s exists already; add force to make it anew", name)}
	}
	doc := cib.New()
	if !empty {
		from, err := s.cluster()
		if err != nil {
			return err
		}
		if doc, err = from.Load(); err != nil {
			return err
		}
	}
	if err := writeShadow(path, doc); err != nil {
		return err
	}
	s.info("cib.new: %s shadow CIB created", name)
	return s.use(name)
}

func writeShadow(path string, doc *cib.Document) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("make the directory of shadow copies: %w", err)
	}
	return source.WriteFile(path, doc.Bytes())
}

func (s *session) use(name string) error {
	if s.model != nil && s.model.changed() {
		return errors.New("there are changes that are not committed; 'commit' or 'refresh' first")
	}
	s.shadow, s.model = name, nil
	return nil
}

func useShadow(s *session, words []word) error {
	texts := slices.DeleteFunc(textsOf(words), func(t string) bool { return t == "withstatus" })
	if len(texts) == 0 || texts[0] == "live" {
		return s.use("")
	}
	path, err := s.shadowPath(texts[0])
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no shadow copy %s; 'cib list' lists them", texts[0])
	}
	return s.use(texts[0])
}

func deleteShadow(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected the name of a shadow copy")
	}
	name := words[0].text
	if name == s.usedShadow() {
		return fmt.Errorf("shadow copy %s is in use; 'cib use' leaves it", name)
	}
	path, err := s.shadowPath(name)
	if err != nil {
		return err
	}
	switch err := os.Remove(path); {
	case errors.Is(err, fs.ErrNotExist): // no failure: scripts delete what an earlier run may have left
		return softError{fmt.Errorf("there is no shadow copy %s; 'cib list' lists them", name)}
	case err != nil:
		return fmt.Errorf("delete shadow copy %s: %w", name, err)
	}
	s.info("cib.delete: %s shadow CIB deleted", name)
	return nil
}

func resetShadow(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected the name of a shadow copy")
	}
	path, err := s.shadowPath(words[0].text)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no shadow copy %s; 'cib list' lists them", words[0].text)
	}
	from, err := s.cluster()
	if err != nil {
		return err
	}
	doc, err := from.Load()
	if err != nil {
		return err
	}
	s.model = nil
	if err := writeShadow(path, doc); err != nil {
		return err
	}
	s.info("cib.reset: copied live CIB to %s", words[0].text)
	return nil
}

// errNoShadow says that a command is about the shadow copy in use, and there is none.
var errNoShadow = errors.New("no shadow copy is in use; name one")

// shadowDocument loads a shadow copy: the named one, or the one in use.
func (s *session) shadowDocument(words []word) (string, *cib.Document, error) {
	name := s.usedShadow()
	if len(words) > 0 {
		name = words[0].text
	}
	if name == "" {
		return "", nil, errNoShadow
	}
	path, err := s.shadowPath(name)
	if err != nil {
		return "", nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", nil, fmt.Errorf("read shadow copy %s: %w", name, err)
	}
	doc, err := cib.Parse(path, text)
	return name, doc, err
}

func commitShadow(s *session, words []word) error {
	name, doc, err := s.shadowDocument(words)
	if err != nil {
		return err
	}
	to, err := s.cluster()
	if err != nil {
		return err
	}
	err = to.Change(s.cause("cib commit "+name), func(live *cib.Document) error {
		transplant(live, doc)
		return nil
	})
	if err != nil {
		return err
	}
	s.info("cib.commit: committed '%s' shadow CIB to the cluster", name)
	return s.awaitTransition()
}

// diffShadow prints the objects that the shadow copy in use changes.
func diffShadow(s *session, words []word) error {
	_, doc, err := s.shadowDocument(words)
	if errors.Is(err, errNoShadow) {
		return softError{err} // there is nothing to compare, which is no failure
	}
	if err != nil {
		return err
	}
	from, err := s.cluster()
	if err != nil {
		return err
	}
	live, err := from.Load()
	if err != nil {
		return err
	}
	s.printf("%s", s.difference(live, doc))
	return nil
}

// difference lists the objects that differ, as lines with - and +.
func (s *session) difference(before, after *cib.Document) string {
	quiet := func(string) {}
	old, now := newModel(before, s.agents, quiet), newModel(after, s.agents, quiet)
	var b strings.Builder
	put := func(mark string, m *model, e *cib.Element) {
		for line := range strings.Lines(m.text([]*cib.Element{e}, true)) {
			b.WriteString(mark + line)
		}
	}
	for _, e := range old.all() {
		other := now.same(e)
		if other == nil || skeleton(other).String() != skeleton(e).String() {
			put("-", old, e)
			if other != nil {
				put("+", now, other)
			}
		}
	}
	for _, e := range now.all() {
		if old.same(e) == nil {
			put("+", now, e)
		}
	}
	return b.String()
}

func (s *session) shadows() []string {
	paths, _ := filepath.Glob(filepath.Join(s.shadowDirectory(), "shadow.*"))
	var names []string
	for _, path := range paths {
		names = append(names, strings.TrimPrefix(filepath.Base(path), "shadow."))
	}
	return names
}

func completeShadows(s *session, _ []string) []string { return s.shadows() }

func listShadows(s *session, _ []word) error {
	for _, name := range s.shadows() {
		s.printf("%s\n", name)
	}
	return nil
}

func importShadow(s *session, words []word) error {
	if len(words) == 0 || len(words) > 2 {
		return usageError("expected a file")
	}
	text, err := s.readFrom(words[0].text)
	if err != nil {
		return err
	}
	doc, err := cib.Parse(words[0].text, []byte(text))
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(words[0].text), ".xml")
	if len(words) == 2 {
		name = words[1].text
	}
	path, err := s.shadowPath(name)
	if err != nil {
		return err
	}
	if err := writeShadow(path, doc); err != nil {
		return err
	}
	s.info("shadow copy %s is made of %s", name, words[0].text)
	return s.use(name)
}
