package cib

import "testing"

// The sums are those that cibadmin --md5-sum and --md5-sum-versioned print.
func TestDigests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ xml, plain, versioned string }{
		{`<c a="&apos;"/>`, "2883e5081d1b47c5b6bc2a0873c49053", "2883e5081d1b47c5b6bc2a0873c49053"},
		{`<c a="x&#10;z"/>`, "72b52d67a041027fcc1c85e13a9dbed0", "72b52d67a041027fcc1c85e13a9dbed0"},
		{`<c a="x&#9;z"/>`, "c15029e166710ccbf6be45331f1edc16", "c15029e166710ccbf6be45331f1edc16"},
		{`<c><b/>t</c>`, "ba600fe54c6430e8de808b2ee8b11b2a", "ba600fe54c6430e8de808b2ee8b11b2a"},
		{`<c>t</c>`, "10dfd6ffb2343b39ebdd5a3df9b0d6a1", "10dfd6ffb2343b39ebdd5a3df9b0d6a1"},
		{`<cib crm_feature_set="3.1.0"><a id="x" crm-debug-origin="v"/></cib>`, "", "7a9117fba4dee1a3f19c8c140abc0860"},
		{`<cib crm_feature_set="3.1.0" update-user="v"><a id="x"/></cib>`, "", "7a9117fba4dee1a3f19c8c140abc0860"},
		{`<c crm_feature_set="3.0.4"/>`, "134bdcc9c61dd349803ad79f7d7db1aa", "134bdcc9c61dd349803ad79f7d7db1aa"},
		{`<c crm_feature_set="3.0.5"/>`, "6c80cf1f0d31e307f4a6a45439d62a1a", "6d6e79fbd62ee60899e6516067cabfb8"},
		{`<c crm_feature_set="abc"/>`, "", "e3ee5ed00c779d6603b5ab5cfb0e82c1"},
	} {
		doc, err := Parse("digest", []byte(c.xml))
		if err != nil {
			t.Fatal(err)
		}
		if got := doc.Root.Digest(); c.plain != "" && got != c.plain {
			t.Errorf("%s: digest %s, want %s", c.xml, got, c.plain)
		}
		if got := doc.Root.VersionedDigest(); got != c.versioned {
			t.Errorf("%s: versioned digest %s, want %s", c.xml, got, c.versioned)
		}
	}
}
