#!/bin/sh
# Stands in for libvirt's virsh: a domain is a process tree in namespaces of its own, with its own
# address, reached through the host it is on. Its definition is libvirt's XML with the lab's words
# <address> and <init>: what runs in it.
state=/run/domains
mkdir -p $state
while :; do case $1 in
-c) shift 2;;
-*) shift;;
*) break;;
esac; done
verb=$1; [ $# -gt 0 ] && shift
for word; do case $word in -*) ;; *) name=$word; break;; esac; done

word() { sed -n "s:.*<$1>\(.*\)</$1>.*:\1:p" "$2" | head -n 1; }
runs() { [ -s "$state/$1.pid" ] && kill -0 "$(cat "$state/$1.pid")" 2>/dev/null; }
unknown() { echo "error: failed to get domain '$name'" >&2; exit 1; }

boot() { # NAME
	address=$(word address "$state/$1.xml") init=$(word init "$state/$1.xml")
	setsid unshare --net --pid --fork --kill-child --mount --uts sh -c '
		mount --make-rprivate /; mount -t proc proc /proc; mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /tmp
		mkdir -p -m 1755 /run/resource-agents; hostname '"$1"'
		until ip link show eth0 >/dev/null 2>&1; do sleep 0.05; done
		ip link set lo up; ip address add '"$address"'/32 dev eth0; ip link set eth0 up; ip route add default dev eth0
		exec '"$init" </dev/null >>"/var/log/$1.log" 2>&1 &
	pid=$!
	echo $pid > "$state/$1.pid"
	until [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do
		kill -0 $pid || return 1
		sleep 0.05
	done
	ip link delete "v-$1" 2>/dev/null
	ip link add "v-$1" type veth peer name eth0 netns $pid || return 1
	ip link set "v-$1" up && ip route replace "$address/32" dev "v-$1" || return 1
	for file in ip_forward conf/eth0/proxy_arp "conf/v-$1/proxy_arp"; do echo 1 > "/proc/sys/net/ipv4/$file"; done
	/usr/libexec/heartbeat/send_arp -i 100 -r 5 eth0 "$address" auto not_used not_used >/dev/null 2>&1 &
}

case $verb in
uri) echo qemu:///system;;
version|nodeinfo) echo "lab 1.0";;
define|create)
	file=$name name=$(word name "$file")
	[ -n "$name" ] || { echo "error: no domain in $file" >&2; exit 1; }
	cp "$file" "$state/$name.xml"
	[ $verb = define ] || runs "$name" || boot "$name";;
start) [ -s "$state/$name.xml" ] || unknown
	runs "$name" || boot "$name";;
domstate) [ -s "$state/$name.xml" ] || unknown
	if runs "$name"; then echo running; else echo "shut off"; fi;;
shutdown|destroy) runs "$name" || { echo "error: domain is not running" >&2; exit 1; }
	kill -KILL "$(cat "$state/$name.pid")"; rm -f "$state/$name.pid"; ip link delete "v-$name" 2>/dev/null; true;;
undefine) rm -f "$state/$name.xml";;
dumpxml) cat "$state/$name.xml";;
dominfo) [ -s "$state/$name.xml" ] || unknown
	echo "Name: $name";;
list) for file in "$state"/*.pid; do n=${file##*/}; n=${n%.pid}; runs "$n" && echo " 1 $n running"; done; true;;
*) echo "error: unknown command: '$verb'" >&2; exit 1;;
esac
