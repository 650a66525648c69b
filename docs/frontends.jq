# The document that `conntrack-flush reconcile --frontends` reads, made of a
# cluster's Services:
#   kubectl get services,endpointslices -A -o json | jq -f frontends.jq
def protocol: .protocol // "TCP";
[.items[] | select(.kind == "EndpointSlice" and .addressType != "FQDN")] as $slices
| {
    frontends: [
      .items[]
      | select(.kind == "Service")
      | . as $service
      | [
          .spec.clusterIPs[]?,
          .spec.externalIPs[]?,
          # those of mode Proxy are not the node's to handle
          (.status.loadBalancer.ingress[]? | select(.ipMode != "Proxy") | .ip)
        ]
      | map(select(. != null and . != "None")) as $ips
      | select($ips | length > 0)
      | $service.spec.ports[]?
      | . as $port
      | {
          name: "\($service.metadata.namespace)/\($service.metadata.name):\($port.name // $port.port)",
          protocol: protocol,
          ips: $ips,
          port: .port,
          endpoints: [
            $slices[]
            | select(
                .metadata.namespace == $service.metadata.namespace
                and .metadata.labels["kubernetes.io/service-name"] == $service.metadata.name
              )
            | . as $slice
            | .ports[]?
            # without a number it stands for all ports, which kube-proxy ignores
            | select(.port != null)
            | select((.name // "") == ($port.name // "") and protocol == ($port | protocol))
            | .port as $target
            | $slice.endpoints[]?
            | select(.conditions.serving != false)
            | .addresses[]
            | if test(":") then "[\(.)]:\($target)" else "\(.):\($target)" end
          ],
        }
        + ($port.nodePort // 0 | if . > 0 then { nodePort: . } else {} end)
    ],
  }
