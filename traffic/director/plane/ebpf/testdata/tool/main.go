// Tool is what a guest's hosts run: ipvsadm on the programs or on the kernel's table, a server, and a client that measures.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	kernel "github.com/cilium/ebpf"

	"holdfast/traffic/director/ipvsadm"
	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/ebpf"
	"holdfast/traffic/director/plane/ipvs"
)

func main() {
	args := os.Args[2:]
	switch os.Args[1] {
	case "ebpf":
		os.Exit(ipvsadm.Command(args, os.Stdin, os.Stdout, os.Stderr, func() (plane.Plane, error) { return ebpf.Open("") }))
	case "ipvs":
		os.Exit(ipvsadm.Command(args, os.Stdin, os.Stdout, os.Stderr, func() (plane.Plane, error) { return ipvs.Open() }))
	case "ebpf-xdp":
		os.Exit(ipvsadm.Command(args, os.Stdin, os.Stdout, os.Stderr, func() (plane.Plane, error) { return ebpf.OpenExpress("", ebpf.ExpressEver) }))
	case "ran":
		exit(ran(args))
	case "serve":
		exit(serve(args[0]))
	case "ask":
		times, err := strconv.Atoi(args[1])
		if err != nil {
			exit(err)
		}
		megabytes, err := strconv.Atoi(args[2])
		if err != nil {
			exit(err)
		}
		began := time.Now()
		for range times {
			if err := ask(args[0], byte(megabytes)); err != nil {
				exit(err)
			}
		}
		fmt.Println(time.Since(began).Microseconds())
	}
}

// ran tells how often the kernel has run programs of some names.
func ran(names []string) error {
	times := map[string]uint64{}
	for id, err := kernel.ProgramGetNextID(0); err == nil; id, err = kernel.ProgramGetNextID(id) {
		p, err := kernel.NewProgramFromID(id)
		if err != nil {
			return err
		}
		info, err := p.Info()
		if err != nil {
			return err
		}
		s, err := p.Stats()
		if err != nil {
			return err
		}
		times[info.Name] += s.RunCount
	}
	for _, name := range names {
		fmt.Println(times[name])
	}
	return nil
}

func exit(err error) {
	if err == nil {
		os.Exit(0)
	}
	fmt.Println(err)
	os.Exit(1)
}

// serve sends as many MB as a client's byte says, and closes.
func serve(at string) error {
	l, err := net.Listen("tcp", at)
	if err != nil {
		return err
	}
	zeros := make([]byte, 1<<20)
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		var asked [1]byte
		io.ReadFull(conn, asked[:])
		for range asked[0] {
			conn.Write(zeros)
		}
		conn.Close()
	}
}

// ask opens a connection, and reads what comes.
func ask(of string, megabytes byte) error {
	conn, err := net.DialTimeout("tcp", of, time.Minute)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Minute))
	if _, err := conn.Write([]byte{megabytes}); err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, conn)
	if err == nil && n != int64(megabytes)<<20 {
		err = fmt.Errorf("%d bytes came, not %d MB", n, megabytes)
	}
	return err
}
