// gc has libcni collect the garbage of a network, with a list of what is still
// valid, as a runtime does:
//
//	gc DIRECTORY NETWORK [CONTAINERID/IFNAME...]
//
// Plugins are looked for in CNI_PATH. With no attachment named, the list is empty.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
)

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: gc DIRECTORY NETWORK [CONTAINERID/IFNAME...]"))
	}
	list, err := libcni.LoadNetworkConf(os.Args[1], os.Args[2])
	if err != nil {
		fail(err)
	}
	valid := []types.GCAttachment{}
	for _, word := range os.Args[3:] {
		id, ifname, _ := strings.Cut(word, "/")
		valid = append(valid, types.GCAttachment{ContainerID: id, IfName: ifname})
	}
	cni := libcni.NewCNIConfig(filepath.SplitList(os.Getenv("CNI_PATH")), nil)
	if err := cni.GCNetworkList(context.Background(), list, &libcni.GCArgs{ValidAttachments: valid}); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
