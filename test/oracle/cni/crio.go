package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/cri-o/ocicni/pkg/ocicni"
	"github.com/sirupsen/logrus"
)

func init() {
	logrus.SetOutput(io.Discard)
}

// ofCrio lets CRI-O's library choose the default network. The library tells its name
// alone, and two files may have the same one, so the file is read from its fields.
func ofCrio(asked question) network {
	chooser, err := ocicni.InitCNINoInotify(asked.DefaultNetwork, asked.ConfDir, "", asked.BinDirs...)
	if err != nil {
		fail(err)
	}
	name := chooser.GetDefaultNetworkName()
	found := reflect.ValueOf(chooser).Elem().FieldByName("networks").MapIndex(reflect.ValueOf(name))
	if !found.IsValid() {
		return network{Error: fmt.Sprintf("no network %q", name)}
	}
	path := found.Elem().FieldByName("filePath").String()
	list, err := listIn(path)
	if err != nil {
		fail(err)
	}
	return networkOf(list)
}

// listIn loads one file, as ocicni does.
func listIn(path string) (*libcni.NetworkConfigList, error) {
	if strings.HasSuffix(path, ".conflist") {
		return libcni.ConfListFromFile(path)
	}
	conf, err := libcni.ConfFromFile(path)
	if err != nil {
		return nil, err
	}
	return libcni.ConfListFromConf(conf)
}
