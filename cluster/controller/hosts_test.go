package controller

import (
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/messaging/core"
)

// TestOption: times of crm_config are read in every spelling that the tools write.
func TestOption(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"20": 20 * time.Second, "500ms": 500 * time.Millisecond, "15min": 15 * time.Minute, "PT15M": 15 * time.Minute,
		"": time.Second, "soon": time.Second, "0": time.Second, "-5s": time.Second,
	} {
		doc := cib.New()
		doc.Section("crm_config").Append(cib.NewElement("cluster_property_set", "id", "set")).
			Append(cib.NewElement("nvpair", "id", "a", "name", "dc-deadtime", "value", text))
		if got := option(doc, "dc-deadtime", time.Second); got != want {
			t.Errorf("dc-deadtime %q is read as %v, not %v", text, got, want)
		}
	}
}

// TestFeatureSetOfAHostIsKnownFromItsJoin: what a host tells when it joins is its transient attribute, and
// again when its history was begun anew. A host of a version that does not tell has none.
func TestFeatureSetOfAHostIsKnownFromItsJoin(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.step(Viewed{allOfView(4)})
	tell := func(host core.HostID, boot uint64, reply Reply) {
		s.step(Replied{Host: host, Boot: boot, Reign: s.reignOver(host), Kind: SyncRequest, Reply: reply})
	}
	want := func(when string, sets ...string) {
		t.Helper()
		for i, set := range sets {
			if got := TransientAttribute(s.doc, hostID(core.HostID(i+1)), FeatureSetAttribute); got != set {
				t.Errorf("%s the feature set of host %d is %q, want %q", when, i+1, got, set)
			}
		}
	}
	tell(1, 11, Reply{FeatureSet: "3.16.1"})
	tell(2, 22, Reply{FeatureSet: "3.19.0"})
	tell(3, 33, Reply{})
	want("when all joined", "3.16.1", "3.19.0", "")

	v := allOfView(5)
	v.Boots[1] = 23
	s.step(Viewed{v})
	tell(2, 23, Reply{FeatureSet: "3.16.1"})
	want("after host 2 was started again, as another version,", "3.16.1", "3.16.1", "")
	if again := s.step(Viewed{v}); len(again.Writes) > 0 {
		t.Errorf("%+v is written though nothing changed", again.Writes)
	}
}

func TestWorkerTellsItsFeatureSet(t *testing.T) {
	t.Parallel()
	w := testWorker()
	if reply, _, err := w.Ask(Request{Kind: SyncRequest, Reign: reign(6), Boot: 7}); err != nil || reply.FeatureSet != cib.FeatureSet {
		t.Errorf("%+v, %v; want feature set %s", reply, err, cib.FeatureSet)
	}
}

// TestDocumentTellsTheFeatureSetOfItsCluster: one that was brought from an older cluster says how fail counts were called there.
func TestDocumentTellsTheFeatureSetOfItsCluster(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.doc.Root.Set("crm_feature_set", "1.0")
	s.step(Viewed{allOfView(4)})
	for i := range 3 {
		s.synced(core.HostID(i+1), uint64(11*(i+1)))
	}
	if got := s.doc.Root.Get("crm_feature_set"); got != cib.FeatureSet {
		t.Errorf("the document's feature set is %q, not %q", got, cib.FeatureSet)
	}
}
