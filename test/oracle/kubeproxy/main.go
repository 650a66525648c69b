// Command oracle answers, with kube-proxy's own code, what kube-proxy does about UDP
// entries of a cluster. It reads one JSON case a line, and writes one answer a line.
//
// An entry is in "deleted" if CleanStaleEntries deletes it, and in "served" if
// kube-proxy's rules, which it writes from CategorizeEndpoints, can send the entry's
// original destination where the entry leads. The answer does not depend on what the
// program was asked before.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	v1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	defaults "k8s.io/kubernetes/pkg/apis/discovery/v1"
	"k8s.io/kubernetes/pkg/proxy"
	"k8s.io/kubernetes/pkg/proxy/apis"
	"k8s.io/kubernetes/pkg/proxy/conntrack"
)

// A question is a cluster's objects, as kubectl prints them, and entries.
type question struct {
	List struct {
		Items []json.RawMessage `json:"items"`
	} `json:"list"`
	Flows []flow `json:"flows"`
	// Local are the node's addresses, on which nodePorts are.
	Local []string `json:"local"`
}

// A flow is what CleanStaleEntries looks at in an entry.
type flow struct {
	Protocol uint8  `json:"proto"`
	Dst      net.IP `json:"dst"`
	DstPort  uint16 `json:"dport"`
	Src      net.IP `json:"src"`
	SrcPort  uint16 `json:"sport"`
}

type answer struct {
	Deleted []int `json:"deleted"`
	Served  []int `json:"served"`
}

// table is a conntrack table in memory.
type table struct {
	entries []*netlink.ConntrackFlow
	deleted []*netlink.ConntrackFlow
}

func (t *table) ListEntries(uint8) ([]*netlink.ConntrackFlow, error) { return t.entries, nil }

func (t *table) DeleteEntries(_ uint8, flows []*netlink.ConntrackFlow) (int, error) {
	t.deleted = append(t.deleted, flows...)
	return len(flows), nil
}

// The selectors of kube-proxy's informers (cmd/kube-proxy/app/server.go).
var (
	watchedServices = must(labels.Parse("!" + apis.LabelServiceProxyName))
	watchedSlices   = must(labels.Parse("!" + v1.IsHeadlessService))
	watchedIPs      = fields.OneTermNotEqualSelector("spec.clusterIP", v1.ClusterIPNone)
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	in := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
	out := json.NewEncoder(os.Stdout)
	for in.More() {
		var q question
		if err := in.Decode(&q); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := out.Encode(answerTo(q)); err != nil {
			os.Exit(1)
		}
	}
}

func answerTo(q question) answer {
	a := answer{Deleted: []int{}, Served: []int{}}
	for _, family := range []v1.IPFamily{v1.IPv4Protocol, v1.IPv6Protocol} {
		services, endpoints := track(q, family)
		ct := &table{}
		number := map[*netlink.ConntrackFlow]int{}
		rules := rulesOf(services, endpoints)
		for i, f := range q.Flows {
			if (f.Dst.To4() != nil) != (family == v1.IPv4Protocol) {
				continue
			}
			entry := &netlink.ConntrackFlow{
				Forward: netlink.IPTuple{Protocol: f.Protocol, DstIP: f.Dst, DstPort: f.DstPort},
				Reverse: netlink.IPTuple{Protocol: f.Protocol, SrcIP: f.Src, SrcPort: f.SrcPort},
			}
			number[entry] = i
			ct.entries = append(ct.entries, entry)
			if rules.serve(f, q.Local) {
				a.Served = append(a.Served, i)
			}
		}
		conntrack.CleanStaleEntries(ct, family, services, endpoints)
		for _, entry := range ct.deleted {
			a.Deleted = append(a.Deleted, number[entry])
		}
	}
	return a
}

// track gives the objects to kube-proxy's change trackers, as its informers do.
func track(q question, family v1.IPFamily) (proxy.ServicePortMap, proxy.EndpointsMap) {
	st := proxy.NewServiceChangeTracker(family, nil, nil)
	et := proxy.NewEndpointsChangeTracker(family, "node", nil, nil)
	for _, raw := range q.List.Items {
		var meta metav1.PartialObjectMetadata
		if json.Unmarshal(raw, &meta) != nil {
			panic(string(raw))
		}
		set := labels.Set(meta.Labels)
		switch meta.Kind {
		case "Service":
			var s v1.Service
			if err := json.Unmarshal(raw, &s); err != nil {
				panic(err)
			}
			// the API server's default, which comes before kube-proxy sees it
			for i := range s.Spec.Ports {
				if s.Spec.Ports[i].Protocol == "" {
					s.Spec.Ports[i].Protocol = v1.ProtocolTCP
				}
			}
			isWatched := watchedServices.Matches(set) &&
				watchedIPs.Matches(fields.Set{"spec.clusterIP": s.Spec.ClusterIP})
			if isWatched {
				st.Update(nil, &s)
			}
		case "EndpointSlice":
			var s discovery.EndpointSlice
			if err := json.Unmarshal(raw, &s); err != nil {
				panic(err)
			}
			for i := range s.Ports {
				defaults.SetDefaults_EndpointPort(&s.Ports[i])
			}
			if watchedSlices.Matches(set) {
				et.EndpointSliceUpdate(&s, false)
			}
		}
	}
	services, endpoints := proxy.ServicePortMap{}, proxy.EndpointsMap{}
	services.Update(st)
	endpoints.Update(et)
	return services, endpoints
}

// rules are the endpoints that kube-proxy's rules have, by ADDRESS:PORT and by nodePort.
type rules struct {
	byAddress map[string][]proxy.Endpoint
	byPort    map[int][]proxy.Endpoint
}

func rulesOf(services proxy.ServicePortMap, endpoints proxy.EndpointsMap) rules {
	r := rules{map[string][]proxy.Endpoint{}, map[int][]proxy.Endpoint{}}
	for name, s := range services {
		if s.Protocol() != v1.ProtocolUDP {
			continue
		}
		_, _, reachable, _ := proxy.CategorizeEndpoints(endpoints[name], s, "node", nil)
		for _, ip := range slices.Concat([]net.IP{s.ClusterIP()}, s.ExternalIPs(), s.LoadBalancerVIPs()) {
			key := at(ip, s.Port())
			r.byAddress[key] = append(r.byAddress[key], reachable...)
		}
		if s.NodePort() != 0 {
			r.byPort[s.NodePort()] = append(r.byPort[s.NodePort()], reachable...)
		}
	}
	return r
}

// serve tells whether a rule can send the flow where it leads. A Service's address comes
// before the nodePorts, unless there is no rule for it, because it has no endpoint.
func (r rules) serve(f flow, local []string) bool {
	if f.Protocol != 17 {
		return false
	}
	to := r.byAddress[at(f.Dst, int(f.DstPort))]
	if len(to) == 0 && slices.Contains(local, f.Dst.String()) {
		to = r.byPort[int(f.DstPort)]
	}
	return slices.ContainsFunc(to, func(e proxy.Endpoint) bool {
		return e.String() == at(f.Src, int(f.SrcPort))
	})
}

func at(ip net.IP, port int) string { return net.JoinHostPort(ip.String(), fmt.Sprint(port)) }
