# Hosts of a guest, which are network namespaces, on two networks: outside, where this one is the client, and inside.
exec 2>&1
mkdir -p /etc /www
echo "127.0.0.1 localhost" > /etc/hosts
ip link set lo up

# host NAME: a network namespace, held by a process. in NAME COMMAND: runs there.
host() {
	unshare -n sh -c 'exec sleep 100000' &
	eval "$1=$!"
	until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/1/ns/net)" ]; do sleep 0.1; done
	in_ $1 ip link set lo up
	in_ $1 sh -c 'echo 4096 16384 65536 | tee /proc/sys/net/ipv4/tcp_rmem > /proc/sys/net/ipv4/tcp_wmem'
}
in_() { eval "pid=\$$1"; shift; nsenter -t $pid -n "$@"; }
# plug HOST INTERFACE BRIDGE ADDRESS. The kernel names the other end: busybox cannot.
plug() {
	ip link add $1$2 type veth
	brctl addif $3 $1$2
	ip link set $1$2 up
	eval "pid=\$$1"
	peer=$(ls /sys/class/net | grep '^veth')
	ip link set $peer netns $pid
	in_ $1 ip link set $peer name $2
	in_ $1 ip addr add $4/24 dev $2
	in_ $1 ip link set $2 up
}
# within CONDITION: waits until it holds, four minutes at most
within() {
	for try in $(seq 480); do
		eval "$1" && return
		sleep 0.5
	done
	echo "never: $1"
	exit 1
}

for bridge in outside inside; do brctl addbr $bridge; ip link set $bridge up; done
ip addr add 10.0.0.250/24 dev outside
echo 4096 16384 65536 > /proc/sys/net/ipv4/tcp_rmem
