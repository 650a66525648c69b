package main

import (
	"context"

	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/cri-o/ocicni/pkg/ocicni"
)

// ofCrio returns the calls that CRI-O makes: networkStart sets a pod up and then asks for
// its status, which is CHECK; cnimgr asks for the network's STATUS until it succeeds, and
// then collects garbage once.
func ofCrio(confDir, binDir, netns string, ports []portMapping) map[string]call {
	plugin, err := ocicni.InitCNINoInotify("", confDir, "", binDir)
	if err != nil {
		fail(err)
	}
	mappings := []ocicni.PortMapping{}
	for _, p := range ports {
		mappings = append(mappings, ocicni.PortMapping{
			HostPort: p.HostPort, ContainerPort: p.ContainerPort, Protocol: p.Protocol,
		})
	}
	pod := ocicni.PodNetwork{
		Name: "pod", Namespace: "ns", UID: "uid", ID: podID, NetNS: netns,
		RuntimeConfig: map[string]ocicni.RuntimeConfig{
			plugin.GetDefaultNetworkName(): {PortMappings: mappings},
		},
	}
	return map[string]call{
		"status": func(ctx context.Context) ([]string, error) {
			return nil, plugin.StatusWithContext(ctx)
		},
		"gc": func(ctx context.Context) ([]string, error) {
			return nil, plugin.GC(ctx, nil)
		},
		"setup": func(ctx context.Context) ([]string, error) {
			results, err := plugin.SetUpPodWithContext(ctx, pod)
			return addressesOf(results), err
		},
		"check": func(ctx context.Context) ([]string, error) {
			results, err := plugin.GetPodNetworkStatusWithContext(ctx, pod)
			return addressesOf(results), err
		},
		"teardown": func(ctx context.Context) ([]string, error) {
			return nil, plugin.TearDownPodWithContext(ctx, pod)
		},
	}
}

func addressesOf(results []ocicni.NetResult) []string {
	found := []string{}
	for _, r := range results {
		result, err := current.NewResultFromResult(r.Result)
		if err != nil {
			fail(err)
		}
		for _, ip := range result.IPs {
			found = append(found, ip.Address.IP.String())
		}
	}
	return found
}
