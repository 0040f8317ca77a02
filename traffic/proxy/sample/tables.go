package sample

import (
	"fmt"
	"strconv"
	"strings"
)

// TableOp is what is asked of a stick-table.
type TableOp uint8

// What may be asked.
const (
	ReadCounter TableOp = iota
	IncrementCounter
	ClearCounter   // the value before is told
	EntryThere     // 1: the key has an entry
	EntryUsers     // those who track it now
	EntryExpires   // milliseconds until it goes
	EntryIdle      // milliseconds since it was asked for
	TableFree      // entries that there is room for
	TableUsed      // entries that there are
	RefreshCounter // counts a connection of the key's
)

// TableQuestion asks about an entry: by a key or, where that is nil, the one tracked under a slot.
type TableQuestion struct {
	Op      TableOp
	Table   string // "": the tracked one, or the current proxy's
	Key     *Value
	Slot    int
	Counter string
	Element int // of an array
}

// trackedSlots is how many entries a connection may track.
const trackedSlots = 3

// counters are an entry's, as fetches name them; those of elements take the element's number first.
var (
	counters = strings.Fields(`conn_cnt conn_cur conn_rate sess_cnt sess_rate http_req_cnt http_req_rate http_err_cnt http_err_rate http_fail_cnt http_fail_rate
		bytes_in_rate bytes_out_rate kbytes_in kbytes_out gpc0_rate gpc1_rate get_gpc0 get_gpc1 get_gpt0 inc_gpc0 inc_gpc1 clr_gpc0 clr_gpc1`)
	elementCounters      = strings.Fields("get_gpc inc_gpc clr_gpc gpc_rate get_gpt")
	elementTableCounters = strings.Fields("gpc gpc_rate gpt")
	tableCounters        = strings.Fields(`conn_cnt conn_cur conn_rate sess_cnt sess_rate http_req_cnt http_req_rate http_err_cnt http_err_rate http_fail_cnt http_fail_rate
		bytes_in_rate bytes_out_rate kbytes_in kbytes_out gpc0 gpc1 gpt0 gpc0_rate gpc1_rate server_id`)
)

// question is what a fetch's name asks: get_gpc0 reads gpc0, inc_gpc0 counts and reads it, clr_gpc0 reads and clears it.
func question(name string) TableQuestion {
	for prefix, op := range map[string]TableOp{"get_": ReadCounter, "inc_": IncrementCounter, "clr_": ClearCounter} {
		if counter, ok := strings.CutPrefix(name, prefix); ok {
			return TableQuestion{Op: op, Counter: counter}
		}
	}
	return TableQuestion{Counter: name}
}

// takeElement takes an element's number off the arguments.
func (q *TableQuestion) takeElement(args []string) ([]string, error) {
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 0 || n > 99 {
		return nil, fmt.Errorf("%q is not the number of an element, from 0 to 99", args[0])
	}
	q.Element = n
	return args[1:], nil
}

func (q *TableQuestion) takeSlot(args []string) ([]string, error) {
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 0 || n >= trackedSlots {
		return nil, fmt.Errorf("%q is not the number of a sticky counter; there are 0, 1 and 2", args[0])
	}
	q.Slot = n
	return args[1:], nil
}

func (q TableQuestion) get(args []string, bySource bool) get {
	if len(args) > 0 {
		q.Table = args[0]
	}
	return func(c *Context, i int, out *Value) bool {
		if i > 0 || c.State == nil {
			return false
		}
		asked := q
		if bySource {
			asked.Key = &Value{Kind: Address, Addr: c.Source.Addr()}
		}
		n, ok := c.State.Table(asked)
		out.setNumber(n)
		return ok
	}
}

// tableFetches read counters of entries: scN_COUNTER(TABLE) and sc_COUNTER(N,TABLE) of those tracked, src_COUNTER(TABLE) of the client's address.
var tableFetches = makeTableFetches()

func makeTableFetches() map[string]fetch {
	all := map[string]fetch{}
	for _, name := range counters {
		addTableFetches(all, name, question(name), 0)
	}
	for _, name := range elementCounters {
		addTableFetches(all, name, question(name), 1)
	}
	for name, counter := range map[string]string{"gpc0": "gpc0", "gpc1": "gpc1", "gpt0": "gpt0"} {
		addTableFetches(all, name, TableQuestion{Counter: counter}, 0)
	}
	addTableFetches(all, "tracked", TableQuestion{Op: EntryThere}, 0)
	addTableFetches(all, "trackers", TableQuestion{Op: EntryUsers}, 0)
	all["src_updt_conn_cnt"] = fetch{Number, 0, 0, 1, func(args []string) (get, error) {
		return TableQuestion{Op: RefreshCounter, Counter: "conn_cnt"}.get(args, true), nil
	}}
	for name, op := range map[string]TableOp{"table_avl": TableFree, "table_cnt": TableUsed} {
		all[name] = fetch{Number, 0, 0, 1, func(args []string) (get, error) { return TableQuestion{Op: op}.get(args, false), nil }}
	}
	return all
}

// addTableFetches adds a counter under its three kinds of names; elements tells how many numbers of elements stand among the arguments.
func addTableFetches(all map[string]fetch, name string, q TableQuestion, elements int) {
	make := func(slot, source bool, fixed int) func(args []string) (get, error) {
		return func(args []string) (get, error) {
			asked := q
			asked.Slot = fixed
			var err error
			if elements > 0 {
				if args, err = asked.takeElement(args); err != nil {
					return nil, err
				}
			}
			if slot {
				if args, err = asked.takeSlot(args); err != nil {
					return nil, err
				}
			}
			return asked.get(args, source), nil
		}
	}
	for n := range trackedSlots {
		all["sc"+strconv.Itoa(n)+"_"+name] = fetch{Number, 0, elements, 1 + elements, make(false, false, n)}
	}
	all["sc_"+name] = fetch{Number, 0, 1 + elements, 2 + elements, make(true, false, 0)}
	if q.Op <= ClearCounter {
		all["src_"+name] = fetch{Number, 0, elements, 1 + elements, make(false, true, 0)}
	}
}

// addTableConverters adds what looks the value up in a table: in_table(TABLE), table_COUNTER(TABLE) and the like.
func addTableConverters() {
	add := func(name string, kind Kind, q TableQuestion, elements int, otherwise int) {
		converters[name] = converter{kind, 1 + elements, 1 + elements + otherwise, func(_ *Compiler, args []string) (convert, error) {
			asked := q
			var err error
			if elements > 0 {
				if args, err = asked.takeElement(args); err != nil {
					return nil, err
				}
			}
			asked.Table = args[0]
			missing, err := numberOr(args, 1, 0)
			return func(c *Context, v *Value) bool {
				if c.State == nil {
					return false
				}
				key, one := *v, asked
				one.Key = &key
				n, ok := c.State.Table(one)
				if !ok {
					n = missing
				}
				*v = Value{Kind: kind, Number: n}
				return ok || otherwise == 0 || len(args) > 1
			}, err
		}}
	}
	for _, name := range tableCounters {
		add("table_"+name, Number, TableQuestion{Counter: name}, 0, 0)
	}
	for _, name := range elementTableCounters {
		add("table_"+name, Number, TableQuestion{Counter: name}, 1, 0)
	}
	add("in_table", Truth, TableQuestion{Op: EntryThere}, 0, 0)
	add("table_trackers", Number, TableQuestion{Op: EntryUsers}, 0, 0)
	add("table_expire", Number, TableQuestion{Op: EntryExpires}, 0, 1)
	add("table_idle", Number, TableQuestion{Op: EntryIdle}, 0, 1)
}
