package main

import (
	"context"
	"sort"

	gocni "github.com/containerd/go-cni"
)

// ofContainerd returns the calls that containerd's CRI plugin makes. It loads the directory
// as that does by default: the loopback, and one network.
func ofContainerd(confDir, binDir, netns string, ports []portMapping) map[string]call {
	network, err := gocni.New(
		gocni.WithMinNetworkCount(2),
		gocni.WithPluginConfDir(confDir),
		gocni.WithPluginMaxConfNum(1),
		gocni.WithPluginDir([]string{binDir}),
	)
	if err != nil {
		fail(err)
	}
	if err := network.Load(gocni.WithLoNetwork, gocni.WithDefaultConf); err != nil {
		fail(err)
	}
	mappings := []gocni.PortMapping{}
	for _, p := range ports {
		mappings = append(mappings, gocni.PortMapping{
			HostPort: p.HostPort, ContainerPort: p.ContainerPort, Protocol: p.Protocol,
		})
	}
	options := []gocni.NamespaceOpts{
		gocni.WithLabels(map[string]string{
			"K8S_POD_NAMESPACE": "ns", "K8S_POD_NAME": "pod", "IgnoreUnknown": "1",
		}),
		gocni.WithCapabilityPortMap(mappings),
	}
	return map[string]call{
		"status": func(context.Context) ([]string, error) {
			return nil, network.Status()
		},
		"setup": func(ctx context.Context) ([]string, error) {
			result, err := network.Setup(ctx, podID, netns, options...)
			if err != nil {
				return nil, err
			}
			found := []string{}
			for _, ip := range result.Interfaces["eth0"].IPConfigs {
				found = append(found, ip.IP.String())
			}
			sort.Strings(found)
			return found, nil
		},
		"teardown": func(ctx context.Context) ([]string, error) {
			return nil, network.Remove(ctx, podID, netns, options...)
		},
	}
}
