# Real ipvsadm and ours list the same after each change, whichever of the two made it.
exec 2>&1
mkdir -p /etc
echo "127.0.0.1 localhost" > /etc/hosts
ip link set lo up
ip addr add 10.0.0.1/32 dev lo
ip addr add 10.0.0.2/32 dev lo
theirs=/usr/theirs
ours() { /bin/ours "$@"; }
failed=0

# same ARGUMENTS: both print the same, but for the seconds that connections have left. Counters move: a few tries.
same() {
	for try in 1 2 3 4 5; do
		$theirs "$@" > /tmp/theirs 2> /tmp/err; a=$?
		ours "$@" > /tmp/ours 2> /tmp/err; b=$?
		sed -i 's/ [0-9][0-9]:[0-9][0-9] / /' /tmp/theirs /tmp/ours
		[ $a = $b ] && cmp -s /tmp/theirs /tmp/ours && return
	done
	failed=1
	echo "ipvsadm $*: theirs $a, ours $b"
	diff /tmp/theirs /tmp/ours
}

# do_ ARGUMENTS: ours changes; its save is compared with what theirs makes of the same words
do_() {
	[ -n "$short" ] && { ours "$@" > /dev/null 2>&1; return; }
	if $theirs "$@" > /dev/null 2> /tmp/err; then a=0; else a=1; fi
	$theirs -S -n > /tmp/theirs
	$theirs -C
	$theirs -R < /tmp/before
	if ours "$@" > /dev/null 2> /tmp/err2; then b=0; else b=1; fi
	$theirs -S -n > /tmp/ours
	[ $a = $b ] && cmp -s /tmp/theirs /tmp/ours || { failed=1; echo "ipvsadm $*: theirs $a $(cat /tmp/err), ours $b $(cat /tmp/err2)"; diff /tmp/theirs /tmp/ours; }
	cp /tmp/theirs /tmp/before
}
: > /tmp/before

while read line; do
	[ -n "$line" ] && do_ $line
done <<END
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 2
-a -t 10.0.0.1:80 -r 10.1.0.2 -g
-a -t 10.0.0.1:80 -r 10.1.0.2:8080 -g
-a -t 10.0.0.1:80 -r 10.1.0.2:8080 -m
-a -t 10.0.0.1:80 -r 10.1.0.3:80 -i -w 0
-a -t 10.0.0.1:80 -r 10.1.0.4:80 -i --tun-type gue --tun-port 6080 --tun-csum
-a -t 10.0.0.1:80 -r 10.1.0.5:80 -i --tun-type gue --tun-port 6080 --tun-remcsum
-a -t 10.0.0.1:80 -r 10.1.0.6:80 -i --tun-type gre
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m
-a -t 10.0.0.99:80 -r 10.1.0.1:80 -m
-e -t 10.0.0.1:80 -r 10.1.0.1:80 -w 9
-e -t 10.0.0.1:80 -r 10.1.0.77:80 -w 9
-d -t 10.0.0.1:80 -r 10.1.0.6:80
-d -t 10.0.0.1:80 -r 10.1.0.3
-d -t 10.0.0.1:80 -r 10.1.0.66
-A -u 10.0.0.1:53 -s wrr -o
-A -u 10.0.0.2:53 -s mh -b mh-fallback,mh-port
-a -u 10.0.0.1:53 -r 10.1.0.1:5353 -m
-A -t 10.0.0.1:443 -p
-A -t 10.0.0.2:0 -p 50
-A -t 10.0.0.4:0
-a -t 10.0.0.1:443 -r 10.1.0.1 -m
-A -t 10.0.0.3:http -p 60 -M 255.255.255.0 -s sh -b sh-port
-E -t 10.0.0.3:http -p 60 -s sh -b sh-port
-E -t 10.0.0.3:http -s sed
-A -f 5 -s lc -p 600
-a -f 5 -r 10.1.0.9:0 -m
-a -f 5 -r 10.1.0.10 -g
-A -f 6 -6 -s nq
-A -t [2001:db8::1]:80 -s wlc
-a -t [2001:db8::1]:80 -r [2001:db8::2]:80 -g -w 3
-a -t [2001:db8::1]:80 -r [2001:db8:1111:2222:3333:4444:5555:6666]:80 -m
-A -t [2001:db8::1]:81 -s wlc -p 30 -M 64
-A --sctp-service 10.0.0.1:99 -s rr
-A -u 10.0.0.9:5060 -p 60 --pe sip -s rr
-A -t 10.0.0.1:80
-A -t 10.0.0.1:9999999
-A -t 10.0.0.5:80 -s nosuch
-A -t 10.0.0.5:80 -w 3
-A
-a -t 10.0.0.1:80
-D -t 10.0.0.88:80
-D -t 10.0.0.3:80
-E -t 10.0.0.88:80
-Z -t 10.0.0.1:80
END

