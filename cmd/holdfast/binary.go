package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"holdfast/agents"
)

// binaryCommands are the commands about the binary itself.
var binaryCommands = []func() *cobra.Command{linkCommand, manCommand, versionCommand}

func linkCommand() *cobra.Command {
	var agentDir string
	var replace bool
	var keep []string
	command := &cobra.Command{
		Use:   "link DIR",
		Short: "make links to this binary under the names of the programs it stands in for",
		Long: "Makes a symbolic link in DIR for every program that Holdfast stands in for. A link that\n" +
			"is there already is made anew; any other file of that name is left alone and reported.\n" +
			"With --agents it also makes links for Holdfast's own resource agents.",
		Example: "  holdfast link /usr/local/sbin\n" +
			"  holdfast link /usr/local/sbin --agents " + agents.Directory + "\n" +
			"  holdfast link /usr/local/sbin --keep haproxy,ipvsadm",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this binary: %w", err)
			}
			if agentDir != "" {
				if err := link(self, agentDir, agents.Names(), replace); err != nil {
					return err
				}
			}
			names := slices.DeleteFunc(slices.Sorted(maps.Keys(tools)), func(name string) bool { return slices.Contains(keep, name) })
			return link(self, args[0], names, replace)
		},
	}
	command.Flags().StringVar(&agentDir, "agents", "", "also make links for the resource agents, in this directory")
	command.Flags().BoolVar(&replace, "replace", false, "replace files that are not links: for hosts that are thrown away")
	command.Flags().StringSliceVar(&keep, "keep", nil, "programs of others that keep their names")
	return command
}

// link makes the links; what is in the way and not a link stays, unless it is to be
// replaced, and is the error.
func link(binary, dir string, names []string, replace bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make links in %s: %w", dir, err)
	}
	var taken []string
	for _, name := range names {
		path := filepath.Join(dir, name)
		if info, err := os.Lstat(path); err == nil {
			if info.Mode()&os.ModeSymlink == 0 && !replace {
				taken = append(taken, name)
				continue
			}
			if err := os.Remove(path); err != nil {
				return fmt.Errorf("replace %s by a link: %w", path, err)
			}
		}
		if err := os.Symlink(binary, path); err != nil {
			return fmt.Errorf("make link: %w", err)
		}
	}
	if len(taken) > 0 {
		return fmt.Errorf("make links in %s: these are files of something else and were left alone: %v; choose another directory or remove them", dir, taken)
	}
	return nil
}

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "write the manual pages of all commands",
		Example: "  holdfast man /usr/local/share/man/man8",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("write manual pages: %w", err)
			}
			return writeManuals(cmd.Root(), args[0])
		},
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version of this binary",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "holdfast %s\n", version())
		},
	}
}

// version is the release as stamped by the build, or the revision it was built from.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				return setting.Value
			}
		}
	}
	return "unreleased"
}

// release is set by the linker: -X main.release=1.0.
var release string
