package setup

import (
	"strings"
	"testing"
)

func TestGrow(t *testing.T) {
	t.Parallel()
	first, err := Render("shop", []Member{{1, Host{"web1", []string{"192.0.2.1"}}}})
	if err != nil {
		t.Fatal(err)
	}
	text := first
	for i, want := range []string{"", "two_node: 1", ""} {
		if i == 0 {
			continue
		}
		m := Member{i + 1, Host{"web" + string(rune('1'+i)), []string{"192.0.2." + string(rune('1'+i))}}}
		if text, err = Grow(text, i, m); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, "two_node") != (want != "") {
			t.Errorf("%d hosts:\n%s", i+1, text)
		}
	}
	whole, err := Render("shop", []Member{{1, Host{"web1", []string{"192.0.2.1"}}}, {2, Host{"web2", []string{"192.0.2.2"}}}, {3, Host{"web3", []string{"192.0.2.3"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if text != whole {
		t.Errorf("grown from one host:\n%s\nwritten at once:\n%s", text, whole)
	}
}

func TestGrowLeavesOtherLinesAlone(t *testing.T) {
	t.Parallel()
	const before = `# our cluster
totem {
	version: 2
	token: 3000 # slow links
}
nodelist {
	node {
		ring0_addr: 192.0.2.1
		name: a
		nodeid: 1
	}
	# nodelist {
}
quorum {
	provider: corosync_votequorum
	expected_votes: 2
	device {
		model: net
	}
}
`
	after, err := Grow(before, 1, Member{4, Host{"b", []string{"192.0.2.4"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(before, "\t# nodelist {\n", "\t# nodelist {\n\tnode {\n\t\tring0_addr: 192.0.2.4\n\t\tname: b\n\t\tnodeid: 4\n\t}\n", 1)
	want = strings.Replace(want, "expected_votes: 2", "expected_votes: 3", 1)
	if after != want {
		t.Errorf("got\n%s\nwant\n%s", after, want)
	}
	if _, err := Grow("totem {\n}\n", 1, Member{4, Host{"b", []string{"192.0.2.4"}}}); err == nil {
		t.Error("a configuration without a nodelist was grown")
	}
}

func TestShrinkIsGrowBackwards(t *testing.T) {
	t.Parallel()
	var members []Member
	var texts []string
	for i := range 4 {
		n := string(rune('1' + i))
		members = append(members, Member{i + 1, Host{"web" + n, []string{"192.0.2." + n, "198.51.100." + n}}})
		text, err := Render("shop", members)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	for hosts := 4; hosts > 1; hosts-- {
		got, err := Shrink(texts[hosts-1], hosts, hosts)
		if err != nil || got != texts[hosts-2] {
			t.Errorf("%d hosts: %v\n%s\nwant\n%s", hosts, err, got, texts[hosts-2])
		}
	}
	if _, err := Shrink(texts[2], 3, 9); err == nil || !strings.Contains(err.Error(), "nodeid: 9") {
		t.Errorf("an id that is not there: %v", err)
	}
	if _, err := Shrink(texts[0], 1, 1); err == nil || !strings.Contains(err.Error(), "destroy") {
		t.Errorf("the only host: %v", err)
	}
	voted := strings.Replace(texts[2], "quorum {", "quorum {\n    expected_votes: 3", 1)
	if got, err := Shrink(voted, 3, 2); err != nil || !strings.Contains(got, "expected_votes: 2") || strings.Contains(got, "web2") || !strings.Contains(got, "web3") {
		t.Errorf("%v\n%s", err, got)
	}
}
