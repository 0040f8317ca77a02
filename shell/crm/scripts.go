package crm

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed scripts
var scriptFiles embed.FS

// scriptLevel holds the commands on scripts: procedures with parameters that end in configuration. A script is
// a file as a template is (templates.go), with a line "category NAME" and "about TEXT" at its head; those of
// the user are in ~/.config/crm/scripts and win over ours. crmsh's own scripts, programs that
// work over ssh, are not run.
func scriptLevel() *level {
	return &level{name: "script", summary: "prepared procedures with parameters", leave: leaveConfigure, commands: []*command{
		{name: "list", usage: "[all] [names]", summary: "the scripts, by what they are for", run: listScripts},
		{name: "show", usage: "SCRIPT [all]", summary: "what a script does, and its parameters", example: "show virtual-ip", run: showScript, words: completeScripts},
		{name: "verify", usage: "SCRIPT [NAME=VALUE…]", summary: "check parameters, and print what run would do", example: "verify virtual-ip id=web-ip ip=10.0.0.1", run: verifyScript, words: completeScripts},
		{name: "run", usage: "SCRIPT [NAME=VALUE…] [dry_run=yes]", summary: "do what a script says, in one change", example: "run virtual-ip id=web-ip ip=10.0.0.1", run: runScript, words: completeScripts},
		{name: "json", usage: "'[\"list\"]' | '[\"show\", SCRIPT]' | '[\"verify\"|\"run\", SCRIPT, {VALUES}]'", summary: "the same for programs: JSON in, lines of JSON out", run: scriptJSON},
	}}
}

// script is one prepared procedure.
type script struct {
	name, category, about string
	parameters            []scriptParameter
	text                  string // as a template: param lines and commands
}

type scriptParameter struct {
	name, value, about string // value is the default
	required           bool
}

func parseScript(name, text string) *script {
	sc := &script{name: name, category: "Other"}
	var rest []string
	for line := range strings.Lines(text) {
		word, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case word == "category":
			sc.category = value
		case word == "about":
			sc.about = value
		case word == "param":
			if fields := strings.Fields(value); len(fields) > 1 {
				p := scriptParameter{name: fields[0], value: fields[1], about: strings.Join(fields[2:], " ")}
				if p.required = p.value == "required"; p.required {
					p.value = ""
				}
				sc.parameters = append(sc.parameters, p)
			}
			rest = append(rest, line)
		default:
			rest = append(rest, line)
		}
	}
	sc.text = strings.Join(rest, "")
	return sc
}

// userScripts is the directory of the user's own scripts; "" without a home.
func (s *session) userScripts() string {
	if s.options.path == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(s.options.path), "scripts")
}

// scripts reads all scripts, by name.
func (s *session) scripts() ([]*script, error) {
	found := map[string]*script{}
	entries, err := scriptFiles.ReadDir("scripts")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := scriptFiles.ReadFile("scripts/" + e.Name())
		if err != nil {
			return nil, err
		}
		found[e.Name()] = parseScript(e.Name(), string(text))
	}
	if dir := s.userScripts(); dir != "" {
		own, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("read your scripts: %w", err)
		}
		for _, e := range own {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil || !e.Type().IsRegular() {
				continue
			}
			found[e.Name()] = parseScript(e.Name(), string(text))
		}
	}
	var out []*script
	for _, name := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[name])
	}
	return out, nil
}

func (s *session) scriptNamed(name string) (*script, error) {
	all, err := s.scripts()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, sc := range all {
		if sc.name == name {
			return sc, nil
		}
		names = append(names, sc.name)
	}
	return nil, fmt.Errorf("there is no script %s; scripts are %s", name, strings.Join(names, ", "))
}

func completeScripts(s *session, _ []string) []string {
	all, _ := s.scripts()
	var names []string
	for _, sc := range all {
		names = append(names, sc.name)
	}
	return names
}

func listScripts(s *session, words []word) error {
	all, err := s.scripts()
	if err != nil {
		return err
	}
	if slices.Contains(textsOf(words), "names") {
		for _, sc := range all {
			s.printf("%s\n", sc.name)
		}
		return nil
	}
	categories := map[string][]*script{}
	for _, sc := range all {
		categories[sc.category] = append(categories[sc.category], sc)
	}
	for _, category := range slices.Sorted(maps.Keys(categories)) {
		s.printf("%s:\n\n", category)
		for _, sc := range categories[category] {
			s.printf("%-16s %s\n", sc.name, sc.about)
		}
		s.printf("\n")
	}
	return nil
}

func showScript(s *session, words []word) error {
	if len(words) == 0 || len(words) > 2 {
		return usageError("expected a script")
	}
	sc, err := s.scriptNamed(words[0].text)
	if err != nil {
		return err
	}
	s.printf("%s (%s)\n%s\n\nParameters:\n\n  id (required)\n      the name of what is made\n", sc.name, sc.category, sc.about)
	for _, p := range sc.parameters {
		mark := ""
		if p.required {
			mark = " (required)"
		} else if p.value != "" {
			mark = " [" + p.value + "]"
		}
		s.printf("  %s%s\n      %s\n", p.name, mark, p.about)
	}
	return nil
}

