package scheduler

import (
	"holdfast/cluster/cib"
)

// orderKind is an order constraint's kind.
type orderKind uint8

const (
	orderMandatory orderKind = iota
	orderIsOptional
	orderSerialize
)

type symmetry uint8

const (
	symmetric  symmetry = iota
	oneWay              // symmetrical=false
	inverseWay          // the second half of a symmetric order: stops
)

func kindOf(e *cib.Element, fallback orderKind) orderKind {
	text, ok := e.Lookup("kind")
	if !ok {
		score, scored := e.Lookup("score")
		if scored && parseScore(score, 0) == 0 {
			return orderIsOptional
		}
		return fallback
	}
	switch lower(text) {
	case "optional":
		return orderIsOptional
	case "serialize":
		return orderSerialize
	}
	return orderMandatory
}

func symmetryOf(e *cib.Element, kind orderKind, inherited string) symmetry {
	text, ok := e.Lookup("symmetrical")
	if !ok {
		text = inherited
	}
	if kind == orderSerialize || !cib.ParseBool(text, true) {
		return oneWay
	}
	return symmetric
}

// relationFor turns kind and direction into the relation of the actions.
func relationFor(kind orderKind, task string, s symmetry) relation {
	switch kind {
	case orderIsOptional:
		return orderOptional
	case orderSerialize:
		return serializeOnly
	}
	switch s {
	case oneWay:
		return orderOptional | asymmetric
	case inverseWay:
		return orderOptional | impliesFirst
	}
	if task == "start" || task == "promote" {
		return orderOptional | impliesThen | unrunnableFirstBlocks
	}
	return orderOptional | impliesThen
}

var inverses = map[string]string{
	"start": "stop", "stop": "start", "promote": "demote", "demote": "promote",
	"started": "stopped", "stopped": "started", "promoted": "demoted", "demoted": "promoted",
}

func (c *cluster) unpackOrder(e *cib.Element) {
	kind := kindOf(e, orderMandatory)
	way := symmetryOf(e, kind, "")
	var last *resourceSet
	for setElement := range e.All("resource_set") {
		set := c.unpackSet(setElement)
		if set.e == nil {
			continue
		}
		c.orderWithin(set, kind, e.Get("symmetrical"))
		if last != nil {
			c.orderSets(e, *last, set, kind, way)
			if way == symmetric {
				c.orderSets(e, set, *last, kind, inverseWay)
			}
		}
		last = &set
	}
	if last != nil {
		return
	}
	c.unpackSimpleOrder(e, kind, way)
}

func (c *cluster) unpackSimpleOrder(e *cib.Element, kind orderKind, way symmetry) {
	firstID, thenID := e.Get("first"), e.Get("then")
	firstTask := e.Get("first-action")
	if firstTask == "" {
		firstTask = "start"
	}
	thenTask := e.Get("then-action")
	if thenTask == "" {
		thenTask = firstTask
	}
	if c.collection(firstID) || c.collection(thenID) {
		first, then := c.pairSet(firstID, "", firstTask), c.pairSet(thenID, "", thenTask)
		first.requireAll = cib.ParseBool(e.Get("require-all"), true)
		c.orderSets(e, first, then, kind, way)
		if way == symmetric {
			c.orderSets(e, then, first, kind, inverseWay)
		}
		return
	}
	first, then := c.constrained(firstID), c.constrained(thenID)
	if first == nil || then == nil {
		return
	}
	flags := relationFor(kind, firstTask, way)
	if least := leastInstances(first, e); least > 0 {
		c.orderAtLeast(e.ID(), first, firstTask, then, thenTask, flags, least)
	} else {
		c.orderTasks(first, firstTask, then, thenTask, flags)
	}
	if way != symmetric {
		return
	}
	firstInverse, thenInverse := inverses[firstTask], inverses[thenTask]
	if firstInverse == "" || thenInverse == "" {
		return
	}
	c.orderTasks(then, thenInverse, first, firstInverse, relationFor(kind, firstTask, inverseWay))
}

