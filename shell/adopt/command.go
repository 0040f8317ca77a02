package adopt

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"holdfast/atomicfile"
	"holdfast/output"
)

// Commands makes `holdfast import`.
var Commands = []func() *cobra.Command{command}

func command() *cobra.Command {
	var into string
	var repair, force bool
	var format output.Format
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "read the configuration of another cluster stack",
		Long: "Reads corosync.conf, a CIB of any age, configurations for crm, scripts of crm and pcs commands, and Heartbeat's ha.cf, haresources\n" +
			"and authkeys, and says what it understood, what the cluster would do with it, what is left to do, and what it could not carry\n" +
			"over. With --into it writes cib.xml and corosync.conf to a directory; nothing else is changed. Scripts are read, not run: their\n" +
			"variables, loops over words and here-documents are understood, and what only a running shell knows is named.\n\n" +
			"Exit status: 0, also where something could not be carried over (-o json lists it as not_carried_over), and 1 when a file could not\n" +
			"be read.",
		Example: "  holdfast import /etc/corosync/corosync.conf /var/lib/pacemaker/cib/cib.xml --into /etc/holdfast/new\n" +
			"  holdfast import ha.cf haresources authkeys\n  holdfast import cib.xml --repair   a document with broken tags\n  holdfast import setup.sh -o json",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := readFiles(args, repair)
			if err != nil {
				return err
			}
			var written []string
			if into != "" {
				if written, err = r.store(into, force); err != nil {
					return err
				}
			}
			return format.Print(cmd.OutOrStdout(), r.report(written), func(w io.Writer) error { return r.write(w, written) })
		},
	}
	output.Add(cmd.Flags(), &format, "")
	cmd.Flags().StringVar(&into, "into", "", "write cib.xml and corosync.conf to this directory")
	cmd.Flags().BoolVar(&repair, "repair", false, "mend broken XML, and say how")
	cmd.Flags().BoolVar(&force, "force", false, "with --into: replace files that are there")
	return cmd
}

// readFiles imports files together.
func readFiles(paths []string, repair bool) (*Result, error) {
	work, err := os.MkdirTemp("", "holdfast-import-")
	if err != nil {
		return nil, fmt.Errorf("make a directory to work in: %w", err)
	}
	defer os.RemoveAll(work)
	r := &Result{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read what is to be imported: %w", err)
		}
		if err := r.Read(path, string(text), Options{Repair: repair, Work: work}); err != nil {
			return nil, err
		}
	}
	return r, r.Finish()
}

// report is the result as -o json prints it.
type report struct {
	Mended     []string `json:"mended"`
	Understood []string `json:"understood"`
	Would      []string `json:"would_do"`
	Lost       []string `json:"not_carried_over"`
	Steps      []string `json:"left_to_do"`
	Written    []string `json:"written"` // files
}

func (r *Result) report(written []string) report {
	list := func(lines []string) []string { return append([]string{}, lines...) } // never null
	return report{list(r.Repairs), list(r.Understood), list(r.Would), list(r.Lost), list(r.Steps), list(written)}
}

func (r *Result) write(w io.Writer, written []string) error {
	for _, part := range []struct {
		title string
		lines []string
	}{{"Mended", r.Repairs}, {"Understood", r.Understood}, {"With all hosts up, the cluster would", r.Would}, {"Not carried over", r.Lost}, {"Left to do", r.Steps}, {"Wrote", written}} {
		if len(part.lines) == 0 {
			continue
		}
		fmt.Fprintf(w, "%s:\n", part.title)
		for _, line := range part.lines {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
	return nil
}

// store writes the result's files and names them; those that are there stay, unless forced.
func (r *Result) store(dir string, force bool) (written []string, err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make %s: %w", dir, err)
	}
	files := map[string]string{}
	if r.Document != nil {
		files["cib.xml"] = string(r.Document.Bytes())
	}
	if r.Corosync != "" {
		files["corosync.conf"] = r.Corosync
	}
	names := []string{"cib.xml", "corosync.conf"}
	for _, name := range names {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil && files[name] != "" && !force {
			return nil, fmt.Errorf("%s exists; --force replaces it", path)
		}
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		if files[name] == "" {
			continue
		}
		if err := atomicfile.Write(path, []byte(files[name]), 0o600); err != nil {
			return written, fmt.Errorf("write the result: %w", err)
		}
		written = append(written, path)
	}
	return written, nil
}
