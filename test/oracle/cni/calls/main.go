// calls makes the calls of a container runtime to the network of one pod, through the
// runtime's own library: CRI-O's (ocicni) or containerd's (go-cni).
//
//	calls cri-o|containerd CONFDIR BINDIR NETNS PORTMAPPINGS < calls > answers
//
// A call is a line, the name of one of the functions that the runtime calls: status, gc,
// setup, check, teardown. An answer is a line of JSON. One process makes all calls, as a
// runtime does. containerd never checks, and never collects garbage.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
)

// portMapping is one of a pod's hostPorts.
type portMapping struct {
	HostPort      int32  `json:"hostPort"`
	ContainerPort int32  `json:"containerPort"`
	Protocol      string `json:"protocol"`
}

// answer says what a call returned.
type answer struct {
	Error string `json:"error,omitempty"`
	// Addresses of the pod, as the runtime would report them.
	Addresses []string `json:"addresses,omitempty"`
}

// call makes a runtime's call, and returns the addresses that it tells.
type call func(context.Context) ([]string, error)

const podID = "4f2e"

func main() {
	if len(os.Args) != 6 {
		fail(fmt.Errorf("usage: calls cri-o|containerd CONFDIR BINDIR NETNS PORTMAPPINGS"))
	}
	var ports []portMapping
	if err := json.Unmarshal([]byte(os.Args[5]), &ports); err != nil {
		fail(err)
	}
	of := ofContainerd
	if os.Args[1] == "cri-o" {
		of = ofCrio
	}
	calls := of(os.Args[2], os.Args[3], os.Args[4], ports)
	lines := bufio.NewScanner(os.Stdin)
	encoder := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		make, ok := calls[lines.Text()]
		if !ok {
			fail(fmt.Errorf("no such call: %s", lines.Text()))
		}
		var said answer
		addresses, err := make(context.Background())
		if err != nil {
			said.Error = err.Error()
		}
		said.Addresses = addresses
		if err := encoder.Encode(said); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
