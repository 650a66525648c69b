package main

import (
	"encoding/json"

	"github.com/containernetworking/cni/libcni"
)

// networkOf describes a list that was loaded, with Multus's delegate.
func networkOf(list *libcni.NetworkConfigList) network {
	found := network{Name: list.Name}
	for _, p := range list.Plugins {
		found.Plugins = append(found.Plugins, pluginOf(p))
	}
	if first := list.Plugins[0]; isMultus(first.Network.Type) {
		delegate := delegateOf(list, first)
		found.Delegate = &delegate
	}
	return found
}

func pluginOf(p *libcni.PluginConfig) plugin {
	var ours struct {
		On any `json:"on"`
	}
	_ = json.Unmarshal(p.Bytes, &ours)
	on, _ := ours.On.(string)
	return plugin{Type: p.Network.Type, Capabilities: p.Network.Capabilities, On: on}
}
