package attribute

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

// CRMMaster is crm_master: crm_attribute --promotion for the agent that calls.
func CRMMaster(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	if os.Getenv("OCF_RESOURCE_INSTANCE") == "" && !hasResource(args) && !asksForHelp(args) {
		fmt.Fprintln(stderr, "crm_master: no resource: call it from a resource agent (OCF_RESOURCE_INSTANCE), or give --resource=ID")
		return exit.Error // as the script that it stands for
	}
	var rest []string
	promotion := "--promotion"
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case (arg == "-r" || arg == "--resource") && i+1 < len(args):
			i++
			promotion = "--promotion=" + args[i]
		case strings.HasPrefix(arg, "--resource="):
			promotion = "--promotion=" + strings.TrimPrefix(arg, "--resource=")
		default:
			rest = append(rest, arg)
		}
	}
	if line, err := option.Parse(attributeSpecsWithQuiet(), rest); err == nil && line.Get("lifetime") == "" {
		rest = append(rest, "--lifetime=forever") // agents that mean the score until the host leaves say so
	}
	return runAttribute("crm_master", append([]string{promotion}, rest...), stdout, stderr)
}

func hasResource(args []string) bool {
	for _, arg := range args {
		if arg == "-r" || strings.HasPrefix(arg, "--resource") {
			return true
		}
	}
	return false
}

func asksForHelp(args []string) bool {
	for _, arg := range args {
		switch arg {
		case "--help", "-?", "--version", "-$":
			return true
		}
	}
	return false
}

// CRMStandby is crm_standby: the host attribute "standby", on this host unless another is named.
func CRMStandby(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	line, err := option.Parse(attributeSpecsWithQuiet(), args)
	rest := append([]string{"--name=standby"}, args...)
	if err != nil && !asksForHelp(args) {
		fmt.Fprintf(stderr, "crm_standby: %v; 'crm_standby --help' lists the options\n", err)
		return exit.Error // as the script that it stands for
	}
	if err != nil || line.Get("lifetime") != "" {
		return runAttribute("crm_standby", rest, stdout, stderr)
	}
	for _, o := range []string{"update", "attr-value", "help", "version"} {
		if line.Has(o) {
			return runAttribute("crm_standby", append(rest, "--lifetime=forever"), stdout, stderr)
		}
	}
	return standbyOfAnyLifetime(line.Has("delete") || line.Has("delete-attr"), rest, stdout, stderr)
}

// standbyOfAnyLifetime deletes a host's standby, whatever its lifetime, or prints the one that lasts
// before the one that ends when the host leaves.
func standbyOfAnyLifetime(remove bool, args []string, stdout, stderr io.Writer) int {
	lasting, passing := append(slices.Clone(args), "--lifetime=forever"), append(slices.Clone(args), "--lifetime=reboot")
	if remove {
		runAttribute("crm_standby", lasting, stdout, stderr)
		runAttribute("crm_standby", passing, stdout, stderr)
		return exit.OK
	}
	if status := runAttribute("crm_standby", lasting, stdout, io.Discard); status == exit.OK {
		return status
	}
	return runAttribute("crm_standby", append(passing, "--default=off"), stdout, stderr)
}

func attributeSpecsWithQuiet() []option.Spec {
	return append(append([]option.Spec{}, attributeSpecs...), option.Spec{Long: "quiet", Short: 'q', Older: "Q"}, option.Spec{Long: "verbose", Short: 'V'})
}

