# A director reads another configuration while downloads pass through it.
for name in a s; do host $name; done
plug a eth0 outside 10.0.0.99
plug a eth1 inside 10.1.0.99
in_ a sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
plug s eth1 inside 10.1.0.21
for server in 22 23; do in_ s ip addr add 10.1.0.$server/24 dev eth1; done
in_ s ip route add default via 10.1.0.99
dd if=/dev/zero of=/www/big bs=1000 count=1000 2> /dev/null
in_ s httpd -p 80 -h /www

# configured SERVERS: what the director is to read
configured() {
	{
		echo "virtual=10.0.0.99:80"
		for server in "$@"; do echo " real=10.1.0.$server"; done
		echo " scheduler=rr"
		echo " checktype=on"
		echo "virtual=10.0.0.99:81"
		echo " real=10.1.0.21:80 masq"
		echo " scheduler=rr"
		echo " checktype=on"
	} > /etc/director.cf
}
configured "21:80 masq 1" "22:80 masq 1"
in_ a director -f /etc/director.cf --plane ipvs > /log 2>&1 &
within '[ "$(in_ a ours -Sn | grep -c -- -a)" = 3 ]'
wget -q -O - http://10.0.0.99:81/big | wc -c > /unconcerned
for i in 1 2 3 4; do
	wget -q -O - http://10.0.0.99/big | { until [ -e /go ]; do sleep 1; done; wc -c; } > /got.$i &
done
within '[ $(in_ a grep -c "0050 0A0100.. 0050 ESTABLISHED" /proc/net/ip_vs_conn) -ge 4 ]'

echo "- a reload"
configured "21:80 masq 2" "23:80 masq 1"
director reload 2> /dev/null
in_ a ours -Sn | sort
echo "- a wrong line"
configured "21:80 mask 2"
director reload > /said 2>&1 && echo "it is taken"
in_ a ours -Sn | sort
echo "- more connections"
for i in 1 2 3 4; do wget -q -O /dev/null http://10.0.0.99/ 2> /dev/null; done
# begun: how many connections each server has got; the kernel adds them up every two seconds
begun() { in_ a ours -Ln --stats | grep -e '-> [0-9]' | while read arrow at times rest; do echo "$at $times"; done; }
within "begun | awk '{ all += \$2 } END { exit all != 9 }'"
begun
touch /go
within '[ $(cat /got.* | wc -l) -ge 4 ]'
echo "$(grep -lx 1000000 /got.* | wc -l) of 4"
