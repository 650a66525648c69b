// receiver is what runs in the pods: all of the image that the tests import.
//
//	receiver pause          nothing, until SIGTERM: the image of a sandbox
//	receiver serve PORT...  takes UDP datagrams, until SIGTERM
//
// It writes a line "listening AT" once it listens on all ports, and a line
// "CLIENT SEQ AT" for each datagram, AT being CLOCK_MONOTONIC in milliseconds:
// the clock of the tests.
package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"golang.org/x/sys/unix"
)

// The datagrams of the tests' clients.
var tags = regexp.MustCompile(`#client:(\d+),seq:(\d+),`)
var asks = []byte(",ask:1")

func main() {
	end := make(chan os.Signal, 1)
	// as PID 1 it would not be ended by a signal that it does not handle
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	switch {
	case len(os.Args) == 2 && os.Args[1] == "pause":
	case len(os.Args) > 2 && os.Args[1] == "serve":
		serve(os.Args[2:])
	default:
		fail(fmt.Errorf("usage: receiver pause | receiver serve PORT..."))
	}
	<-end
}

func serve(ports []string) {
	for _, port := range ports {
		socket, err := net.ListenPacket("udp", ":"+port)
		if err != nil {
			fail(err)
		}
		go receive(socket)
	}
	fmt.Printf("listening %.3f\n", now())
}

func receive(socket net.PacketConn) {
	buffer := make([]byte, 2048)
	for {
		n, peer, err := socket.ReadFrom(buffer)
		if err != nil {
			continue
		}
		at := now()
		found := tags.FindSubmatch(buffer[:n])
		if found == nil {
			continue
		}
		fmt.Printf("%s %s %.3f\n", found[1], found[2], at)
		if bytes.HasSuffix(buffer[:n], asks) {
			socket.WriteTo([]byte("ok"), peer)
		}
	}
}

func now() float64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		fail(err)
	}
	return float64(t.Nano()) / 1e6
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
