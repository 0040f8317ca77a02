package witness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cluster/messaging/config"
	"holdfast/cluster/messaging/device"
	"holdfast/cluster/messaging/witness/serve"
	"holdfast/cluster/node/client"
)

// enrolLimit is how long fetching and spreading a certificate may take.
const enrolLimit = 30 * time.Second

func enrolCommand(f *flags) *cobra.Command {
	var port uint16
	var cluster string
	cmd := &cobra.Command{
		Use:   "enrol WITNESS INVITATION",
		Short: "fetch this cluster's certificate from a witness, and give it to all its hosts",
		Long: "Asks the witness for the cluster's certificate, with an invitation that 'holdfast witness --setup CLUSTER'\n" +
			"printed there, and gives it to all hosts of the cluster that are up. It only believes the witness that made the\n" +
			"invitation. Without a running daemon the files are written on this host; copy them to the others:\n" +
			"ca.crt, node.crt and node.key below /etc/holdfast/qdevice.",
		Example: "  holdfast witness enrol w.example.org 3f…-9c…",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.root = client.Root(f.root)
			ctx, cancel := context.WithTimeout(cmd.Context(), enrolLimit)
			defer cancel()
			name, err := clusterName(f.root, cluster)
			if err != nil {
				return err
			}
			c, err := serve.Enrol(ctx, args[0], port, args[1], name)
			if err != nil {
				return err
			}
			hosts, err := spread(ctx, f.root, c)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Certificate of cluster %s is on %s. Now:\n  pcs quorum device add model net host=%s algorithm=ffsplit\n", name, hosts, args[0])
			return nil
		},
	}
	cmd.Flags().Uint16Var(&port, "port", device.DefaultPort, "the witness' `PORT`")
	cmd.Flags().StringVar(&cluster, "cluster", "", "`NAME` of the cluster, where there is no configuration")
	return cmd
}

// clusterName is the name that the configuration gives.
func clusterName(root, given string) (string, error) {
	if given != "" {
		return given, nil
	}
	path, err := config.Find(root)
	if err != nil {
		return "", err
	}
	file, err := config.Load(path)
	if err != nil {
		return "", err
	}
	if file.Cluster == "" {
		return "", fmt.Errorf("%s has no totem.cluster_name; a witness knows clusters by it", path)
	}
	return file.Cluster, nil
}

// spread gives the certificate to all hosts through the daemon, or writes it here without one.
func spread(ctx context.Context, root string, c serve.Certificate) (string, error) {
	files := map[string][]byte{device.AuthorityFile: c.Authority, device.CertificateFile: c.Certificate, device.KeyFile: c.Key}
	daemon := client.New(root)
	defer daemon.Close()
	if daemon.Running() {
		hosts, err := daemon.SpreadDeviceFiles(ctx, files)
		if err == nil {
			return fmt.Sprint(hosts), nil
		}
		if !errors.Is(err, client.ErrNoDaemon) && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	if err := device.WriteFiles(filepath.Join(root, device.Certificates), files); err != nil {
		return "", err
	}
	name, err := os.Hostname()
	return "[" + name + "]", err
}
