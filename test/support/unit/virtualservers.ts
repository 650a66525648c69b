// What /proc shows of a node with IPVS, as a Linux 6.1 prints it.

/** The lines before the first service. */
export const NO_SERVICES = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
`;
/** The services of UDP 203.0.113.50:8125 and of a mark. */
export const TWO_SERVICES = `${NO_SERVICES}\
UDP  CB007132:1FBD rr  
  -> 0A590202:14E9      Masq    1      0          1         
FWM  00000007 rr 
`;
const FLOWS_HEAD =
	"Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n";

/** Returns the files of a node with these services, and with a flow if so. */
export function ipvsFiles(
	services: string,
	{ expires = "0", hasFlow = false } = {},
): Record<string, string> {
	return {
		"/proc/net/ip_vs": services,
		"/proc/net/ip_vs_conn": hasFlow
			? `${FLOWS_HEAD}UDP C0000202 1B59 CB007132 1FBD 0A590102 14E9 UDP             299\n`
			: FLOWS_HEAD,
		"/proc/sys/net/ipv4/vs/expire_nodest_conn": `${expires}\n`,
	};
}
