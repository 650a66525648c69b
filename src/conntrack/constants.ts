// The kernel's names for what ctnetlink sends and reads, each with its header file.

// linux/netfilter/nfnetlink.h: NFNL_SUBSYS_CTNETLINK << 8 | message
export const IPCTNL_MSG_CT_NEW = 0x0100;
export const IPCTNL_MSG_CT_GET = 0x0101;
export const IPCTNL_MSG_CT_GET_STATS = 0x0105;

// linux/netfilter/nfnetlink_conntrack.h
export const CTA_TUPLE_ORIG = 1;
export const CTA_TUPLE_REPLY = 2;
export const CTA_STATUS = 3;
export const CTA_TIMEOUT = 7;
export const CTA_ID = 12;
export const CTA_ZONE = 18;
export const CTA_FILTER = 25;
export const CTA_TUPLE_IP = 1;
export const CTA_TUPLE_PROTO = 2;
export const CTA_TUPLE_ZONE = 3;
export const CTA_IP_V4_SRC = 1;
export const CTA_IP_V4_DST = 2;
export const CTA_IP_V6_SRC = 3;
export const CTA_IP_V6_DST = 4;
export const CTA_PROTO_NUM = 1;
export const CTA_PROTO_SRC_PORT = 2;
export const CTA_PROTO_DST_PORT = 3;
export const CTA_FILTER_ORIG_FLAGS = 1;
export const CTA_FILTER_REPLY_FLAGS = 2;
export const CTA_STATS_GLOBAL_ENTRIES = 1;
export const CTA_STATS_GLOBAL_MAX_ENTRIES = 2;

// net/netfilter/nf_internals.h, not UAPI but frozen since 5.8
export const CTA_FILTER_F_IP_SRC = 0x01;
export const CTA_FILTER_F_IP_DST = 0x02;
export const CTA_FILTER_F_PROTO_NUM = 0x08;
export const CTA_FILTER_F_SRC_PORT = 0x10;
export const CTA_FILTER_F_DST_PORT = 0x20;

// linux/netfilter/nf_conntrack_common.h
export const IPS_EXPECTED = 0x1;
export const IPS_SEEN_REPLY = 0x2;
export const IPS_ASSURED = 0x4;
export const IPS_SRC_NAT = 0x10;
export const IPS_DST_NAT = 0x20;
export const IPS_FIXED_TIMEOUT = 0x400;
export const IPS_HELPER = 0x2000;
export const IPS_OFFLOAD = 0x4000;