// filled is the script's commands with values put in. Options of run are taken out of the values.
func (sc *script) filled(values map[string]string) (text string, dry bool, err error) {
	given := map[string]string{}
	for name, value := range values {
		switch name {
		case "dry_run":
			dry = value == "yes" || value == "true"
		case "nodes", "action":
		default:
			given[strings.TrimPrefix(name, sc.name+":")] = value
		}
	}
	if given["id"] == "" {
		return "", dry, fmt.Errorf("script %s: parameter id is required: the name of what is made", sc.name)
	}
	if !validID(given["id"]) {
		return "", dry, fmt.Errorf("script %s: id=%s: a name of letters, digits, '-' and '_' was expected", sc.name, given["id"])
	}
	if text, err = fillTemplate(sc.text, given); err != nil {
		err = fmt.Errorf("script %s: %w; 'show %[1]s' lists the parameters", sc.name, err)
	}
	return text, dry, err
}

// scriptWords reads SCRIPT NAME=VALUE….
func (s *session) scriptWords(words []word) (*script, map[string]string, error) {
	if len(words) == 0 {
		return nil, nil, usageError("expected a script")
	}
	sc, err := s.scriptNamed(words[0].text)
	if err != nil {
		return nil, nil, err
	}
	values := map[string]string{}
	for _, text := range textsOf(words[1:]) {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, nil, usageError(fmt.Sprintf("expected NAME=VALUE, not %q", text))
		}
		values[name] = value
	}
	return sc, values, nil
}

func verifyScript(s *session, words []word) error {
	sc, values, err := s.scriptWords(words)
	if err != nil {
		return err
	}
	text, _, err := sc.filled(values)
	if err != nil {
		return err
	}
	s.printf("1. Configure cluster resources\n\n")
	for line := range strings.Lines(text) {
		s.printf("\t%s", line)
	}
	return nil
}

func runScript(s *session, words []word) error {
	sc, values, err := s.scriptWords(words)
	if err != nil {
		return err
	}
	if err := s.apply(sc, values); err != nil {
		return err
	}
	s.printf("INFO: %s\nINFO: Nodes: local\nOK: Configure cluster resources\n", sc.about)
	return nil
}

// apply puts what the script makes into the configuration, which is committed when the level is left.
func (s *session) apply(sc *script, values map[string]string) error {
	text, dry, err := sc.filled(values)
	if err != nil {
		return err
	}
	m, err := s.configuration()
	if err != nil {
		return err
	}
	if err := m.load("script "+sc.name, text, loadUpdate, nil); err != nil {
		return err
	}
	if dry {
		s.model = nil // nothing is kept
	}
	return nil
}

func scriptJSON(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected one JSON array")
	}
	var call []json.RawMessage
	var verb, name string
	if err := json.Unmarshal([]byte(words[0].text), &call); err != nil || len(call) == 0 || json.Unmarshal(call[0], &verb) != nil {
		return usageError(`expected a JSON array such as ["show", "virtual-ip"]`)
	}
	if verb == "list" {
		return s.listJSON()
	}
	if len(call) < 2 || json.Unmarshal(call[1], &name) != nil || !slices.Contains([]string{"show", "verify", "run"}, verb) {
		return usageError(`expected ["list"], ["show", SCRIPT], ["verify", SCRIPT, VALUES] or ["run", SCRIPT, VALUES]`)
	}
	sc, err := s.scriptNamed(name)
	if err != nil {
		return s.jsonLine(map[string]any{"error": err.Error()})
	}
	values := map[string]string{}
	if len(call) > 2 {
		var given map[string]any
		if err := json.Unmarshal(call[2], &given); err != nil {
			return usageError("the values are no JSON object: " + err.Error())
		}
		innerValues(given, values)
	}
	switch verb {
	case "show":
		return s.jsonLine(sc.described())
	case "verify":
		text, _, err := sc.filled(values)
		if err != nil {
			return s.jsonLine(map[string]any{"error": err.Error()})
		}
		return s.jsonLine(map[string]any{"shortdesc": "Configure cluster resources", "longdesc": "", "text": text, "nodes": ""})
	}
	if err := s.apply(sc, values); err != nil {
		return s.jsonLine(map[string]any{"shortdesc": "Configure cluster resources", "rc": false, "error": err.Error()})
	}
	return s.jsonLine(map[string]any{"shortdesc": "Configure cluster resources", "rc": true, "output": ""})
}

// innerValues takes the values of inner objects, too: {"virtual-ip":{"ip":"10.0.0.1"}} is ip=10.0.0.1.
func innerValues(given map[string]any, into map[string]string) {
	for name, value := range given {
		if inner, ok := value.(map[string]any); ok {
			innerValues(inner, into)
			continue
		}
		into[name] = fmt.Sprint(value)
	}
}

func (s *session) listJSON() error {
	all, err := s.scripts()
	if err != nil {
		return err
	}
	for _, sc := range all {
		if err := s.printJSON(map[string]any{"name": sc.name, "shortdesc": sc.about, "category": strings.ToLower(sc.category)}); err != nil {
			return err
		}
	}
	s.printf("\"end\"\n")
	return nil
}

func (sc *script) described() map[string]any {
	parameters := []map[string]any{{"name": "id", "shortdesc": "the name of what is made", "required": true, "type": "resource"}}
	for _, p := range sc.parameters {
		parameters = append(parameters, map[string]any{"name": p.name, "shortdesc": p.about, "required": p.required, "value": p.value})
	}
	return map[string]any{"name": sc.name, "shortdesc": sc.about, "longdesc": sc.about, "category": strings.ToLower(sc.category),
		"steps": []map[string]any{{"name": sc.name, "required": true, "parameters": parameters, "steps": []any{}}}}
}

func (s *session) printJSON(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	s.printf("%s\n", text)
	return nil
}

// jsonLine prints the one result of a call, and that nothing follows.
func (s *session) jsonLine(value any) error {
	err := s.printJSON(value)
	s.printf("\"end\"\n")
	return err
}
