package crm

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed templates
var templateFiles embed.FS

// templateLevel holds the commands on configurations that are made from prepared ones. A
// template has comment lines, lines "param NAME DEFAULT|required ABOUT", and commands in
// which %NAME stands for a parameter; %id is the name of the configuration.
func templateLevel() *level {
	return &level{name: "template", summary: "configurations made from prepared ones", commands: []*command{
		{name: "list", summary: "the templates and the configurations made of them", run: listTemplates},
		{name: "new", usage: "NAME TEMPLATE [params NAME=VALUE…]", summary: "make a configuration from a template",
			example: "new web-ip virtual-ip params ip=10.0.0.1", run: newFromTemplate},
		{name: "show", usage: "NAME|TEMPLATE", summary: "print a configuration, or a template", run: showTemplate},
		{name: "edit", usage: "NAME", summary: "change a configuration in an editor", run: editTemplate},
		{name: "delete", usage: "NAME", summary: "delete a configuration", run: deleteTemplate},
		{name: "load", usage: "NAME", summary: "use a configuration: edit, show, apply and delete without a name are about it", run: useTemplate},
		{name: "apply", usage: "[update|replace] NAME", summary: "put a configuration into the cluster's", example: "apply web-ip", run: applyTemplate},
	}}
}

// templateDirectory is where configurations made from templates are kept.
func (s *session) templateDirectory() (string, error) {
	if s.options.path == "" {
		return "", errors.New("template: HOME is not set, so there is no place for configurations")
	}
	return filepath.Join(filepath.Dir(s.options.path), "crmconf"), nil
}

func (s *session) madePath(name string) (string, error) {
	if !validID(name) {
		return "", usageError(fmt.Sprintf("expected the name of a configuration, not %q", name))
	}
	dir, err := s.templateDirectory()
	return filepath.Join(dir, name), err
}

func listTemplates(s *session, _ []word) error {
	entries, err := templateFiles.ReadDir("templates")
	if err != nil {
		return err
	}
	s.printf("Templates:\n")
	for _, e := range entries {
		s.printf("  %s\n", e.Name())
	}
	dir, err := s.templateDirectory()
	if err != nil {
		return err
	}
	made, err := os.ReadDir(dir)
	if err == nil && len(made) > 0 {
		s.printf("Configurations:\n")
		for _, e := range made {
			s.printf("  %s\n", e.Name())
		}
	}
	return nil
}

func templateText(name string) (string, error) {
	text, err := templateFiles.ReadFile("templates/" + name)
	if err != nil {
		return "", fmt.Errorf("there is no template %s; 'list' lists them", name)
	}
	return string(text), nil
}

func newFromTemplate(s *session, words []word) error {
	texts := textsOf(words)
	if len(texts) < 2 {
		return usageError("expected a name and a template")
	}
	path, err := s.madePath(texts[0])
	if err != nil {
		return err
	}
	template, err := templateText(texts[1])
	if err != nil {
		return err
	}
	given := map[string]string{"id": texts[0]}
	for _, text := range slices.DeleteFunc(texts[2:], func(t string) bool { return t == "params" }) {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return usageError(fmt.Sprintf("expected NAME=VALUE, not %q", text))
		}
		given[name] = value
	}
	made, err := fillTemplate(template, given)
	if err != nil {
		return fmt.Errorf("template %s: %w", texts[1], err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("template: %w", err)
	}
	if err := os.WriteFile(path, []byte(made), 0o644); err != nil {
		return fmt.Errorf("template: %w", err)
	}
	return nil
}

// fillTemplate puts parameters into a template.
func fillTemplate(template string, given map[string]string) (string, error) {
	known := map[string]string{"id": given["id"]}
	var commands []string
	for line := range strings.Lines(template) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || strings.HasPrefix(line, "#"):
		case fields[0] == "param" && len(fields) > 2:
			value, ok := given[fields[1]]
			if !ok && fields[2] == "required" {
				return "", fmt.Errorf("parameter %s is required: %s", fields[1], strings.Join(fields[3:], " "))
			}
			if !ok {
				value = fields[2]
			}
			known[fields[1]] = quote(value)
		default:
			commands = append(commands, line)
		}
	}
	for name := range given {
		if _, ok := known[name]; !ok {
			return "", fmt.Errorf("there is no parameter %s", name)
		}
	}
	text := strings.Join(commands, "")
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) }) // %ip must not eat %ipv6
	for _, name := range names {
		text = strings.ReplaceAll(text, "%"+name, known[name])
	}
	return text, nil
}

// useTemplate chooses the configuration that commands without a name are about.
func useTemplate(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected a configuration")
	}
	if _, err := s.madeText(words[0].text); err != nil {
		return err
	}
	s.made = words[0].text
	return nil
}

// orChosen are the words, or the configuration that was chosen when there are none.
func (s *session) orChosen(words []word) []word {
	if len(words) == 0 && s.made != "" {
		return wordsOf([]string{s.made})
	}
	return words
}

func (s *session) madeText(name string) (string, error) {
	path, err := s.madePath(name)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("there is no configuration %s; 'list' lists them", name)
	}
	return string(text), nil
}

func showTemplate(s *session, words []word) error {
	words = s.orChosen(words)
	if len(words) != 1 {
		return usageError("expected a configuration or a template")
	}
	text, err := s.madeText(words[0].text)
	if err != nil {
		if text, err = templateText(words[0].text); err != nil {
			return err
		}
	}
	s.printf("%s", text)
	return nil
}

func editTemplate(s *session, words []word) error {
	words = s.orChosen(words)
	if len(words) != 1 {
		return usageError("expected a configuration")
	}
	text, err := s.madeText(words[0].text)
	if err != nil {
		return err
	}
	after, err := s.edited(text)
	if err != nil {
		return err
	}
	path, err := s.madePath(words[0].text)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(after), 0o644); err != nil {
		return fmt.Errorf("template: %w", err)
	}
	return nil
}

func deleteTemplate(s *session, words []word) error {
	words = s.orChosen(words)
	if len(words) != 1 {
		return usageError("expected a configuration")
	}
	path, err := s.madePath(words[0].text)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("template: %w", err)
	}
	return nil
}

func applyTemplate(s *session, words []word) error {
	texts := textsOf(s.orChosen(words))
	method := loadUpdate
	if len(texts) == 2 {
		switch texts[0] {
		case "update":
		case "replace":
			method = loadReplace
		default:
			return usageError(fmt.Sprintf("expected update or replace, not %q", texts[0]))
		}
		texts = texts[1:]
	}
	if len(texts) != 1 {
		return usageError("expected a configuration")
	}
	text, err := s.madeText(texts[0])
	if err != nil {
		return err
	}
	m, err := s.configuration()
	if err != nil {
		return err
	}
	return m.load(texts[0], text, method, nil)
}