// CRMFailcount is crm_failcount: how often a resource has failed on a host. Deleting is
// crm_resource --cleanup, which also forgets the failed operations.
func CRMFailcount(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	t := &tool{name: "crm_failcount", args: args, stdout: stdout, stderr: stderr}
	if status, ok := t.parse([]option.Spec{
		{Long: "query", Short: 'G', Help: "print the fail count"},
		{Long: "delete", Short: 'D', Help: "forget the fail count"},
		{Long: "update", Short: 'v', Arg: option.Required, Value: "0", Help: "the same as --delete, for old scripts"},
		{Long: "resource", Short: 'r', Arg: option.Required, Help: "the resource"},
		{Long: "operation", Short: 'n', Arg: option.Required, Help: "failures of this operation only"},
		{Long: "interval", Short: 'I', Arg: option.Required, Help: "and of this interval"},
		{Long: "node", Short: 'N', Older: "U", Arg: option.Required, Value: "HOST", Help: "on which host (default: this one)"},
	}, "show and forget how often a resource has failed", "crm_failcount --query --resource web --node alice"); !ok {
		return status
	}
	if t.line.Get("resource") == "" {
		return t.fail(fmt.Errorf("%w: --resource says which", exit.ErrUsage))
	}
	if !t.line.Has("query") && !t.forgets() {
		return t.fail(fmt.Errorf("%w: say what to do: --query or --delete", exit.ErrUsage))
	}
	if err := t.failcount(); err != nil {
		return t.fail(err)
	}
	return exit.OK
}

func (t *tool) failcount() error {
	if err := t.open(); err != nil {
		return err
	}
	name, id, unknown := t.host(t.line.Get("node"))
	if unknown != nil && t.line.Get("node") == "" {
		return fmt.Errorf("%w: this host is none of the cluster's; name one with --node", exit.ErrUsage)
	}
	if t.forgets() {
		if unknown != nil {
			return unknown
		}
		if resource := t.line.Get("resource"); t.doc.ByID(resource) == nil {
			return fmt.Errorf("resource %s: %w", resource, cib.ErrNotFound)
		}
	}
	prefix, err := t.failcountName()
	if err != nil {
		return err
	}
	if unknown != nil { // scripts read a count that is unknown
		fmt.Fprintf(t.stderr, "%s: %v\n", t.name, unknown)
		t.count(prefix, "")
		return nil
	}
	r := request{place: hostPlace(name, id, true, false)}
	counts := slices.DeleteFunc(r.find(t.doc, selector{}), func(pair *cib.Element) bool {
		found := pair.Get("name")
		return found != prefix && !strings.HasPrefix(found, prefix+"#")
	})
	if !t.forgets() {
		t.count(prefix, sum(counts))
		return nil
	}
	for _, pair := range counts {
		r.name = pair.Get("name")
		if err := t.remove(r); err != nil {
			return err
		}
	}
	return nil
}

// failcountName is the name of the attribute that counts, or what the names begin with that count each operation's failures.
func (t *tool) failcountName() (string, error) {
	name := "fail-count-" + t.line.Get("resource")
	operation := t.line.Get("operation")
	if operation == "" {
		return name, nil
	}
	interval, ok := metadata.Duration(cmp.Or(t.line.Get("interval"), "0"))
	if !ok {
		return "", fmt.Errorf("%w: --interval=%s: expected a time such as 10s", exit.ErrUsage, t.line.Get("interval"))
	}
	return name + "#" + operation + "_" + strconv.FormatInt(interval.Milliseconds(), 10), nil
}

// sum adds fail counts up, INFINITY from a million on.
func sum(counts []*cib.Element) string {
	total := 0
	for _, pair := range counts {
		n, err := strconv.Atoi(pair.Get("value"))
		if err != nil {
			return "INFINITY"
		}
		total += n
	}
	if total >= 1000000 {
		return "INFINITY"
	}
	return strconv.Itoa(total)
}

// forgets reports whether the call is to forget failures.
func (t *tool) forgets() bool { return t.line.Has("delete") || t.line.Get("update") == "0" }

// count prints a fail count.
func (t *tool) count(name, value string) {
	if t.line.Has("quiet") {
		fmt.Fprintln(t.stdout, value)
		return
	}
	fmt.Fprintf(t.stdout, "scope=status  name=%s value=%s\n", name, value)
}
