// loadconf prints a network of a configuration directory as libcni sees it,
// drop-in files included:
//
//	loadconf DIRECTORY NETWORK
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/containernetworking/cni/libcni"
)

type network struct {
	Name       string            `json:"name"`
	CNIVersion string            `json:"cniVersion"`
	Plugins    []json.RawMessage `json:"plugins"`
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: loadconf DIRECTORY NETWORK"))
	}
	list, err := libcni.LoadNetworkConf(os.Args[1], os.Args[2])
	if err != nil {
		fail(err)
	}
	seen := network{Name: list.Name, CNIVersion: list.CNIVersion}
	for _, plugin := range list.Plugins {
		seen.Plugins = append(seen.Plugins, plugin.Bytes)
	}
	if err := json.NewEncoder(os.Stdout).Encode(seen); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
