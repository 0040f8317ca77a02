package chaos

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/lab"
	"holdfast/lab/fleet"
)

// make chaos FAULTS=200 SEED=n
var (
	count = flag.Int("faults", 6, "how many faults strike")
	seed  = flag.Uint64("seed", 1, "draws the faults; a real cluster does not repeat itself in every detail")
	each  = flag.Bool("each", false, "print each fault as it strikes")
)

func TestMain(m *testing.M) { os.Exit(fleet.Testing(m.Run)) }

// struck is a fault that was injected and mended.
type struck struct {
	name       string
	from, to   lab.Moment // until the cluster was whole again
	violations []string
}

func TestChaos(t *testing.T) {
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	c, err := start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var number atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	w := c.writer
	work.Go(func() { w.run(ctx) })
	var changers []*changer
	for i := range 3 {
		ch := &changer{number: i, rand: rand.New(rand.NewPCG(*seed, uint64(i)+100)), fault: func() int { return int(number.Load()) }}
		for _, h := range c.Hosts() {
			ch.clients = append(ch.clients, client.Through("/run/holdfast/holdfast.sock", h.Dial))
		}
		changers = append(changers, ch)
		work.Go(func() { ch.run(ctx) })
	}
	all := strike(t, c, &number)
	stop()
	work.Wait()
	r := report{faults: all, writer: w, changers: changers}
	r.violations = judge(t.Context(), c, w, changers)
	t.Log(r.text())
	for _, f := range all {
		r.violations = append(r.violations, f.violations...)
	}
	for _, v := range r.violations {
		t.Error(v)
	}
	if t.Failed() {
		tell(t, c)
	}
}

// strike injects faults, one after the other, now and then two at a time.
func strike(t *testing.T, c *cluster, number *atomic.Int64) (all []struck) {
	r := rand.New(rand.NewPCG(*seed, 1))
	var order []int
	for n := range *count {
		if len(order) == 0 {
			order = r.Perm(len(faults)) // every fault comes before any comes again
		}
		f := faults[order[0]]
		order = order[1:]
		number.Store(int64(n))
		s := struck{name: f.name, from: lab.Now()}
		err := f.inject(t.Context(), c, r)
		if r.IntN(4) == 0 {
			second := faults[r.IntN(len(faults))]
			s.name += ", then: " + second.name
			if err == nil {
				err = second.inject(t.Context(), c, r)
			}
		}
		if err == nil {
			err = lasting(t.Context(), time.Duration(r.IntN(1500))*time.Millisecond)
		}
		if err != nil {
			s.violations = append(s.violations, fmt.Sprintf("fault %d (%s) could not be injected: %v", n, s.name, err))
		}
		if err := c.mend(t.Context()); err != nil {
			s.violations = append(s.violations, fmt.Sprintf("fault %d (%s): %v", n, s.name, err))
		}
		s.to = lab.Now()
		all = append(all, s)
		if *each {
			fmt.Printf("%4d %8.1f s %s %s\n", n, s.to.Sub(s.from).Seconds(), s.name, strings.Join(s.violations, "; "))
		}
		if len(s.violations) > 0 {
			break // what follows would start from a broken cluster
		}
	}
	return all
}

// judge looks at what the run left.
func judge(ctx context.Context, c *cluster, w *writer, changers []*changer) []string {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	book, err := c.Hosts()[0].Exec(ctx, "cat", storage+"/book")
	if err != nil {
		return []string{fmt.Sprintf("read the ledger: %v", err)}
	}
	violations := judgeBook(book, w.writes)
	reads, disagreements := c.finalReads(ctx)
	var steps []step
	for _, ch := range changers {
		steps = append(steps, ch.steps...)
	}
	return slices.Concat(violations, disagreements, judgeRegisters(steps, reads))
}

// tell prints the daemons' last events and logs.
func tell(t *testing.T, c *cluster) {
	for _, h := range c.Hosts() {
		log, _ := h.Exec(t.Context(), "tail", "-n", "30", "/var/log/boot.log")
		t.Logf("%s:\n%s", h.Name(), log)
	}
	for _, e := range c.Events().Since(lab.Now() - lab.Moment(90*time.Second)) {
		if e.Kind == client.Committed || e.Kind == client.Idle {
			continue // the changers'
		}
		t.Logf("%9.3f %-6s %-16s %s %s %s %s", float64(e.Boottime)/1e9, e.Host, e.Kind, e.Subject, e.Action, e.On, e.Detail)
	}
}
