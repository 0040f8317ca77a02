package stats

import (
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/proxy/pool"
)

// column is one of the statistics' columns, under HAProxy's name for it and in its place. tags say where a value comes from, what it is and whom it
// is of, in HAProxy's letters (management.txt, 9.2).
type column struct {
	name string
	tags string
	kind string // str, u32, s32, u64
	of   func(r *Row) string
}

func number(of func(*Row) int64) func(*Row) string {
	return func(r *Row) string { return strconv.FormatInt(of(r), 10) }
}

// only gives a column to rows of these kinds.
func only(of func(*Row) string, kinds ...Kind) func(*Row) string {
	return func(r *Row) string {
		for _, k := range kinds {
			if r.Kind == k {
				return of(r)
			}
		}
		return ""
	}
}

func empty(*Row) string { return "" }

// checked gives a column to servers that are asked.
func checked(of func(*Row) string) func(*Row) string {
	return only(func(r *Row) string {
		if !r.Checked {
			return ""
		}
		return of(r)
	}, OfServer)
}

// asked gives a column to servers whose agents are asked.
func asked(of func(*Row) string) func(*Row) string {
	return only(func(r *Row) string {
		if !r.Asked {
			return ""
		}
		return of(r)
	}, OfServer)
}

// codeOf is a check's number, of those results that have one.
func codeOf(c pool.Result) string {
	switch c.Status {
	case "L7OK", "L7OKC", "L7STS", "PROCOK", "PROCERR":
		if c.Code >= 0 {
			return strconv.Itoa(c.Code)
		}
	}
	return ""
}

func counted(name string, of func(*Row) int64, kinds ...Kind) column {
	return column{name, "MCP", "u64", only(number(of), kinds...)}
}

func gauged(name, tags string, of func(*Row) int64, kinds ...Kind) column {
	return column{name, tags, "u32", only(number(of), kinds...)}
}

// unused holds the place of what is not counted here.
func unused(names string) []column {
	var all []column
	for _, name := range strings.Fields(names) {
		all = append(all, column{name, "MCP", "u64", empty})
	}
	return all
}

func seconds(of func(*Row) time.Duration) func(*Row) int64 {
	return func(r *Row) int64 { return int64(of(r).Seconds()) }
}

var columns = allColumns()

func allColumns() []column {
	all := []column{
		{"pxname", "KNS", "str", func(r *Row) string { return r.Proxy }},
		{"svname", "KNS", "str", func(r *Row) string { return r.Name }},
		gauged("qcur", "MGP", func(r *Row) int64 { return r.Queue }, OfBackend, OfServer),
		gauged("qmax", "MMP", func(r *Row) int64 { return r.MostQueued }, behind...),
		gauged("scur", "MGP", func(r *Row) int64 { return r.Current }, everywhere...),
		gauged("smax", "MMP", func(r *Row) int64 { return r.Most }, everywhere...),
		{"slim", "CLP", "u32", func(r *Row) string { return positive(r.Limit) }},
		counted("stot", func(r *Row) int64 { return max(r.Total.Sessions, r.Total.Connections) }, everywhere...),
		counted("bin", func(r *Row) int64 { return r.Total.BytesIn }, everywhere...),
		counted("bout", func(r *Row) int64 { return r.Total.BytesOut }, everywhere...),
		counted("dreq", func(r *Row) int64 { return r.Total.Denied }, OfFrontend, OfBackend),
		counted("dresp", func(r *Row) int64 { return r.Total.DeniedAnswers }, everywhere...),
		counted("ereq", func(r *Row) int64 { return r.Total.BadRequests }, OfFrontend),
		counted("econ", func(r *Row) int64 { return r.Total.ConnectErrors }, behind...),
		counted("eresp", func(r *Row) int64 { return r.Total.AnswerErrors }, behind...),
		counted("wretr", func(r *Row) int64 { return r.Total.Retries }, behind...),
		counted("wredis", func(r *Row) int64 { return r.Total.Redispatches }, behind...),
		{"status", "SGP", "str", func(r *Row) string { return r.Status }},
		gauged("weight", "MaP", func(r *Row) int64 { return int64(r.Weight) }, behind...),
		gauged("act", "SGP", func(r *Row) int64 { return activity(r, false) }, behind...),
		gauged("bck", "SGP", func(r *Row) int64 { return activity(r, true) }, behind...),
		{"chkfail", "MCP", "u64", checked(number(func(r *Row) int64 { return r.Health.Fails }))},
		{"chkdown", "MCP", "u64", checkedOrBackend(number(func(r *Row) int64 { return r.Health.Downs }))},
		gauged("lastchg", "MAP", seconds(func(r *Row) time.Duration { return r.Since }), behind...),
		{"downtime", "MCP", "u32", checkedOrBackend(func(r *Row) string {
			if r.Kind == OfBackend && r.Members == 0 {
				return ""
			}
			return strconv.Itoa(int(r.Health.Downtime.Seconds()))
		})},
		{"qlimit", "CGS", "u32", only(func(r *Row) string { return positive(int64(r.QueueLimit)) }, OfServer)},
		{"pid", "KGP", "u32", func(*Row) string { return "1" }},
		gauged("iid", "KGS", func(r *Row) int64 { return int64(r.ProxyID) }, everywhere...),
		gauged("sid", "KGS", func(r *Row) int64 { return int64(r.ID) }, everywhere...),
		{"throttle", "CaP", "u32", only(func(r *Row) string {
			if r.Throttle == 100 {
				return ""
			}
			return strconv.Itoa(r.Throttle)
		}, OfServer)},
		counted("lbtot", func(r *Row) int64 { return r.Total.Balanced }, behind...),
		{"tracked", "CNS", "str", func(r *Row) string { return r.Tracked }},
		gauged("type", "CGS", func(r *Row) int64 { return int64(r.Kind) }, everywhere...),
		gauged("rate", "MRP", func(r *Row) int64 { return r.Rate }, everywhere...),
		gauged("rate_lim", "CLP", func(r *Row) int64 { return r.RateLimit }, OfFrontend),
		gauged("rate_max", "MMP", func(r *Row) int64 { return r.MostRate }, everywhere...),
		{"check_status", "MOP", "str", checked(func(r *Row) string { return r.Health.Check.Status })},
		{"check_code", "MOP", "u32", checked(func(r *Row) string { return codeOf(r.Health.Check) })},
		{"check_duration", "MDP", "u64", checked(number(func(r *Row) int64 { return r.Health.Check.Took.Milliseconds() }))},
	}
	for i, name := range []string{"hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other"} {
		all = append(all, column{name, "MCP", "u64", status((i + 1) % 6)})
	}
	all = append(append(all, unused("hanafail")...),
		gauged("req_rate", "MRP", func(r *Row) int64 { return r.Requests[0] }, OfFrontend),
		gauged("req_rate_max", "MMP", func(r *Row) int64 { return r.Requests[1] }, OfFrontend))
	return append(all, laterColumns()...)
}

