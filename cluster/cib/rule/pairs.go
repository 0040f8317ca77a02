package rule

import (
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// Infinity is the score that stands for "always"; -Infinity for "never".
const Infinity = 1_000_000

// ParseScore reads a score: a number, INFINITY, +INFINITY, -INFINITY, or the
// colours red (-INFINITY), yellow and green (0). Numbers beyond infinity are cut to it.
func ParseScore(text string) (int, bool) {
	switch strings.ToLower(text) {
	case "infinity", "+infinity":
		return Infinity, true
	case "-infinity", "red":
		return -Infinity, true
	case "yellow", "green", "":
		return 0, text != ""
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		whole := strings.TrimRight(text, "smhSMH")
		if n, err = strconv.ParseFloat(whole, 64); err != nil {
			return 0, false
		}
	}
	return int(max(-Infinity, min(Infinity, n))), true
}

// Pairs visits the name and value pairs that apply among the sets of that name below
// parent (meta_attributes, cluster_property_set, …): the set called first before all,
// then by descending score; sets whose rules do not hold are left out. The first value
// given for a name counts, so visit should ignore a name it has seen.
// resolve finds the element that an id-ref names; nil when there are none.
func (c *Context) Pairs(parent *cib.Element, set, first string, resolve func(id string) *cib.Element, visit func(name, value string)) {
	type block struct {
		e     *cib.Element
		score int
	}
	var blocks []block
	for e := range parent.All(set) {
		if e = follow(e, resolve); e == nil {
			continue
		}
		score, _ := ParseScore(e.Get("score"))
		blocks = append(blocks, block{e, score})
	}
	if len(blocks) > 1 {
		slices.SortStableFunc(blocks, func(a, b block) int {
			if aFirst, bFirst := first != "" && a.e.ID() == first, first != "" && b.e.ID() == first; aFirst != bFirst {
				if aFirst {
					return -1
				}
				return 1
			}
			return b.score - a.score
		})
	}
	for _, b := range blocks {
		if !c.AllHold(b.e) {
			continue
		}
		for pair := range b.e.All("nvpair") {
			c.pair(pair, resolve, visit)
		}
		for pair := range b.e.Child("attributes").All("nvpair") {
			c.pair(pair, resolve, visit)
		}
	}
}

func (c *Context) pair(pair *cib.Element, resolve func(id string) *cib.Element, visit func(name, value string)) {
	target := follow(pair, resolve)
	if target == nil {
		return
	}
	name := pair.Get("name") // a reference may give the pair another name
	if name == "" {
		name = target.Get("name")
	}
	value, ok := target.Lookup("value")
	if name == "" || !ok {
		return
	}
	visit(name, value)
}

func follow(e *cib.Element, resolve func(id string) *cib.Element) *cib.Element {
	ref, ok := e.Lookup("id-ref")
	if !ok {
		return e
	}
	if resolve == nil {
		return nil
	}
	return resolve(ref)
}
