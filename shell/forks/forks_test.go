package forks

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
)

type cluster struct{ present, fork string }

func parsed(configuration string) (*cib.Document, error) {
	return cib.Parse("", []byte(`<cib validate-with="pacemaker-3.0" admin_epoch="0" epoch="5" num_updates="0"><configuration><crm_config>`+configuration+
		`</crm_config><nodes/><resources/><constraints/></configuration><status/></cib>`))
}

func (c cluster) Document(context.Context) (*cib.Document, error) { return parsed(c.present) }
func (c cluster) Forks(context.Context) ([]client.Fork, error) {
	return []client.Fork{{Number: 1, Group: "2.3", Index: 41, Pending: 1, Version: "0.5.0"}}, nil
}
func (c cluster) ForkDocument(_ context.Context, n int) (*cib.Document, error) {
	if n != 1 {
		return nil, errors.New("this host keeps 1")
	}
	return parsed(c.fork)
}

func TestForks(t *testing.T) {
	t.Parallel()
	lost := `<cluster_property_set id="o"><nvpair id="o-lost" name="lost" value="1"/></cluster_property_set>`
	for _, test := range []struct{ args, want, problem string }{
		{args: "list", want: "1       2.3    41       1        0.5.0"},
		{args: "list -o json", want: `"group": "2.3"`},
		{args: "list -o yaml", problem: "expected text or json"},
		{args: "show 1", want: "o-lost"},
		{args: "diff 1", want: "o-lost"},
		{args: "show 2", problem: "this host keeps 1"},
		{args: "show first", problem: "expected a number"},
	} {
		c := command(func() daemon { return cluster{fork: lost} })
		var out bytes.Buffer
		c.SetArgs(strings.Fields(test.args))
		c.SetOut(&out)
		c.SetErr(&out)
		err := c.Execute()
		switch {
		case test.problem == "" && (err != nil || !strings.Contains(out.String(), test.want)):
			t.Errorf("%s: %v\n%s", test.args, err, &out)
		case test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)):
			t.Errorf("%s: error %v, want %s", test.args, err, test.problem)
		}
	}
}