[ -n "$short" ] || same -S
same -S -n
ours -e -t 10.0.0.1:80 -r 10.1.0.1:80 -m -x 100 -y 10
# Traffic to servers on this host.
httpd -p 10.0.0.2:8000 -h /
ours -A -t 10.0.0.2:8001 -s rr
ours -a -t 10.0.0.2:8001 -r 10.0.0.2:8000 -m
ours -A -t 10.0.0.2:8002 -s rr -p 100
ours -a -t 10.0.0.2:8002 -r 10.0.0.2:8000 -m
dd if=/dev/zero of=/large bs=1000 count=26000 2>/dev/null
for i in 1 2 3 4; do wget -q -O /dev/null http://10.0.0.2:8001/large || echo "wget: $?"; done
wget -q -O /dev/null http://10.0.0.2:8002/script
for form in "" --stats --rate --thresholds --persistent-conn --tun-info "--stats --exact" --timeout --daemon "-c" "-c --persistent-conn" "--nosort -t 10.0.0.1:443" "-t 10.0.0.1:80" "-f 5" "-f 6 -6" "-t 10.9.9.9:80"; do
	same -L -n $form
done
[ -n "$short" ] || { same; same -L -c; }
same -L --stats -t 10.0.0.2:8001
ours --set 100 0 200
same -L --timeout
ours --start-daemon master --mcast-interface lo --syncid 7
ours --start-daemon backup --mcast-interface lo --mcast-port 9000 --mcast-ttl 3 --mcast-group 224.0.0.99 --sync-maxlen 1000
same -L --daemon
ours --start-daemon master --mcast-interface lo && failed=1
ours --stop-daemon master
same -L --daemon
ours --stop-daemon backup
ours --stop-daemon backup && failed=1
same -L --daemon
ours -S -n > /tmp/one
ours -C
same -Ln
ours -R < /tmp/one
ours -S -n | cmp - /tmp/one || failed=1

# The published example with its alert scripts, which call /sbin/ipvsadm; theirs reads back.
ours -C
ip link add eth0 type dummy
export BADHOST=192.168.71.150
sh /HA_CONFIG.sh > /tmp/printed || { failed=1; cat /tmp/printed; }
$theirs -S -n > /tmp/configured
[ $(grep -c "^-a .* -m -w 1$" /tmp/configured) = 12 ] || { failed=1; cat /tmp/configured; }
/dowem.down.alert -s http -g litstat2 -h $BADHOST
$theirs -S -n | diff - /tmp/configured > /tmp/down
[ $(grep -c "^+-a .* -r $BADHOST:" /tmp/down) = 2 ] || { failed=1; cat /tmp/down; }
/dowem.up.alert -s http -g litstat2 -h $BADHOST
$theirs -S -n | sort > /tmp/up
sort /tmp/configured | cmp - /tmp/up || failed=1
[ $failed = 0 ] && echo "all the same"
