// The rules by which programs translate source addresses, as they write them for iptables:
// the bridge plugin with ipMasq, portmap, Docker and a person keep the source port. The
// others choose it at random.

export const OWNED = `*nat
:KUBE-POSTROUTING - [0:0]
:FLANNEL-POSTRTG - [0:0]
:cali-nat-outgoing - [0:0]
:IP-MASQ-AGENT - [0:0]
:AWS-SNAT-CHAIN-0 - [0:0]
:KIND-MASQ-AGENT - [0:0]
:CNI-177da0703a481cf0718c2c95 - [0:0]
:CNI-HOSTPORT-MASQ - [0:0]
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A POSTROUTING -s 10.9.0.0/16 -j SNAT --to-source 192.0.2.1
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
-A FLANNEL-POSTRTG -s 10.42.0.0/16 ! -d 224.0.0.0/4 -m comment --comment flanneld -j MASQUERADE --random-fully
-A cali-nat-outgoing -j MASQUERADE --random-fully
-A IP-MASQ-AGENT -j MASQUERADE --random-fully
-A AWS-SNAT-CHAIN-0 -j SNAT --to-source 192.0.2.1 --random-fully
-A KIND-MASQ-AGENT -j MASQUERADE
-A CNI-177da0703a481cf0718c2c95 ! -d 224.0.0.0/4 -m comment --comment "name: \\"dbnet\\" id: \\"abc\\"" -j MASQUERADE
-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
COMMIT
`;

/** The same in tables of nft. */
export const OWNED_NFT = `table inet cni_plugins_masquerade {
 chain masq_checks { ip saddr 10.88.0.2 ip daddr != 10.88.0.0/24 masquerade comment "77fa157b4f32b23b-e65086f8a75535c6, net: dbnet, if: eth0, id: abc"; }
 chain postrouting { type nat hook postrouting priority 100; ip daddr 224.0.0.0/4 return; goto masq_checks; }
}
table ip cni_hostport {
 chain masquerading { type nat hook postrouting priority 100;
  ip saddr 10.88.0.2 ip daddr 10.88.0.2 masquerade
  ip saddr 127.0.0.1 ip daddr 10.88.0.2 masquerade; }
}
table ip docker-bridges {
 chain nat-postrouting { type nat hook postrouting priority 100; oifname != "docker0" ip saddr 172.17.0.0/16 counter masquerade; }
}
table inet netavark {
 chain nv_0 { ip daddr != 224.0.0.0/4 masquerade; ip6 daddr != ff00::/8 masquerade; }
}
table ip crio-hostports {
 chain masquerading { type nat hook postrouting priority 100; ct status dnat masquerade; }
}
table inet kindnet-ipmasq {
 chain postrouting { type nat hook postrouting priority 100; masquerade; }
}
table ip kube-proxy {
 chain masquerading { meta mark 0x4000 masquerade fully-random; }
}
table ip mine {
 map m { type ipv4_addr : interval ipv4_addr; flags interval; elements = { 10.1.0.0/24 : 10.2.0.0/24 }; }
 chain post { type nat hook postrouting priority 99;
  ip saddr 10.9.0.0/16 snat to 192.0.2.1 random
  ip saddr 10.8.0.0/16 snat to 192.0.2.1
  snat ip prefix to ip saddr map @m; }
 chain pre { type nat hook prerouting priority -100; udp dport 53 dnat to 10.0.0.1; }
}
`;
