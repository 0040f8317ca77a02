package stats

// metric is a family of numbers under the name that HAProxy's exporter gives it, behind haproxy_frontend_, haproxy_backend_ or haproxy_server_. Its values
// are a column of the statistics.
type metric struct {
	name, kind, column string
	rows               []Kind
	help               string
}

var (
	everywhere = []Kind{OfFrontend, OfBackend, OfServer}
	behind     = []Kind{OfBackend, OfServer}
	proxies    = []Kind{OfFrontend, OfBackend}
	front      = []Kind{OfFrontend}
	servers    = []Kind{OfServer}
)

const (
	counter = "counter"
	gauge   = "gauge"
)

// metrics are those of rows, but for status, check_status and http_responses, which have a number for each of their words.
var metrics = []metric{
	{"current_sessions", gauge, "scur", everywhere, "sessions at present"},
	{"max_sessions", gauge, "smax", everywhere, "most sessions at once"},
	{"limit_sessions", gauge, "slim", everywhere, "limit of sessions"},
	{"sessions_total", counter, "stot", everywhere, "sessions that were begun"},
	{"max_session_rate", gauge, "rate_max", everywhere, "most new sessions in a second"},
	{"limit_session_rate", gauge, "rate_lim", front, "limit of new sessions in a second; 0: none"},
	{"connections_total", counter, "conn_tot", front, "connections that were taken"},
	{"connections_rate_max", gauge, "conn_rate_max", front, "most new connections in a second"},
	{"bytes_in_total", counter, "bin", everywhere, "bytes of requests"},
	{"bytes_out_total", counter, "bout", everywhere, "bytes of answers"},
	{"http_requests_total", counter, "req_tot", proxies, "requests"},
	{"http_requests_rate_max", gauge, "req_rate_max", front, "most requests in a second"},
	{"requests_denied_total", counter, "dreq", proxies, "requests that rules refused"},
	{"responses_denied_total", counter, "dresp", everywhere, "answers that rules refused"},
	{"denied_connections_total", counter, "dcon", front, "connections that rules refused"},
	{"intercepted_requests_total", counter, "intercepted", front, "requests that the proxy answered itself"},
	{"request_errors_total", counter, "ereq", front, "requests that were not HTTP"},
	{"connection_errors_total", counter, "econ", behind, "connections to servers that failed"},
	{"response_errors_total", counter, "eresp", behind, "answers that were broken"},
	{"retry_warnings_total", counter, "wretr", behind, "connections that were tried again"},
	{"redispatch_warnings_total", counter, "wredis", behind, "requests that went to another server"},
	{"http_comp_bytes_in_total", counter, "comp_in", proxies, "bytes of answers before they were compressed"},
	{"http_comp_bytes_out_total", counter, "comp_out", proxies, "bytes of answers after they were compressed"},
	{"http_comp_bytes_bypassed_total", counter, "comp_byp", proxies, "bytes of answers that were left as they were for want of processor time"},
	{"http_comp_responses_total", counter, "comp_rsp", proxies, "answers that were compressed"},
	{"http_cache_lookups_total", counter, "cache_lookups", front, "requests that were looked for in a cache"},
	{"http_cache_hits_total", counter, "cache_hits", front, "requests that a cache answered"},
	{"connection_attempts_total", counter, "connect", behind, "connections that were opened"},
	{"connection_reuses_total", counter, "reuse", behind, "requests on connections that were open"},
	{"client_aborts_total", counter, "cli_abrt", behind, "transfers that clients broke off"},
	{"server_aborts_total", counter, "srv_abrt", behind, "transfers that servers broke off"},
	{"loadbalanced_total", counter, "lbtot", behind, "choices of the server"},
	{"last_session_seconds", gauge, "lastsess", behind, "time since the last exchange; -1: there was none"},
	{"current_queue", gauge, "qcur", behind, "requests that wait"},
	{"max_queue", gauge, "qmax", behind, "most requests that waited at once"},
	{"queue_time_average_seconds", gauge, "qtime", behind, "time in the queue, of the last 1024 exchanges"},
	{"connect_time_average_seconds", gauge, "ctime", behind, "time to connect, of the last 1024 exchanges"},
	{"response_time_average_seconds", gauge, "rtime", behind, "time to the answer, of the last 1024 exchanges"},
	{"total_time_average_seconds", gauge, "ttime", behind, "time from begin to end, of the last 1024 exchanges"},
	{"max_queue_time_seconds", gauge, "qtime_max", behind, "longest time in the queue"},
	{"max_connect_time_seconds", gauge, "ctime_max", behind, "longest time to connect"},
	{"max_response_time_seconds", gauge, "rtime_max", behind, "longest time to the answer"},
	{"max_total_time_seconds", gauge, "ttime_max", behind, "longest time from begin to end"},
	{"weight", gauge, "weight", behind, "weight of the servers that take clients"},
	{"uweight", gauge, "uweight", behind, "weight as it was set"},
	{"current_throttle", gauge, "throttle", servers, "share of the weight that a server has after it came up, in percent"},
	{"active_servers", gauge, "act", []Kind{OfBackend}, "servers that take clients"},
	{"backup_servers", gauge, "bck", []Kind{OfBackend}, "backup servers that take clients"},
	{"check_failures_total", counter, "chkfail", servers, "checks that failed while the server was up"},
	{"check_up_down_total", counter, "chkdown", behind, "times that it went down"},
	{"check_last_change_seconds", gauge, "lastchg", behind, "time in this state"},
	{"downtime_seconds_total", counter, "downtime", behind, "time that it was down"},
	{"check_duration_seconds", gauge, "check_duration", servers, "time that the last check took"},
	{"check_code", gauge, "check_code", servers, "number that the last check was answered with"},
	{"used_connections_current", gauge, "used_conn_cur", servers, "connections that are used"},
}

