#!/bin/sh
# Stands in for podman and docker: a container is a process tree in namespaces of its own that sees
# the host's files, with its directories mounted. Images are names only. Ports are published by nft.
state=/run/containers
mkdir -p $state
verb=$1; [ $# -gt 0 ] && shift

runs() { [ -s "$state/$1/pid" ] && kill -0 "$(cat "$state/$1/pid")" 2>/dev/null; }
unknown() { # as each engine says it
	case $0 in
	*docker) echo "[]"; echo "Error: No such container: $name" >&2; exit 1;;
	*) echo "Error: no container with name or ID \"$name\" found: no such container" >&2; exit 125;;
	esac
}
inside() { nsenter --target "$(pgrep -P "$(cat "$state/$name/pid")" | head -n 1)" --mount --uts --pid --net --ipc -- "$@"; }

# publish leads the ports of all containers that run to these.
publish() {
	before='' lo=''
	for each in "$state"/*/ports; do
		dir=${each%/ports}
		runs "${dir##*/}" || continue
		while IFS=: read -r address outer inner; do
			to="tcp dport $outer dnat to 10.88.0.$(cat "$dir/number"):$inner;"
			if [ -n "$address" ]; then before="$before ip daddr $address $to" lo="$lo ip daddr $address $to"
			else before="$before iifname \"eth*\" $to" lo="$lo oifname \"lo\" $to"; fi
		done < "$each"
	done
	nft -f - <<END
table ip containers {}
delete table ip containers
table ip containers {
	chain before { type nat hook prerouting priority -100; $before
	}
	chain own { type nat hook output priority -100; $lo
	}
	chain after { type nat hook postrouting priority 100; ip saddr 10.88.0.0/16 oifname "eth*" masquerade;
	}
}
END
}

# create takes the words after run or create.
create() {
	name='' host='' net='' ports='' env='' mounts=''
	while :; do case $1 in
	--name=*) name=${1#*=}; shift;;
	--name) name=$2; shift 2;;
	-h|--hostname) host=$2; shift 2;;
	-e|--env) env="$env $2"; shift 2;;
	-v|--volume) mounts="$mounts $2"; shift 2;;
	-p|--publish) ports="$ports $2"; shift 2;;
	--net=*|--network=*) net=${1#*=}; shift;;
	-*) shift;;
	*) break;;
	esac; done
	shift # the image
	[ ! -d "$state/$name" ] || { echo "Error: the container name $name is in use" >&2; exit 125; }
	number=2
	while grep -qsx $number "$state"/*/number; do number=$((number + 1)); done
	mkdir "$state/$name"
	echo $number > "$state/$name/number"
	echo "${host:-$name}" > "$state/$name/host"
	echo "$net" > "$state/$name/net"
	echo "$*" > "$state/$name/command"
	printf '%s\n' $env > "$state/$name/env"
	printf '%s\n' $mounts > "$state/$name/mounts"
	for port in $ports; do case $port in *:*:*) echo "$port";; *) echo ":$port";; esac; done > "$state/$name/ports"
}

boot() {
	runs "$name" && return
	dir=$state/$name number=$(cat "$state/$name/number") own=--net
	[ "$(cat "$dir/net")" != host ] || own=
	setsid unshare $own --pid --fork --kill-child --mount --uts --ipc sh -c '
		mount --make-rprivate /; dir=$1; hostname "$(cat "$dir/host")"
		while IFS=: read -r from to rest; do
			[ -n "$from" ] || continue
			if [ -d "$from" ]; then mkdir -p "$to"; else [ -e "$to" ] || : > "$to"; fi
			mount --bind "$from" "$to"
		done < "$dir/mounts"
		set -a; while read -r pair; do [ -z "$pair" ] || eval "export ${pair%%=*}=\${pair#*=}"; done < "$dir/env"; set +a
		command=$(cat "$dir/command") number=$(cat "$dir/number") net=$(cat "$dir/net")
		mount -t proc proc /proc; mount -t tmpfs tmpfs /tmp; mount -t tmpfs tmpfs /run
		mkdir -p -m 1755 /run/resource-agents /run/apache2 /run/lock
		if [ "$net" != host ]; then
			until ip link show eth0 >/dev/null 2>&1; do sleep 0.05; done
			ip link set lo up; ip address add "10.88.0.$number/32" dev eth0; ip link set eth0 up; ip route add default dev eth0
		fi
		exec $command' sh "$dir" </dev/null >>"/var/log/container-$name.log" 2>&1 &
	pid=$!
	echo $pid > "$dir/pid"
	[ -z "$own" ] || {
		until [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do
			kill -0 $pid || return 1
			sleep 0.05
		done
		ip link delete "c$number" 2>/dev/null
		ip link add "c$number" type veth peer name eth0 netns $pid || return 1
		ip link set "c$number" up && ip route replace "10.88.0.$number/32" dev "c$number" || return 1
		for file in ip_forward "conf/c$number/proxy_arp"; do echo 1 > "/proc/sys/net/ipv4/$file"; done
	}
	publish
}

halt() { # SIGNAL
	runs "$name" || return 0
	it=$(cat "$state/$name/pid") # it may be started again meanwhile, as another
	kill -"$1" "$(pgrep -P "$it" | head -n 1)"
	for i in $(seq 100); do kill -0 "$it" 2>/dev/null || break; sleep 0.1; done
	! kill -0 "$it" 2>/dev/null || kill -KILL "$it"
	publish
}

for word; do case $word in -*|{{*) ;; *) name=$word; break;; esac; done
case $verb in
version|--version) echo "Version: 4.3.1";;
image|pull) ;;
images) echo "pcmk http 0123456789ab";;
run) create "$@"; boot || exit 125; echo "$name";;
create) create "$@"; echo "$name";;
start) [ -d "$state/$name" ] || unknown
	boot;;
inspect) [ -d "$state/$name" ] || unknown
	if runs "$name"; then up=true; else up=false; fi
	case $* in *--format*) echo $up;; *) printf '[ { "State": { "Running": %s } } ]\n' $up;; esac;;
ps) for dir in "$state"/*/; do n=$(basename "$dir"); runs "$n" && echo "$n"; done; true;;
exec) [ "$1" != --help ] || exit 0
	runs "$name" || unknown
	while [ "$1" != "$name" ]; do shift; done; shift
	inside "$@";;
stop) [ -d "$state/$name" ] || unknown
	halt TERM;;
kill) runs "$name" || unknown
	halt KILL;;
rm) [ -d "$state/$name" ] || unknown
	! runs "$name" || halt KILL
	ip link delete "c$(cat "$state/$name/number")" 2>/dev/null
	rm -rf "$state/$name";;
*) echo "Error: unknown command: $verb" >&2; exit 125;;
esac