// laterColumns are those behind the counters of answers.
func laterColumns() []column {
	all := []column{
		{"req_tot", "MCP", "u64", ofHTTP(number(func(r *Row) int64 { return r.Total.Requests }))},
		counted("cli_abrt", func(r *Row) int64 { return r.Total.ClientAborts }, behind...),
		counted("srv_abrt", func(r *Row) int64 { return r.Total.ServerAborts }, behind...),
	}
	all = append(all,
		counted("comp_in", func(r *Row) int64 { return r.Total.CodedIn }, OfFrontend, OfBackend),
		counted("comp_out", func(r *Row) int64 { return r.Total.CodedOut }, OfFrontend, OfBackend),
		counted("comp_byp", func(*Row) int64 { return 0 }, OfFrontend, OfBackend),
		counted("comp_rsp", func(r *Row) int64 { return r.Total.Compressed }, OfFrontend, OfBackend))
	all = append(all, column{"lastsess", "MAP", "s32", only(func(r *Row) string { return strconv.FormatInt(r.LastUse, 10) }, behind...)})
	all = append(all,
		column{"last_chk", "MOP", "str", checked(func(r *Row) string { return r.Health.Check.Why })})
	all = append(all, column{"last_agt", "MOP", "str", asked(func(r *Row) string { return r.Health.Agent.Why })})
	all = append(all, times(func(r *Row) *pool.Spent { return &r.Paces.Average }, "a", "")...)
	all = append(all,
		column{"agent_status", "MOP", "str", asked(func(r *Row) string { return r.Health.Agent.Status })},
		column{"agent_code", "MOP", "u32", asked(func(r *Row) string { return codeOf(r.Health.Agent) })},
		column{"agent_duration", "MDP", "u64", asked(number(func(r *Row) int64 { return r.Health.Agent.Took.Milliseconds() }))},
		column{"check_desc", "MOP", "str", checked(func(r *Row) string { return checkMeanings[r.Health.Check.Status] })},
		column{"agent_desc", "MOP", "str", asked(func(r *Row) string { return checkMeanings[r.Health.Agent.Status] })})
	all = append(all,
		column{"check_rise", "CGS", "u32", checked(number(func(r *Row) int64 { return int64(r.Rise) }))},
		column{"check_fall", "CGS", "u32", checked(number(func(r *Row) int64 { return int64(r.Fall) }))})
	all = append(all, column{"check_health", "CGS", "u32", checked(number(func(r *Row) int64 { return int64(r.Health.Level) }))})
	all = append(all,
		column{"agent_rise", "CGS", "u32", asked(func(*Row) string { return "1" })},
		column{"agent_fall", "CGS", "u32", asked(func(*Row) string { return "1" })},
		column{"agent_health", "CGS", "u32", asked(func(r *Row) string { return strconv.Itoa(map[bool]int{true: 1}[r.Agreed]) })})
	all = append(all,
		column{"addr", "CGS", "str", func(r *Row) string { return r.Address }},
		column{"cookie", "CNS", "str", func(r *Row) string { return r.Cookie }},
		column{"mode", "CGS", "str", func(r *Row) string { return r.Mode }},
		column{"algo", "CGS", "str", func(r *Row) string { return r.Algorithm }},
		gauged("conn_rate", "MRP", func(r *Row) int64 { return r.Rate }, OfFrontend),
		gauged("conn_rate_max", "MMP", func(r *Row) int64 { return r.MostRate }, OfFrontend),
		counted("conn_tot", func(r *Row) int64 { return r.Total.Connections }, OfFrontend))
	all = append(all,
		column{"intercepted", "MCP", "u64", ofHTTP(only(number(func(r *Row) int64 { return r.Total.Intercepted }), OfFrontend))},
		counted("dcon", func(r *Row) int64 { return r.Total.DeniedConnections }, OfFrontend))
	all = append(all, counted("dses", func(r *Row) int64 { return r.Total.DeniedSessions }, OfFrontend), counted("wrew", none, everywhere...))
	all = append(all,
		counted("connect", func(r *Row) int64 { return r.Total.Opened }, behind...),
		counted("reuse", func(r *Row) int64 { return r.Total.Reused }, behind...))
	all = append(all,
		column{"cache_lookups", "MCP", "u64", ofHTTP(only(number(func(r *Row) int64 { return r.Total.CacheLookups }), OfFrontend, OfBackend))},
		column{"cache_hits", "MCP", "u64", ofHTTP(only(number(func(r *Row) int64 { return r.Total.CacheHits }), OfFrontend, OfBackend))})
	all = append(all, gauged("srv_icur", "MGP", func(r *Row) int64 { return r.Idle }, OfServer),
		column{"src_ilim", "CLP", "u32", only(func(r *Row) string { return positive(int64(r.IdleLimit)) }, OfServer)})
	all = append(all, times(func(r *Row) *pool.Spent { return &r.Paces.Slowest }, "M", "_max")...)
	all = append(all, counted("eint", none, everywhere...),
		gauged("idle_conn_cur", "MGP", func(r *Row) int64 { return r.Idle }, OfServer),
		gauged("safe_conn_cur", "MGP", none, OfServer),
		gauged("used_conn_cur", "MGP", func(r *Row) int64 { return r.Current }, OfServer),
		gauged("need_conn_est", "MGP", func(r *Row) int64 { return r.Current }, OfServer),
		gauged("uweight", "MaP", func(r *Row) int64 { return int64(r.Weight) }, behind...))
	for _, name := range []string{"agg_server_status", "agg_server_check_status", "agg_check_status"} {
		all = append(all, gauged(name, "MGP", none, OfBackend))
	}
	return all
}

