package main

import (
	gocni "github.com/containerd/go-cni"
	"github.com/containernetworking/cni/libcni"
)

// ofContainerd loads the directory as containerd's CRI plugin does by default: one
// network. The loopback, which comes from no file, is left out.
func ofContainerd(asked question) network {
	loader, err := gocni.New(
		gocni.WithPluginConfDir(asked.ConfDir),
		gocni.WithPluginDir(asked.BinDirs),
		gocni.WithPluginMaxConfNum(1),
	)
	if err != nil {
		fail(err)
	}
	if err := loader.Load(gocni.WithDefaultConf); err != nil {
		return network{Error: err.Error()}
	}
	config := loader.GetConfig().Networks[0].Config
	list := &libcni.NetworkConfigList{Name: config.Name, CNIVersion: config.CNIVersion}
	for _, p := range config.Plugins {
		list.Plugins = append(list.Plugins, &libcni.PluginConfig{Network: p.Network, Bytes: []byte(p.Source)})
	}
	return networkOf(list)
}
