// Package output is the option -o of commands that print data: text for people, json for programs. It starts no goroutine.
package output

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/spf13/pflag"
)

// Format is how a command prints. The zero value is text.
type Format struct{ json bool }

// Add gives a command the option. help says more than "text or json"; "" is enough for most.
func Add(flags *pflag.FlagSet, format *Format, help string) {
	if help == "" {
		help = "text or json"
	}
	flags.VarP(format, "output", "o", help)
}

// JSON says whether programs read the output.
func (f *Format) JSON() bool { return f.json }

// Print writes data as an indented JSON document, or has text write it.
func (f *Format) Print(w io.Writer, data any, text func(w io.Writer) error) error {
	if !f.json {
		return text(w)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(data)
}

// Set is pflag's: the word after -o.
func (f *Format) Set(word string) error {
	if word != "text" && word != "json" {
		return errors.New("expected text or json")
	}
	f.json = word == "json"
	return nil
}

// String is pflag's: the word that Set takes.
func (f *Format) String() string {
	if f.json {
		return "json"
	}
	return "text"
}

// Type is pflag's: what help calls the word.
func (f *Format) Type() string { return "string" }
