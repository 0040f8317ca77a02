package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"holdfast/cluster/node/client"
	"holdfast/lab"
)

// The configuration as a set of registers: cluster options chaos-N. A writer sets one
// whatever it holds, or only if the document is still the one that the writer has read.

// step is one change of a register.
type step struct {
	key       string
	old       string // what it held when the change was made under that condition
	compare   bool
	value     string
	unknown   bool // whether it was made is not known
	from, to  lab.Moment
	requester int
}

const (
	registers = 8
	perEpoch  = 3 // faults after which other registers are used, so that each has a short history
)

// key names a register in the time of a fault.
func key(fault, n int) string { return fmt.Sprintf("chaos-%d-%d", fault/perEpoch, n) }

// changer changes registers through one host after the other.
type changer struct {
	number  int
	clients []*client.Client
	rand    *rand.Rand
	fault   func() int // number of the present fault
	steps   []step
	refused int
}

// run makes changes until ctx ends.
func (c *changer) run(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(30+c.rand.IntN(100)) * time.Millisecond):
			c.change(ctx, n)
		}
	}
}

func (c *changer) change(ctx context.Context, n int) {
	to := c.clients[c.rand.IntN(len(c.clients))]
	s := step{key: key(c.fault(), c.rand.IntN(registers)), value: fmt.Sprintf("%d-%d", c.number, n), requester: c.number, from: lab.Now()}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request := client.Change{Op: client.Modify, Section: "crm_config", AllowCreate: true, Cause: "chaos",
		XML: fmt.Sprintf(`<crm_config><cluster_property_set id="chaos"><nvpair id="%s" name="%s" value="%s"/></cluster_property_set></crm_config>`, s.key, s.key, s.value)}
	if c.rand.IntN(2) == 0 {
		doc, err := to.Document(ctx)
		if err != nil {
			return
		}
		s.compare, s.from = true, lab.Now()
		if e := doc.ByID(s.key); e != nil {
			s.old = e.Get("value")
		}
		version := doc.Root.Get("admin_epoch") + "." + doc.Root.Get("epoch")
		request.IfVersion = version
	}
	_, err := to.Change(ctx, request)
	s.to = lab.Now()
	switch {
	case err == nil:
		c.steps = append(c.steps, s)
	case refused(err):
		c.refused++
	default:
		s.unknown = true
		c.steps = append(c.steps, s)
	}
}

// refused tells that a change was certainly not made.
func refused(err error) bool {
	return errors.Is(err, client.Conflict) || errors.Is(err, client.NoQuorum) || errors.Is(err, client.Invalid) || errors.Is(err, client.NotSetUp)
}

// read is the value of every register in the end, as one host has it.
type read struct {
	key, value string
	at         lab.Moment
}

// judgeRegisters checks that the changes and the final reads have a linear order.
func judgeRegisters(steps []step, reads []read) (violations []string) {
	histories := map[string][]porcupine.Operation{}
	for i, s := range steps {
		end := int64(s.to)
		if s.unknown {
			end = 1 << 62
		}
		histories[s.key] = append(histories[s.key], porcupine.Operation{ClientId: i, Input: s, Call: int64(s.from), Return: end})
	}
	for i, r := range reads {
		histories[r.key] = append(histories[r.key], porcupine.Operation{ClientId: len(steps) + i, Input: r, Call: int64(r.at), Return: int64(r.at) + 1})
	}
	model := porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, _ any) (bool, any) {
			switch in := input.(type) {
			case read:
				return in.value == state, state
			case step:
				if in.compare && in.old != state {
					return in.unknown, state // not made
				}
				return true, in.value
			}
			panic("an operation of no kind")
		},
	}
	for _, key := range sortedKeys(histories) {
		if got := porcupine.CheckOperationsTimeout(model, histories[key], 2*time.Minute); got == porcupine.Illegal {
			violations = append(violations, fmt.Sprintf("the changes of %s have no linear order:\n%s", key, story(histories[key])))
		} else if got == porcupine.Unknown {
			violations = append(violations, fmt.Sprintf("the changes of %s were not judged within 2 minutes", key))
		}
	}
	return violations
}

func sortedKeys(histories map[string][]porcupine.Operation) []string {
	var keys []string
	for key := range histories {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// story prints a history in order of its calls.
func story(history []porcupine.Operation) string {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var b strings.Builder
	for _, o := range history {
		fmt.Fprintf(&b, "  %d..%d %+v\n", o.Call, o.Return, o.Input)
	}
	return b.String()
}
