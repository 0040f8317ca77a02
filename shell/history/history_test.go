package history

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
)

// past is a daemon with two entries and a present document.
type past struct {
	doc     *cib.Document
	changes []client.Change
}

func document(epoch int, ids ...string) *cib.Document {
	doc := cib.New()
	doc.SetVersion(cib.Version{Epoch: epoch})
	for _, id := range ids {
		doc.EnsureSection("resources").Append(cib.NewElement("primitive", "id", id, "class", "ocf", "type", "Dummy"))
	}
	return doc
}

func (p *past) Document(context.Context) (*cib.Document, error) { return p.doc.Clone(), nil }

func (p *past) History(context.Context) ([]client.HistoryEntry, error) {
	return []client.HistoryEntry{
		{Index: 7, Version: "0.1.0", Time: time.Unix(0, 0), User: "anna", Cause: "crm configure load"},
		{Index: 9, Version: "0.2.0", Time: time.Unix(60, 0)},
	}, nil
}

func (p *past) HistoryDocument(_ context.Context, index uint64) (*cib.Document, error) {
	switch index {
	case 7:
		return document(1, "a"), nil
	case 9:
		return document(2, "a", "b"), nil
	}
	return nil, &client.Error{Code: client.NotFound, Message: "no such configuration"}
}

func (p *past) Change(_ context.Context, change client.Change) (client.ChangeAnswer, error) {
	p.changes = append(p.changes, change)
	return client.ChangeAnswer{Version: "0.4.0"}, nil
}

func TestHistory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, want, err string }{
		{"list", "anna  crm configure load", ""},
		{"list -o json", `"version": "0.2.0"`, ""},
		{"list -o yaml", "", "expected text or json"},
		{"show 9", `<primitive id="b"`, ""},
		{"show 8", "", "history entry 8: no such configuration"},
		{"show x", "", `"x": expected a number`},
		{"diff 7 9", "++ /cib/configuration/resources:  <primitive id=\"b\"", ""},
		{"diff 7", "<primitive id=\"c\"", ""},
		{"diff 9 9", "no difference", ""},
		{"diff 9 7 --xml", `<change operation="delete"`, ""},
		{"rollback 7", "as version 0.4.0", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			d := &past{doc: document(3, "a", "c")}
			cmd := command(func() daemon { return d })
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			var out bytes.Buffer
			cmd.SetOut(&out)
			cmd.SetArgs(strings.Fields(c.args))
			err := cmd.ExecuteContext(context.Background())
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q in it", err, c.err)
				}
				return
			}
			if err != nil || !strings.Contains(out.String(), c.want) {
				t.Errorf("%v %q, want %q in it", err, out.String(), c.want)
			}
			if strings.HasPrefix(c.args, "rollback") {
				if len(d.changes) != 1 || d.changes[0].IfVersion != "0.3" || !strings.Contains(d.changes[0].XML, `id="a"`) || strings.Contains(d.changes[0].XML, `id="c"`) {
					t.Errorf("changes: %+v", d.changes)
				}
			}
		})
	}
}
