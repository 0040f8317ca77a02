package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manualSection is the one of commands for administrators.
const manualSection = "8"

// writeManuals writes the page of a command, and those of all below it. Cobra's own writer
// is not used: it brings a Markdown library that every start of this binary, and so
// every call of an agent, would pay for.
func writeManuals(command *cobra.Command, dir string) error {
	for _, sub := range command.Commands() {
		if sub.IsAvailableCommand() && !sub.IsAdditionalHelpTopicCommand() {
			if err := writeManuals(sub, dir); err != nil {
				return err
			}
		}
	}
	command.InitDefaultHelpCmd()
	command.InitDefaultHelpFlag()
	path := filepath.Join(dir, manualName(command)+"."+manualSection)
	if err := os.WriteFile(path, []byte(manual(command)), 0o644); err != nil {
		return fmt.Errorf("write manual pages: %w", err)
	}
	return nil
}

func manualName(command *cobra.Command) string {
	return strings.ReplaceAll(command.CommandPath(), " ", "-")
}

// manual is a command's page in the language of man(7).
func manual(command *cobra.Command) string {
	var b strings.Builder
	name := manualName(command)
	fmt.Fprintf(&b, ".nh\n.TH %q %q %q %q\n", strings.ToUpper(name), manualSection, "", "Holdfast "+version())
	section := func(title, text string) { fmt.Fprintf(&b, ".SH %s\n%s\n", title, text) }
	section("NAME", roff(name)+` \- `+roff(command.Short))
	section("SYNOPSIS", `\fB`+roff(command.UseLine())+`\fP`)
	description := command.Long
	if description == "" {
		description = command.Short
	}
	section("DESCRIPTION", roff(strings.ReplaceAll(description, "\n\n", "\n.PP\n")))
	options(&b, "OPTIONS", command.NonInheritedFlags())
	options(&b, "OPTIONS OF ALL ITS FAMILY", command.InheritedFlags())
	if command.Example != "" {
		section("EXAMPLES", ".EX\n"+roff(command.Example)+"\n.EE")
	}
	var also []string
	if command.HasParent() {
		also = append(also, manualName(command.Parent()))
	}
	for _, sub := range command.Commands() {
		if sub.IsAvailableCommand() && !sub.IsAdditionalHelpTopicCommand() {
			also = append(also, manualName(sub))
		}
	}
	for i, other := range also {
		also[i] = `\fB` + roff(other) + `\fP(` + manualSection + ")"
	}
	if len(also) > 0 {
		section("SEE ALSO", strings.Join(also, ",\n"))
	}
	return b.String()
}

// options lists flags.
func options(b *strings.Builder, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		word, usage := pflag.UnquoteUsage(f)
		b.WriteString(".TP\n")
		if f.Shorthand != "" {
			fmt.Fprintf(b, `\fB\-%s\fP, `, f.Shorthand)
		}
		fmt.Fprintf(b, `\fB\-\-%s\fP`, roff(f.Name))
		if word != "" {
			fmt.Fprintf(b, ` \fI%s\fP`, roff(word))
		}
		fmt.Fprintf(b, "\n%s", roff(usage))
		if d := f.DefValue; d != "" && d != "[]" && d != "false" && d != "0" && !strings.Contains(usage, "default") {
			fmt.Fprintf(b, " (default %s)", roff(d))
		}
		b.WriteString("\n")
	})
}

// roff takes from text what the formatter would read as its own.
func roff(text string) string {
	text = strings.ReplaceAll(text, `\`, `\e`)
	text = strings.ReplaceAll(text, "-", `\-`)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if (strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'")) && line != ".PP" {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
