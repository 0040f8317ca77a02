package config

import (
	"slices"
	"strings"
	"time"
)

// DataType is what a stick-table may keep of a key. The numbers are those of the peers protocol.
type DataType uint8

// The data types.
const (
	ServerID DataType = iota
	GPT0
	GPC0
	GPC0Rate
	ConnCnt
	ConnRate
	ConnCur
	SessCnt
	SessRate
	HTTPReqCnt
	HTTPReqRate
	HTTPErrCnt
	HTTPErrRate
	BytesInCnt
	BytesInRate
	BytesOutCnt
	BytesOutRate
	GPC1
	GPC1Rate
	ServerKey
	HTTPFailCnt
	HTTPFailRate
	GPT
	GPC
	GPCRate
	DataTypes // how many there are
)

var dataTypeNames = [DataTypes]string{"server_id", "gpt0", "gpc0", "gpc0_rate", "conn_cnt", "conn_rate", "conn_cur", "sess_cnt", "sess_rate",
	"http_req_cnt", "http_req_rate", "http_err_cnt", "http_err_rate", "bytes_in_cnt", "bytes_in_rate", "bytes_out_cnt", "bytes_out_rate",
	"gpc1", "gpc1_rate", "server_key", "http_fail_cnt", "http_fail_rate", "gpt", "gpc", "gpc_rate"}

// String is the type's name in configurations.
func (d DataType) String() string { return dataTypeNames[d] }

// Rate tells whether the type counts events within a period.
func (d DataType) Rate() bool { return strings.HasSuffix(dataTypeNames[d], "_rate") }

// Array tells whether the type has several elements.
func (d DataType) Array() bool { return d == GPT || d == GPC || d == GPCRate }

// DataTypeOf finds a type by its name.
func DataTypeOf(name string) (DataType, bool) {
	i := slices.Index(dataTypeNames[:], name)
	return DataType(max(i, 0)), i >= 0
}

// Stored is one data type of a table.
type Stored struct {
	Type     DataType
	Period   time.Duration // of a rate
	Elements int           // 1, but for arrays
}

// Table is a stick-table.
type Table struct {
	Name    string // of the proxy, or PEERS/NAME for one that a peers section has
	Shared  string // its name among peers
	Type    string // ip, ipv6, integer, string, binary
	Length  int    // of keys, in bytes, at most
	Size    int    // entries
	Expire  time.Duration
	NoPurge bool
	Stores  []Stored // by type
	Peers   string   // the section with whose peers it is exchanged; "": none
	ByAddr  bool     // srvkey addr: servers are known to peers by their addresses
}

// Store adds a data type, unless it is there.
func (t *Table) Store(s Stored) bool {
	at, found := slices.BinarySearchFunc(t.Stores, s.Type, func(a Stored, d DataType) int { return int(a.Type) - int(d) })
	if !found {
		t.Stores = slices.Insert(t.Stores, at, s)
	}
	return !found
}

func (t *Table) storesOf(d DataType) bool {
	return slices.ContainsFunc(t.Stores, func(s Stored) bool { return s.Type == d })
}

// tableLine reads stick-table type TYPE [len N] size SIZE [expire TIME] [nopurge] [peers SECTION] [srvkey name|addr] [store COUNTER,…].
func tableLine(p *parser, l Line) *Problem {
	table := &Table{Name: p.proxy.Name, Shared: p.proxy.Name}
	if problem := p.table(l, l.take(1), table); problem != nil {
		return problem
	}
	p.proxy.Table = table
	return nil
}

// keyLengths are the bytes of keys that are all equally long.
var keyLengths = map[string]int{"ip": 4, "ipv6": 16, "integer": 4}

// longestKey bounds len of strings and binary keys.
const longestKey = 1 << 14

func (p *parser) table(l Line, t *taker, table *Table) *Problem {
	table.Length = 32
	for t.more() {
		switch w := t.next(); w {
		case "type":
			table.Type = t.value(w)
			if !slices.Contains(fields("ip ipv6 integer string binary"), table.Type) {
				t.fail("%s: type %q is not known; there are ip, ipv6, integer, string and binary", l.Words[0], table.Type)
			}
		case "len":
			table.Length = t.count(w, 1, longestKey)
		case "size":
			n, err := size(t.value(w))
			if table.Size = n; err != nil {
				t.fail("%s: %v", l.Words[0], err)
			}
		case "expire":
			table.Expire = t.duration(w)
		case "nopurge":
			table.NoPurge = true
		case "store":
			table.stores(t, t.value(w))
		case "peers":
			table.Peers = t.value(w)
		case "srvkey":
			kind := t.value(w)
			if table.ByAddr = kind == "addr"; kind != "addr" && kind != "name" {
				t.fail("%s: srvkey takes name or addr, not %q", l.Words[0], kind)
			}
		default:
			t.fail("%s: %q is not known; there are type, len, size, expire, nopurge, peers, srvkey and store", l.Words[0], w)
		}
	}
	if has := table.storesOf; has(GPC) && (has(GPC0) || has(GPC1)) || has(GPCRate) && (has(GPC0Rate) || has(GPC1Rate)) || has(GPT) && has(GPT0) {
		t.fail("%s: an array has gpc0, gpc1 and gpt0 as its first elements; store the one or the other", l.Words[0])
	}
	if t.err == nil && (table.Type == "" || table.Size == 0) {
		t.fail("%s wants a type and a size", l.Words[0])
	}
	if n := keyLengths[table.Type]; n > 0 {
		table.Length = n
	}
	if name := table.Peers; name != "" {
		p.later = append(p.later, func() {
			if p.config.Peers[name] == nil {
				p.report(l.problem("there is no peers section %q", name))
			}
		})
	}
	return t.err
}

