package config

// refusedSections are HAProxy's sections that are not offered, and why.
var refusedSections = map[string]string{
	"cache":       "answers are not cached",
	"ring":        "log to stdout or a syslog server instead",
	"program":     "let the service manager or the cluster run programs",
	"fcgi-app":    "FastCGI is not spoken",
	"log-forward": "it is not a syslog relay",
	"crt-store":   "name certificates with crt",
}

// refusedProxy are directives of proxies that HAProxy knows and this program does not offer; refusedGlobal, of the global
// section; refusedOptions, behind `option`; refusedServer and refusedBind, on those lines.
var (
	refusedProxy = words(`compression dynamic-cookie-key max-keep-alive-queue acl-file clitcpka-cnt clitcpka-idle clitcpka-intvl srvtcpka-cnt srvtcpka-idle srvtcpka-intvl dispatch
		filter force-persist ignore-persist log-steps log-format-sd persist declare http-send-name-header
		tcp-response transparent hash-preserve-affinity`)
	refusedGlobal = words(`grace set-var set-var-fmt 51degrees-data-file anonkey busy-polling cluster-secret cpu-map cpu-policy ca-base-verify deviceatlas-json-file
		fd-hard-limit gid h1-case-adjust h1-case-adjust-file h2-workaround-bogus-websocket-clients http-client.resolvers.id insecure-fork-wanted
		insecure-setuid-wanted issuers-chain-path log-send-hostname-format lua-load lua-load-per-thread lua-prepend-path
		mworker-max-reloads nbproc numa-cpu-mapping ocsp-update.mindelay pp2-never-send-local prealloc-fd profiling.tasks
		resetenv set-dumpable setcap shm-stats-file ssl-dh-param-file ssl-engine ssl-mode-async ssl-propquery ssl-provider
		ssl-skip-self-issued-ca strict-limits thread-group thread-groups thread-hard-limit uid unix-bind unsetenv wurfl-data-file`)
	refusedOptions = words(`logasap http-buffer-request independent-streams persist log-health-checks nolinger accept-invalid-http-request accept-invalid-http-response h1-case-adjust-bogus-client
		h1-case-adjust-bogus-server http-ignore-probes-strict http-use-htx nolinger-both socket-stats spop-check
		srvtcpka-probe tcp-smart-accept-all`)
	refusedServer = words(`redir pool-low-conn check-via-socks4 check-alpn check-proto crl-file force-sslv3 ws hash-key log-proto max-reuse namespace npn
		proxy-v2-options proto resolve-net send-proxy-v2-ssl send-proxy-v2-ssl-cn set-proxy-v2-tlv-fmt
		socks4 ssl-reuse tcp-md5sig tfo usesrc pool-conn-name agent-inter-jitter`)
	refusedBind = words(`maxconn nice user group accept-netscaler-cip ca-ignore-err ca-sign-file ca-sign-pass ca-verify-file cc crl-file crt-ignore-err curves ecdhe
		expose-fd-listeners generate-certificates gid guid-prefix id idle-ping namespace npn no-ca-names ocsp-update prefer-client-ciphers
		process quic-cc-algo quic-force-retry quic-socket severity-output shards sigalgs client-sigalgs tcp-md5sig tcp-ut tfo thread
		tls-ticket-keys uid nbconn`)
)

func words(text string) map[string]string {
	all := map[string]string{}
	for _, w := range fields(text) {
		all[w] = ""
	}
	return all
}
