package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"holdfast/cluster/messaging/device"
	"holdfast/cluster/messaging/witness/serve"
	"holdfast/lab"
)

// witnessKeys is where a witness keeps its keys, below its root.
const witnessKeys = "/var/lib/holdfast/witness"

// deviceConf is the quorum device's part of corosync.conf.
func deviceConf(c Config) string {
	if c.Witness == "" {
		return ""
	}
	votes := "\t\tvotes: 1\n"
	if c.Witness != "ffsplit" {
		votes = ""
	}
	return fmt.Sprintf("\tdevice {\n\t\tmodel: net\n%s\t\tnet {\n\t\t\thost: %s\n\t\t\talgorithm: %s\n\t\t\ttls: required\n\t\t}\n\t}\n",
		votes, lab.ClientAddr(c.Links[0]), c.Witness)
}

// witnessFiles are a witness' keys, by name, and what the hosts of the cluster need to be let in.
func witnessFiles(c Config) (keys map[string][]byte, certificates []lab.File, err error) {
	if c.Witness == "" {
		return nil, nil, nil
	}
	dir, err := os.MkdirTemp("", "holdfast-witness")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	k := serve.Keys{Dir: dir}
	if err := k.Setup(); err != nil {
		return nil, nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil {
		return nil, nil, err
	}
	keys = map[string][]byte{}
	for _, path := range files {
		if keys[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			return nil, nil, err
		}
	}
	own, err := k.Issue("webapp")
	if err != nil {
		return nil, nil, err
	}
	for name, text := range map[string][]byte{device.AuthorityFile: own.Authority, device.CertificateFile: own.Certificate, device.KeyFile: own.Key} {
		certificates = append(certificates, lab.File{Path: "/" + device.Certificates + "/" + name, Data: text, Mode: 0o600})
	}
	return keys, certificates, nil
}

// startWitness runs a witness with these keys on the lab's client.
func startWitness(ctx context.Context, l *lab.Lab, keys map[string][]byte) error {
	if keys == nil {
		return nil
	}
	for name, text := range keys {
		p, err := l.Client().Start(lab.Process{Stdin: bytes.NewReader(text), Command: lab.Command{
			Args: []string{"sh", "-c", "mkdir -p -m 700 " + witnessKeys + " && cat > " + witnessKeys + "/" + name}}})
		if err == nil {
			err = p.Wait()
		}
		if err != nil {
			return fmt.Errorf("give the witness its keys: %w", err)
		}
	}
	return StartWitness(ctx, l)
}

// StartWitness starts the witness on the lab's client, which was stopped, and waits until it answers.
func StartWitness(ctx context.Context, l *lab.Lab) error {
	_, err := l.Client().Start(lab.Process{Command: lab.Command{
		Args: []string{"sh", "-c", "exec holdfast witness >>/var/log/witness.log 2>&1"}, Detach: true}})
	if err == nil {
		err = until(ctx, func() error {
			_, err := l.Client().Exec(ctx, "holdfast", "witness", "status")
			return err
		})
	}
	if err != nil {
		log, _ := l.Client().Exec(context.WithoutCancel(ctx), "cat", "/var/log/witness.log")
		return fmt.Errorf("start the witness: %w", errors.Join(err, errors.New(log)))
	}
	return nil
}
