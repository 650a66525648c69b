package main

import (
	"fmt"

	"github.com/containernetworking/cni/libcni"
	netfake "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/client/clientset/versioned/fake"
	"gopkg.in/k8snetworkplumbingwg/multus-cni.v4/pkg/k8sclient"
	"gopkg.in/k8snetworkplumbingwg/multus-cni.v4/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
)

// cluster is one without a NetworkAttachmentDefinition: a name is then looked for in
// the files.
var cluster = &k8sclient.ClientInfo{Client: fake.NewClientset(), NetClient: netfake.NewSimpleClientset()}

func isMultus(name string) bool {
	return name == "multus" || name == "multus-shim"
}

// delegateOf returns the network that Multus's ADD calls first for a pod without
// annotations, by the steps of CmdAdd and conflistAdd.
func delegateOf(list *libcni.NetworkConfigList, own *libcni.PluginConfig) (found network) {
	// Multus crashes at a list without a plugin, or whose first is null; no pod starts then
	defer func() {
		if crash := recover(); crash != nil {
			found = network{Error: fmt.Sprint("Multus crashes: ", crash)}
		}
	}()
	injected := map[string]any{"name": list.Name}
	if list.CNIVersion != "" {
		injected["cniVersion"] = list.CNIVersion
	}
	stdin, err := libcni.InjectConf(own, injected)
	if err != nil {
		return network{Error: err.Error()}
	}
	conf, err := types.LoadNetConf(stdin.Bytes)
	if err != nil {
		return network{Error: err.Error()}
	}
	if conf.ClusterNetwork != "" {
		if _, err := k8sclient.GetDefaultNetworks(nil, conf, cluster, nil); err != nil {
			return network{Error: err.Error()}
		}
	}
	delegate := conf.Delegates[0]
	if !delegate.ConfListPlugin {
		single, err := libcni.ConfFromBytes(delegate.Bytes)
		if err != nil {
			return network{Error: err.Error()}
		}
		return network{Name: single.Network.Name, Plugins: []plugin{pluginOf(single)}}
	}
	chain := &delegate.CNINetworkConfigList
	if len(chain.Plugins) == 0 {
		if chain, err = libcni.NetworkConfFromBytes(delegate.Bytes); err != nil {
			return network{Error: err.Error()}
		}
	}
	if len(chain.Plugins) == 0 {
		return network{Error: "Multus calls no plugin"}
	}
	found = network{Name: chain.Name}
	for _, p := range chain.Plugins {
		found.Plugins = append(found.Plugins, pluginOf(p))
	}
	return found
}
