package adopt

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// Commands makes `holdfast import`.
var Commands = []func() *cobra.Command{command}

func command() *cobra.Command {
	var into string
	var repair, force bool
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "read the configuration of another cluster stack",
		Long: "Reads corosync.conf, a CIB of any age, scripts for crm and pcs, and Heartbeat's ha.cf, haresources and authkeys, and says what it\n" +
			"understood, what is left to do, and what it could not carry over. With --into it writes cib.xml and corosync.conf to a\n" +
			"directory; nothing else is changed.",
		Example: "  holdfast import /etc/corosync/corosync.conf /var/lib/pacemaker/cib/cib.xml --into /etc/holdfast/new\n" +
			"  holdfast import ha.cf haresources authkeys\n  holdfast import cib.xml --repair   a document with broken tags",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			work, err := os.MkdirTemp("", "holdfast-import-")
			if err != nil {
				return fmt.Errorf("make a directory to work in: %w", err)
			}
			defer os.RemoveAll(work)
			r := &Result{}
			for _, path := range args {
				text, err := os.ReadFile(path)
				if err != nil {
					return fmt.Errorf("read what is to be imported: %w", err)
				}
				if err := r.Read(path, string(text), Options{Repair: repair, Work: work}); err != nil {
					return err
				}
			}
			r.Finish()
			r.write(cmd.OutOrStdout())
			if into == "" {
				return nil
			}
			return r.store(into, force, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&into, "into", "", "write cib.xml and corosync.conf to this directory")
	cmd.Flags().BoolVar(&repair, "repair", false, "mend broken XML, and say how")
	cmd.Flags().BoolVar(&force, "force", false, "with --into: replace files that are there")
	return cmd
}

func (r *Result) write(w io.Writer) {
	for _, part := range []struct {
		title string
		lines []string
	}{{"Mended", r.Repairs}, {"Understood", r.Understood}, {"Not carried over", r.Lost}, {"Left to do", r.Steps}} {
		if len(part.lines) == 0 {
			continue
		}
		fmt.Fprintf(w, "%s:\n", part.title)
		for _, line := range part.lines {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
}

// store writes the result's files; those that are there stay, unless forced.
func (r *Result) store(dir string, force bool, w io.Writer) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	files := map[string]string{}
	if r.Document != nil {
		files["cib.xml"] = string(r.Document.Bytes())
	}
	if r.Corosync != "" {
		files["corosync.conf"] = r.Corosync
	}
	for _, name := range []string{"cib.xml", "corosync.conf"} {
		text, ok := files[name]
		if !ok {
			continue
		}
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil && !force {
			return fmt.Errorf("%s exists; --force replaces it", path)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		fmt.Fprintf(w, "Wrote %s\n", path)
	}
	return nil
}
