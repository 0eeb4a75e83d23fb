/** Names that Cilium's datapath gives to numbers (pkg/monitor/api, pkg/identity of 1.20), as Hubble prints them. */

/** Trace points by `event_type.sub_type`. */
export const TRACE_POINTS: readonly string[] = [
  "to-endpoint",
  "to-proxy",
  "to-host",
  "to-stack",
  "to-overlay",
  "from-endpoint",
  "from-proxy",
  "from-host",
  "from-stack",
  "from-overlay",
  "from-network",
  "to-network",
  "from-crypto",
  "to-crypto",
];

/** Values of `event_type.type`. */
export const EVENT_TYPES: ReadonlyMap<string, number> = new Map([
  ["drop", 1],
  ["debug", 2],
  ["capture", 3],
  ["trace", 4],
  ["policy-verdict", 5],
  ["trace-sock", 7],
  ["l7", 129],
  ["agent", 130],
]);

/** Sub-types of `agent`, as `--type agent:NAME` takes them. */
export const AGENT_EVENTS: readonly string[] = [
  "unspecified",
  "message",
  "agent-started",
  "endpoint-regenerate-success",
  "endpoint-regenerate-failure",
  "policy-updated",
  "policy-deleted",
  "endpoint-created",
  "endpoint-deleted",
  "ipcache-upserted",
  "ipcache-deleted",
];

/** By `policy_match_type`; other numbers are "unknown". */
export const POLICY_MATCHES: readonly string[] = [
  "none",
  "L3-Only",
  "L3-L4",
  "L4-Only",
  "all",
  "L3-Proto",
  "Proto-Only",
];

/** By `event_type.sub_type` of a trace-sock event. */
export const SOCKET_POINTS: readonly string[] = [
  "SOCK_XLATE_POINT_UNKNOWN",
  "pre-xlate-fwd",
  "post-xlate-fwd",
  "pre-xlate-rev",
  "post-xlate-rev",
];

/** Identities with a name, by number; 0 is "unknown", which no option takes. */
export const RESERVED_IDENTITIES: readonly string[] = [
  "unknown",
  "host",
  "world",
  "unmanaged",
  "health",
  "init",
  "remote-node",
  "kube-apiserver",
  "ingress",
  "world-ipv4",
  "world-ipv6",
  "aggregate-cluster",
  "aggregate-cluster-mesh",
  "aggregate-world",
  "aggregate-remote-node",
];

const NOT_DROPS: readonly string[] = [
  "Success",
  "",
  "Invalid packet",
  "Interface",
  "Interface Decrypted",
  "LB, sock cgroup: No backend slot entry found",
  "LB, sock cgroup: No backend entry found",
  "LB, sock cgroup: Reverse entry update failed",
  "LB, sock cgroup: Reverse entry stale",
  "Fragmented packet",
  "Fragmented packet entry update failed",
  "Missed tail call to custom program",
  "Interface Decrypting",
  "Interface Encrypting",
  "LB: sock cgroup: Reverse entry delete succeeded",
  "MTU error message",
];

/** From 130 on; an empty one has no name. */
const DROPS: readonly string[] = [
  "Invalid source mac",
  "Invalid destination mac",
  "Invalid source ip",
  "Policy denied",
  "Invalid packet",
  "CT: Truncated or invalid header",
  "Fragmentation needed",
  "CT: Unknown L4 protocol",
  "CT: Can't create entry from packet",
  "Unsupported L3 protocol",
  "Missed tail call",
  "Error writing to packet",
  "Unknown L4 protocol",
  "Unknown ICMPv4 code",
  "Unknown ICMPv4 type",
  "Unknown ICMPv6 code",
  "Unknown ICMPv6 type",
  "Error retrieving tunnel key",
  "Error retrieving tunnel options",
  "Invalid Geneve option",
  "Unknown L3 target address",
  "Stale or unroutable IP",
  "No matching local container found",
  "Error while correcting L3 checksum",
  "Error while correcting L4 checksum",
  "CT: Map insertion failed",
  "Invalid IPv6 extension header",
  "IP fragmentation not supported",
  "Service backend not found",
  "",
  "No tunnel/encapsulation endpoint (datapath BUG!)",
  "NAT 46/64 not enabled",
  "Reached EDT rate-limiting drop horizon",
  "Unknown connection tracking state",
  "Local host is unreachable",
  "No configuration available to perform policy decision",
  "Unsupported L2 protocol",
  "No mapping for NAT masquerade",
  "Unsupported protocol for NAT masquerade",
  "FIB lookup failed",
  "Encapsulation traffic is prohibited",
  "Invalid identity",
  "Unknown sender",
  "NAT not needed",
  "Is a ClusterIP",
  "First logical datagram fragment not found",
  "Forbidden ICMPv6 message",
  "Denied by LB src range check",
  "Socket lookup failed",
  "Socket assign failed",
  "Proxy redirection not supported for protocol",
  "Policy denied by denylist",
  "VLAN traffic disallowed by VLAN filter",
  "Incorrect VNI from VTEP",
  "Failed to update or lookup TC buffer",
  "No SID was found for the IP address",
  "SRv6 state was removed during tail call",
  "L3 translation from IPv4 to IPv6 failed (NAT46)",
  "L3 translation from IPv6 to IPv4 failed (NAT64)",
  "Authentication required",
  "No conntrack map found",
  "No nat map found",
  "Invalid ClusterID",
  "Unsupported packet protocol for DSR encapsulation",
  "No egress gateway found",
  "Traffic is unencrypted",
  "TTL exceeded",
  "No node ID found",
  "Rate limited",
  "IGMP handled",
  "IGMP subscribed",
  "Multicast handled",
  "Host datapath not ready",
  "Endpoint policy program not available",
  "No Egress IP configured",
  "Punt to proxy",
  "No device",
  "First logical datagram fragment not found from world",
];

/** Text of a drop event's `sub_type`; without one Hubble writes the number and its extension, which is 0. */
export function dropReason(subType: number): string {
  const code = subType & 0xff;
  const name = code < 130 ? NOT_DROPS[code] : DROPS[code - 130];
  return name === undefined || name === "" ? `${code}, 0` : name;
}
