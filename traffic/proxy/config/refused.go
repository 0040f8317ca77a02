package config

// refusedSections are HAProxy's sections that are not offered, and why.
var refusedSections = map[string]string{
	"fcgi-app":    "FastCGI is not spoken",
	"log-forward": "it is not a syslog relay",
	"crt-store":   "name certificates with crt",
}

// refusedProxy are directives of proxies that HAProxy knows and this program does not offer; refusedGlobal, of the global
// section; refusedOptions, behind `option`; refusedServer and refusedBind, on those lines.
var (
	refusedProxy  = words(`appsession transparent max-keep-alive-queue acl-file log-steps hash-preserve-affinity`)
	refusedGlobal = words(`grace 51degrees-data-file anonkey cpu-policy ca-base-verify deviceatlas-json-file
		log-send-hostname-format lua-load lua-load-per-thread lua-prepend-path nbproc ocsp-update.mindelay prealloc-fd
		setcap shm-stats-file thread-hard-limit wurfl-data-file cluster-secret tune.lua.forced-yield tune.lua.maxmem
		tune.lua.service-timeout tune.lua.session-timeout tune.lua.task-timeout`)
	refusedOptions = words(`logasap checkcache http-ignore-probes-strict http-use-htx nolinger-both spop-check
		srvtcpka-probe tcp-smart-accept-all`)
	refusedServer = words(`force-sslv3 hash-key namespace npn proto set-proxy-v2-tlv-fmt allow-0rtt tcp-md5sig usesrc pool-conn-name agent-inter-jitter`)
	refusedBind   = words(`maxconn nice user group accept-netscaler-cip allow-0rtt cc
		expose-fd-listeners gid guid-prefix id idle-ping namespace npn ocsp-update prefer-client-ciphers
		process quic-cc-algo quic-force-retry quic-socket severity-output shards sigalgs client-sigalgs tcp-md5sig tcp-ut tfo thread
		uid nbconn`)
)

func words(text string) map[string]string {
	all := map[string]string{}
	for _, w := range fields(text) {
		all[w] = ""
	}
	return all
}