// stores reads the list behind `store`: NAME, NAME(PERIOD), and for arrays NAME(ELEMENTS) and NAME(ELEMENTS,PERIOD).
func (t *Table) stores(words *taker, list string) {
	for list != "" {
		one := list
		if i := strings.IndexAny(list, ",("); i >= 0 && list[i] == '(' { // a comma within parentheses separates nothing
			end := strings.IndexByte(list, ')')
			if end < 0 {
				words.fail("store %q: the parenthesis is not closed", list)
				return
			}
			one, list = list[:end+1], strings.TrimPrefix(list[end+1:], ",")
		} else {
			one, list, _ = strings.Cut(list, ",")
		}
		s, problem := storedOf(strings.TrimSpace(one))
		if problem == "" && !t.Store(s) {
			problem = "it stands there twice"
		}
		if problem != "" {
			words.fail("store %s: %s", one, problem)
			return
		}
	}
}

// mostElements bounds arrays of counters and tags, as HAProxy does.
const mostElements = 100

func storedOf(text string) (s Stored, problem string) {
	name, arguments, called := strings.Cut(text, "(")
	d, known := DataTypeOf(name)
	if !known || d == ServerKey {
		return s, "it is not known; there are " + strings.Join(dataTypeNames[:], ", ")
	}
	s = Stored{Type: d, Elements: 1}
	arguments = strings.TrimSuffix(arguments, ")")
	if called != (d.Rate() || d.Array()) {
		return s, "only rates have a period, and arrays a number of elements, in parentheses"
	}
	if d.Array() {
		elements, period, _ := strings.Cut(arguments, ",")
		n, err := count(strings.TrimSpace(elements), 1, mostElements)
		if err != nil {
			return s, err.Error()
		}
		s.Elements, arguments = n, strings.TrimSpace(period)
	}
	if d.Rate() {
		period, err := duration(arguments, time.Millisecond)
		if err != nil || period < time.Millisecond {
			return s, "a rate wants a period"
		}
		s.Period = period
	}
	return s, ""
}

// stickLine reads stick on|match|store-request|store-response KEY [table NAME] [if CONDITION].
func stickLine(p *parser, l Line) *Problem {
	l, c, problem := p.condition(l)
	if problem != nil {
		return problem
	}
	if problem := l.wants(2, 4); problem != nil {
		return problem
	}
	s := Stick{If: c, Table: p.proxy.Name}
	switch l.Words[1] {
	case "on":
		s.Match, s.Store = true, true
	case "match":
		s.Match = true
	case "store-request":
		s.Store = true
	case "store-response":
		s.StoreAnswer = true
	default:
		return l.problem("stick takes on, match, store-request or store-response, not %q", l.Words[1])
	}
	e, err := p.config.Compiler.Expr(l.Words[2])
	if s.Expr = e; err != nil {
		return l.problem("stick: %v", err)
	}
	if len(l.Words) == 5 && l.Words[3] == "table" {
		s.Table = l.Words[4]
	} else if len(l.Words) != 3 {
		return l.problem("stick: `table` and a name is expected, not %q", l.Words[3])
	}
	p.proxy.Sticks = append(p.proxy.Sticks, s)
	p.wantsKeys(l, s.Table, s.Expr)
	p.later = append(p.later, func() {
		t := p.config.Table(s.Table)
		if t == nil {
			return
		}
		t.Store(Stored{Type: ServerID, Elements: 1})
		t.Store(Stored{Type: ServerKey, Elements: 1})
	})
	return nil
}

// Table finds a stick-table by its name.
func (c *Config) Table(name string) *Table {
	for _, t := range c.Tables() {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Tables are all stick-tables: those of proxies, and those of peers sections.
func (c *Config) Tables() []*Table {
	var all []*Table
	for _, x := range c.Proxies {
		if x.Table != nil {
			all = append(all, x.Table)
		}
	}
	for _, name := range sortedNames(c.Peers) {
		all = append(all, c.Peers[name].Tables...)
	}
	return all
}