// httpOnly are columns that a proxy of mode tcp has no use for.
var httpOnly = map[string]bool{"req_tot": true, "req_rate_max": true, "comp_in": true, "comp_out": true, "comp_byp": true, "comp_rsp": true, "cache_lookups": true,
	"cache_hits": true, "intercepted": true}

// processMetric is a field of `show info` under the name that HAProxy's exporter gives it, behind haproxy_process_.
type processMetric struct {
	name, kind, field string
	scale             float64 // of the field's unit
}

var processMetrics = []processMetric{
	{"nbthread", gauge, "Nbthread", 1}, {"nbproc", gauge, "Nbproc", 1}, {"relative_process_id", gauge, "Process_num", 1}, {"pid", gauge, "Pid", 1},
	{"uptime_seconds", gauge, "Uptime_sec", 1}, {"max_memory_bytes", gauge, "Memmax_MB", 1 << 20}, {"pool_allocated_bytes", gauge, "PoolAlloc_MB", 1 << 20},
	{"pool_used_bytes", gauge, "PoolUsed_MB", 1 << 20}, {"pool_failures_total", counter, "PoolFailed", 1}, {"max_fds", gauge, "Ulimit-n", 1},
	{"max_sockets", gauge, "Maxsock", 1}, {"max_connections", gauge, "Maxconn", 1}, {"hard_max_connections", gauge, "Hard_maxconn", 1},
	{"current_connections", gauge, "CurrConns", 1}, {"connections_total", counter, "CumConns", 1}, {"requests_total", counter, "CumReq", 1},
	{"max_ssl_connections", gauge, "MaxSslConns", 1}, {"current_connection_rate", gauge, "ConnRate", 1}, {"limit_connection_rate", gauge, "ConnRateLimit", 1},
	{"max_connection_rate", gauge, "MaxConnRate", 1}, {"current_session_rate", gauge, "SessRate", 1}, {"limit_session_rate", gauge, "SessRateLimit", 1},
	{"max_session_rate", gauge, "MaxSessRate", 1}, {"current_tasks", gauge, "Tasks", 1}, {"current_run_queue", gauge, "Run_queue", 1},
	{"idle_time_percent", gauge, "Idle_pct", 1}, {"stopping", gauge, "Stopping", 1}, {"jobs", gauge, "Jobs", 1}, {"unstoppable_jobs", gauge, "Unstoppable Jobs", 1},
	{"listeners", gauge, "Listeners", 1}, {"active_peers", gauge, "ActivePeers", 1}, {"connected_peers", gauge, "ConnectedPeers", 1},
	{"dropped_logs_total", counter, "DroppedLogs", 1}, {"busy_polling_enabled", gauge, "BusyPolling", 1}, {"bytes_out_total", counter, "TotalBytesOut", 1},
	{"spliced_bytes_out_total", counter, "TotalSplicdedBytesOut", 1}, {"bytes_out_rate", gauge, "BytesOutRate", 1}, {"recv_logs_total", counter, "CumRecvLogs", 1},
	{"failed_resolutions", counter, "FailedResolutions", 1}, {"max_pipes", gauge, "Maxpipes", 1}, {"pipes_used_total", counter, "PipesUsed", 1},
	{"pipes_free_total", counter, "PipesFree", 1}, {"current_ssl_connections", gauge, "CurrSslConns", 1}, {"ssl_connections_total", counter, "CumSslConns", 1},
	{"current_ssl_rate", gauge, "SslRate", 1}, {"limit_ssl_rate", gauge, "SslRateLimit", 1}, {"max_ssl_rate", gauge, "MaxSslRate", 1},
	{"current_frontend_ssl_key_rate", gauge, "SslFrontendKeyRate", 1}, {"max_frontend_ssl_key_rate", gauge, "SslFrontendMaxKeyRate", 1},
	{"frontend_ssl_reuse", gauge, "SslFrontendSessionReuse_pct", 1}, {"current_backend_ssl_key_rate", gauge, "SslBackendKeyRate", 1},
	{"max_backend_ssl_key_rate", gauge, "SslBackendMaxKeyRate", 1}, {"ssl_cache_lookups_total", counter, "SslCacheLookups", 1},
	{"ssl_cache_misses_total", counter, "SslCacheMisses", 1}, {"http_comp_bytes_in_total", counter, "CompressBpsIn", 1},
	{"http_comp_bytes_out_total", counter, "CompressBpsOut", 1}, {"limit_http_comp", gauge, "CompressBpsRateLim", 1},
}
