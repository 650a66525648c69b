// cni prints the networks that the programs which read a node's directories of
// configurations would call for a pod:
//
//	cni < questions > answers
//
// A question is an object of JSON, an answer a line of it, and one process answers
// thousands. The programs are containerd's loader (go-cni), CRI-O's (ocicni) and
// Multus, each from its own module. Only the plugins' executables are the caller's.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

type question struct {
	ConfDir string   `json:"confDir"`
	BinDirs []string `json:"binDirs"`
	// Runtime is "containerd" or "cri-o".
	Runtime string `json:"runtime"`
	// DefaultNetwork is CRI-O's cni_default_network.
	DefaultNetwork string `json:"defaultNetwork"`
}

// network is what a program loads, or why it loads nothing.
type network struct {
	Error   string   `json:"error,omitempty"`
	Name    string   `json:"name,omitempty"`
	Plugins []plugin `json:"plugins,omitempty"`
	// Delegate is the network that Multus calls, if Multus is the first plugin.
	Delegate *network `json:"delegate,omitempty"`
}

type plugin struct {
	Type         string          `json:"type"`
	Capabilities map[string]bool `json:"capabilities,omitempty"`
	// On is the key of our own plugin items.
	On string `json:"on,omitempty"`
}

func main() {
	decoder := json.NewDecoder(bufio.NewReader(os.Stdin))
	encoder := json.NewEncoder(os.Stdout)
	for {
		var asked question
		err := decoder.Decode(&asked)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fail(err)
		}
		load := ofContainerd
		if asked.Runtime == "cri-o" {
			load = ofCrio
		}
		if err := encoder.Encode(load(asked)); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
