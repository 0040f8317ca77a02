// Package quorumdisk is `holdfast quorum-disk`: a disk that all hosts share is made the cluster's tie breaker, and
// looked at. It starts no goroutine.
package quorumdisk

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"holdfast/cluster/messaging/device"
	"holdfast/cluster/messaging/quorumdisk"
)

// Commands are the commands of this package.
var Commands = []func() *cobra.Command{command}

func command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quorum-disk",
		Short: "a shared disk that decides which side of a divided cluster goes on",
		Long: "Makes a disk, or a partition of 1 MiB, that all hosts see the cluster's quorum disk, and shows who has its vote.\n" +
			"Name it by a path that is the same on all hosts (/dev/disk/by-id/…). Then, on one host of the cluster:\n" +
			"pcs quorum device add model disk path=DISK",
		Example: "  holdfast quorum-disk create /dev/disk/by-id/scsi-36001405-part1\n" +
			"  pcs quorum device add model disk path=/dev/disk/by-id/scsi-36001405-part1\n" +
			"  holdfast quorum-disk show /dev/disk/by-id/scsi-36001405-part1",
	}
	cmd.AddCommand(createCommand(), showCommand())
	return cmd
}

func createCommand() *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use: "create DISK", Short: "make a disk a quorum disk", Args: cobra.ExactArgs(1),
		Example: "  holdfast quorum-disk create /dev/disk/by-id/scsi-36001405-part1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := device.CreateDisk(args[0], force); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is a quorum disk. On one host of the cluster:\n  pcs quorum device add model disk path=%[1]s\n", args[0])
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "overwrite what is on it")
	return cmd
}

// shown is what show prints of a disk.
type shown struct {
	ID    string      `json:"id"`
	Hosts []shownHost `json:"hosts"`
}

type shownHost struct {
	Node       uint32 `json:"node"`
	Claims     bool   `json:"claims"` // it holds the vote, or did when it was there last
	Counter    uint64 `json:"counter"`
	Ring       string `json:"ring"`
	Heuristics string `json:"heuristics"`
}

func showCommand() *cobra.Command {
	output := "text"
	cmd := &cobra.Command{
		Use: "show DISK", Short: "list the hosts that write to a quorum disk", Args: cobra.ExactArgs(1),
		Long: "Lists what each host wrote last. A host that is there raises its counter some times a second; so a host whose counter\n" +
			"stays the same is gone, whatever it claims.",
		Example: "  holdfast quorum-disk show /dev/disk/by-id/scsi-36001405-part1 -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			header, blocks, err := device.ReadDisk(args[0])
			if err != nil {
				return err
			}
			s := shown{ID: fmt.Sprintf("%x", header.ID), Hosts: []shownHost{}}
			for _, k := range blocks {
				s.Hosts = append(s.Hosts, shownHost{k.Host, k.Claim != quorumdisk.Ballot{}, k.Counter, fmt.Sprintf("%x", k.Ring), k.Heuristics.String()})
			}
			switch output {
			case "json":
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(s)
			case "text":
				s.print(cmd.OutOrStdout())
				return nil
			}
			return fmt.Errorf("-o %s: text or json was expected", output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", output, "text or json")
	return cmd
}

func (s *shown) print(w io.Writer) {
	fmt.Fprintf(w, "Disk %s\n", s.ID)
	for _, h := range s.Hosts {
		claim := ""
		if h.Claims {
			claim = "  claims the vote"
		}
		fmt.Fprintf(w, "node %d: counter %d, partition %s, heuristics %s%s\n", h.Node, h.Counter, h.Ring, h.Heuristics, claim)
	}
}
