package witness

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"holdfast/cluster/messaging/device"
	"holdfast/cluster/messaging/witness/serve"
	"holdfast/cluster/node/client"
)

// pendingKey is the key of a request that was not signed yet, beside the files of a connection.
const pendingKey = "request.key"

func requestCommand(f *flags) *cobra.Command {
	var cluster string
	cmd := &cobra.Command{
		Use:   "request FILE",
		Short: "make a certificate request for a corosync-qnetd",
		Long: "Makes a key, which stays on this host, and a certificate request for it in FILE. On the machine with corosync-qnetd:\n" +
			"  corosync-qnetd-certutil -s -c FILE -n CLUSTER\n" +
			"and back here, with the two files that are there in /etc/corosync/qnetd/nssdb:\n" +
			"  holdfast witness install qnetd-cacert.crt cluster-CLUSTER.crt",
		Example: "  holdfast witness request shop.crq",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := client.Root(f.root)
			name, err := clusterName(root, cluster)
			if err != nil {
				return err
			}
			key, request, err := serve.NewRequest(name)
			if err != nil {
				return err
			}
			dir := filepath.Join(root, device.Certificates)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return fmt.Errorf("keep the request's key: %w", err)
			}
			if err := os.WriteFile(filepath.Join(dir, pendingKey), key, 0o600); err != nil {
				return fmt.Errorf("keep the request's key: %w", err)
			}
			if err := os.WriteFile(args[0], request, 0o644); err != nil {
				return fmt.Errorf("write the request: %w", err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "On the machine with corosync-qnetd:\n  corosync-qnetd-certutil -s -c %s -n %s\n", args[0], name)
			return nil
		},
	}
	cmd.Flags().StringVar(&cluster, "cluster", "", "`NAME` of the cluster, where there is no configuration")
	return cmd
}

func installCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:     "install AUTHORITY CERTIFICATE",
		Short:   "give all hosts of this cluster a certificate that a corosync-qnetd signed",
		Long:    "Gives the signed certificate, with the key of the last 'holdfast witness request', to all hosts of the cluster that are up.",
		Example: "  holdfast witness install qnetd-cacert.crt cluster-shop.crt",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := client.Root(f.root)
			ctx, cancel := context.WithTimeout(cmd.Context(), enrolLimit)
			defer cancel()
			pending := filepath.Join(root, device.Certificates, pendingKey)
			c, err := signed(args[0], args[1], pending)
			if err != nil {
				return err
			}
			hosts, err := spread(ctx, root, c)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "The certificate is on %s.\n", hosts)
			return os.Remove(pending)
		},
	}
}

// signed reads what corosync-qnetd-certutil made, and checks that it fits the key.
func signed(authority, certificate, key string) (c serve.Certificate, err error) {
	if c.Key, err = os.ReadFile(key); err != nil {
		return c, fmt.Errorf("read the request's key: %w; make a request with 'holdfast witness request' on this host first", err)
	}
	if c.Authority, err = readCertificate(authority); err != nil {
		return c, err
	}
	if c.Certificate, err = readCertificate(certificate); err != nil {
		return c, err
	}
	if _, err := tls.X509KeyPair(c.Certificate, c.Key); err != nil {
		return c, fmt.Errorf("%s was not signed for the last request that was made on this host: %w", certificate, err)
	}
	return c, nil
}

// readCertificate reads a certificate, PEM or DER, and returns it as PEM.
func readCertificate(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read a certificate: %w", err)
	}
	der := text
	if block, _ := pem.Decode(bytes.ReplaceAll(text, []byte("\r"), nil)); block != nil {
		der = block.Bytes
	}
	if _, err := x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("read certificate %s: %w", path, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