// leastInstances is how many instances of first must be up; 0 when all that there are.
func leastInstances(first *resource, e *cib.Element) int {
	if first.isClone() && first.clone.min > 0 {
		return first.clone.min
	}
	if text, ok := e.Lookup("require-all"); ok && !cib.ParseBool(text, true) && first.isClone() {
		return 1
	}
	return 0
}

// orderAtLeast puts a pseudo action between a clone's instances and what needs some of them.
func (c *cluster) orderAtLeast(id string, first *resource, firstTask string, then *resource, thenTask string, flags relation, least int) {
	met := c.pseudoCluster("clone-one-or-more:" + id)
	met.required = int32(least)
	met.set(minRunnable)
	for _, instance := range first.children {
		c.order(ordering{first: instance, firstTask: firstTask, thenAction: met, kind: atLeast | showsThen})
	}
	c.order(ordering{firstAction: met, then: then, thenTask: thenTask, kind: flags | unrunnableFirstBlocks})
}

// pseudoCluster returns a pseudo action about no resource. It requires nothing itself: it is
// in the graph when something that counts for it happens.
func (c *cluster) pseudoCluster(name string) *action {
	a := c.clusterAction(name, name, nil, true)
	a.set(pseudo | runnable)
	return a
}

// orderWithin orders the members of one set.
func (c *cluster) orderWithin(set resourceSet, parentKind orderKind, parentSymmetrical string) {
	kind := kindOf(set.e, parentKind)
	way := symmetryOf(set.e, kind, parentSymmetrical)
	task := set.action
	if task == "" {
		task = "start"
	}
	flags := relationFor(kind, task, symmetric)
	if way == oneWay {
		flags = relationFor(kind, task, oneWay)
	}
	members := set.members
	switch {
	case kind == orderSerialize:
		for i := range members {
			for _, later := range members[i+1:] {
				c.orderTasks(members[i], task, later, task, flags)
			}
		}
	case set.sequential:
		for i := 1; i < len(members); i++ {
			c.orderTasks(members[i-1], task, members[i], task, flags)
		}
	}
	inverse := inverses[task]
	if way == oneWay || inverse == "" || !set.sequential {
		return
	}
	flags = relationFor(kind, inverse, inverseWay)
	for i := 1; i < len(members); i++ {
		c.orderTasks(members[i], inverse, members[i-1], inverse, flags)
	}
}

// orderSets orders one set before the next.
func (c *cluster) orderSets(e *cib.Element, first, then resourceSet, kind orderKind, way symmetry) {
	firstTask, thenTask := first.action, then.action
	if firstTask == "" {
		firstTask = "start"
	}
	if thenTask == "" {
		thenTask = "start"
	}
	if way == inverseWay {
		if firstTask, thenTask = inverses[firstTask], inverses[thenTask]; firstTask == "" || thenTask == "" {
			return
		}
	}
	flags := relationFor(kind, firstTask, way)
	if !first.requireAll && way != inverseWay {
		some := c.pseudoCluster("one-or-more:" + first.id)
		some.set(minRunnable)
		for _, r := range first.members {
			c.order(ordering{first: r, firstTask: firstTask, thenAction: some, kind: atLeast | showsThen})
		}
		for _, r := range then.members {
			c.order(ordering{firstAction: some, then: r, thenTask: thenTask, kind: flags | unrunnableFirstBlocks})
		}
		return
	}
	firsts, thens := first.members, then.members
	if first.sequential && len(firsts) > 1 {
		if way == inverseWay {
			firsts = firsts[:1]
		} else {
			firsts = firsts[len(firsts)-1:]
		}
	}
	if then.sequential && len(thens) > 1 {
		if way == inverseWay {
			thens = thens[len(thens)-1:]
		} else {
			thens = thens[:1]
		}
	}
	for _, a := range firsts {
		for _, b := range thens {
			c.orderTasks(a, firstTask, b, thenTask, flags)
		}
	}
}