// none is of what cannot happen here, as fields of heads that could not be written.
func none(*Row) int64 { return 0 }

// positive is a limit; "": there is none.
func positive(n int64) string {
	if n <= 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// ofHTTP gives a column to rows of proxies that speak HTTP.
func ofHTTP(of func(*Row) string) func(*Row) string {
	return func(r *Row) string {
		if r.Mode != "http" {
			return ""
		}
		return of(r)
	}
}

func status(class int) func(*Row) string {
	return func(r *Row) string {
		if r.Mode != "http" {
			return ""
		}
		return strconv.FormatInt(r.Total.Status[class], 10)
	}
}

// activity tells whether a server is among those that are used (act) or that stand in for them (bck); for a backend, how many can be used.
func activity(r *Row, backup bool) int64 {
	switch {
	case r.Kind == OfServer:
		return int64(map[bool]int{true: 1}[r.Backup == backup])
	case backup:
		return int64(r.Backups)
	}
	return int64(r.Active)
}

// checkedOrBackend gives a column to servers that are asked and to backends.
func checkedOrBackend(of func(*Row) string) func(*Row) string {
	return func(r *Row) string {
		if r.Kind == OfBackend || r.Kind == OfServer && r.Checked {
			return of(r)
		}
		return ""
	}
}

// times are the columns of what exchanges waited for.
func times(of func(*Row) *pool.Spent, nature, suffix string) []column {
	one := func(name string, ms func(*pool.Spent) int64) column {
		return gauged(name+suffix, "M"+nature+"P", func(r *Row) int64 { return ms(of(r)) }, behind...)
	}
	return []column{one("qtime", func(t *pool.Spent) int64 { return t.Queue }), one("ctime", func(t *pool.Spent) int64 { return t.Connect }),
		one("rtime", func(t *pool.Spent) int64 { return t.Response }), one("ttime", func(t *pool.Spent) int64 { return t.Total })}
}

// checkMeanings are what the letters of checks stand for (management.txt, 9.1).
var checkMeanings = map[string]string{
	"UNK": "Unknown", "INI": "Initializing", "SOCKERR": "Socket error", "L4OK": "Layer4 check passed", "L4TOUT": "Layer4 timeout", "L4CON": "Layer4 connection problem",
	"L6OK": "Layer6 check passed", "L6TOUT": "Layer6 timeout", "L6RSP": "Layer6 invalid response", "L7OK": "Layer7 check passed",
	"L7OKC": "Layer7 check conditionally passed", "L7TOUT": "Layer7 timeout", "L7RSP": "Layer7 invalid response", "L7STS": "Layer7 wrong status",
	"PROCERR": "External check error", "PROCTOUT": "External check timeout", "PROCOK": "External check passed",
}
