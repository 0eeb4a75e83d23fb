/**
 * The messages of Hubble's API (cilium/api/v1: flow, observer, relay; 1.20) as data: fields in the order of their declaration,
 * which is the order of their JSON. `name` alone is a string; `name:Type` another; `[]` repeats; `|` sets a oneof's members apart.
 */
const MESSAGES: Readonly<Record<string, string>> = {
  GetFlowsResponse: "|flow:Flow |node_status:NodeStatusEvent |lost_events:LostEvent node_name time:Timestamp",
  NodeStatusEvent: "state_change:NodeState node_names[] message",
  LostEvent: "source:LostEventSource num_events_lost:uint64 cpu:Int32Value first:Timestamp last:Timestamp",
  Flow: `time:Timestamp uuid emitter:Emitter verdict:Verdict drop_reason:uint32 auth_type:AuthType ethernet:Ethernet IP:IP
    l4:Layer4 tunnel:Tunnel source:Endpoint destination:Endpoint Type:FlowType node_name node_labels[] source_names[]
    destination_names[] l7:Layer7 reply:bool event_type:CiliumEventType source_service:Service destination_service:Service
    traffic_direction:TrafficDirection policy_match_type:uint32 trace_observation_point:TraceObservationPoint
    trace_reason:TraceReason file:FileInfo ip_trace_id:IPTraceID drop_reason_desc:DropReason is_reply:BoolValue
    debug_capture_point:DebugCapturePoint interface:NetworkInterface proxy_port:uint32 trace_context:TraceContext
    sock_xlate_point:SocketTranslationPoint socket_cookie:uint64 cgroup_id:uint64 Summary extensions:Any
    egress_allowed_by:Policy[] ingress_allowed_by:Policy[] egress_denied_by:Policy[] ingress_denied_by:Policy[]
    policy_log[] aggregate:Aggregate`,
  Emitter: "name version",
  Ethernet: "source destination",
  IP: "source source_xlated destination ipVersion:IPVersion encrypted:bool",
  Layer4: "|TCP:TCP |UDP:Ports |ICMPv4:ICMP |ICMPv6:ICMP |SCTP:SCTP |VRRP:VRRP |IGMP:IGMP",
  TCP: "source_port:uint32 destination_port:uint32 flags:TCPFlags",
  TCPFlags: "FIN:bool SYN:bool RST:bool PSH:bool ACK:bool URG:bool ECE:bool CWR:bool NS:bool",
  Ports: "source_port:uint32 destination_port:uint32",
  SCTP: "source_port:uint32 destination_port:uint32 chunk_type:SCTPChunkType",
  ICMP: "type:uint32 code:uint32",
  VRRP: "type:uint32 vrid:uint32 priority:uint32",
  IGMP: "type:uint32 group_address",
  Tunnel: "protocol:TunnelProtocol IP:IP l4:Layer4 vni:uint32",
  Endpoint: "ID:uint32 identity:uint32 cluster_name namespace labels[] pod_name workloads:Workload[]",
  Workload: "name kind",
  Layer7: "type:L7FlowType latency_ns:uint64 |dns:DNS |http:HTTP |kafka:Kafka",
  DNS: "query ips[] ttl:uint32 cnames[] observation_source rcode:uint32 qtypes[] rrtypes[]",
  HTTP: "code:uint32 method url protocol headers:HTTPHeader[]",
  HTTPHeader: "key value",
  Kafka: "error_code:int32 api_version:int32 api_key correlation_id:int32 topic",
  CiliumEventType: "type:int32 sub_type:int32",
  Service: "name namespace",
  FileInfo: "name line:uint32",
  IPTraceID: "trace_id:uint64 ip_option_type:uint32",
  NetworkInterface: "index:uint32 name",
  TraceContext: "parent:TraceParent",
  TraceParent: "trace_id",
  Aggregate: "ingress_flow_count:uint32 egress_flow_count:uint32 unknown_direction_flow_count:uint32",
  Policy: "name namespace labels[] revision:uint64 kind",
  FlowFilter: `uuid[] source_ip[] source_ip_xlated[] source_pod[] source_fqdn[] source_label[] source_service[]
    source_workload:Workload[] source_cluster_name[] destination_ip[] destination_pod[] destination_fqdn[]
    destination_label[] destination_service[] destination_workload:Workload[] destination_cluster_name[]
    traffic_direction:TrafficDirection[] verdict:Verdict[] drop_reason_desc:DropReason[] interface:NetworkInterface[]
    event_type:EventTypeFilter[] http_status_code[] protocol[] source_port[] destination_port[] reply:bool[] dns_query[]
    source_identity:uint32[] destination_identity:uint32[] http_method[] http_path[] http_url[] http_header:HTTPHeader[]
    tcp_flags:TCPFlags[] node_name[] node_labels[] ip_version:IPVersion[] trace_id[] ip_trace_id:uint64[]
    encrypted:bool[] experimental:Experimental`,
  Experimental: "cel_expression[]",
  EventTypeFilter: "type:int32 match_sub_type:bool sub_type:int32",
  GetAgentEventsResponse: "agent_event:AgentEvent node_name time:Timestamp",
  AgentEvent: `type:AgentEventType |unknown:AgentEventUnknown |agent_start:TimeNotification
    |policy_update:PolicyUpdateNotification |endpoint_regenerate:EndpointRegenNotification
    |endpoint_update:EndpointUpdateNotification |ipcache_update:IPCacheNotification
    |service_upsert:ServiceUpsertNotification |service_delete:ServiceDeleteNotification`,
  AgentEventUnknown: "type notification",
  TimeNotification: "time:Timestamp",
  PolicyUpdateNotification: "labels[] revision:uint64 rule_count:int64",
  EndpointRegenNotification: "id:uint64 labels[] error",
  EndpointUpdateNotification: "id:uint64 labels[] error pod_name namespace",
  IPCacheNotification: `cidr identity:uint32 old_identity:UInt32Value host_ip old_host_ip encrypt_key:uint32 namespace
    pod_name`,
  ServiceUpsertNotificationAddr: "ip port:uint32",
  ServiceUpsertNotification: `id:uint32 frontend_address:ServiceUpsertNotificationAddr
    backend_addresses:ServiceUpsertNotificationAddr[] type traffic_policy name namespace ext_traffic_policy
    int_traffic_policy`,
  ServiceDeleteNotification: "id:uint32",
  GetDebugEventsResponse: "debug_event:DebugEvent node_name time:Timestamp",
  DebugEvent: `type:DebugEventType source:Endpoint hash:UInt32Value arg1:UInt32Value arg2:UInt32Value arg3:UInt32Value
    message cpu:Int32Value`,
};

/** `A B` number from 0; `A=5 B` go on from there. */
const ENUMS: Readonly<Record<string, string>> = {
  NodeState: "UNKNOWN_NODE_STATE NODE_CONNECTED NODE_UNAVAILABLE NODE_GONE NODE_ERROR",
  LostEventSource:
    "UNKNOWN_LOST_EVENT_SOURCE PERF_EVENT_RING_BUFFER OBSERVER_EVENTS_QUEUE HUBBLE_RING_BUFFER",
  Verdict: "VERDICT_UNKNOWN FORWARDED DROPPED ERROR AUDIT REDIRECTED TRACED TRANSLATED",
  AuthType: "DISABLED SPIRE TEST_ALWAYS_FAIL",
  FlowType: "UNKNOWN_TYPE L3_L4 L7 SOCK",
  IPVersion: "IP_NOT_USED IPv4 IPv6",
  TunnelProtocol: "UNKNOWN VXLAN GENEVE",
  L7FlowType: "UNKNOWN_L7_TYPE REQUEST RESPONSE SAMPLE",
  SCTPChunkType: "UNSUPPORTED INIT INIT_ACK SHUTDOWN SHUTDOWN_ACK SHUTDOWN_COMPLETE ABORT",
  TrafficDirection: "TRAFFIC_DIRECTION_UNKNOWN INGRESS EGRESS",
  TraceReason:
    "TRACE_REASON_UNKNOWN NEW ESTABLISHED REPLY RELATED REOPENED SRV6_ENCAP SRV6_DECAP ENCRYPT_OVERLAY",
  TraceObservationPoint: `UNKNOWN_POINT TO_PROXY TO_HOST TO_STACK TO_OVERLAY FROM_ENDPOINT FROM_PROXY FROM_HOST FROM_STACK
    FROM_OVERLAY FROM_NETWORK TO_NETWORK FROM_CRYPTO TO_CRYPTO TO_ENDPOINT=101`,
  DebugCapturePoint: `DBG_CAPTURE_POINT_UNKNOWN DBG_CAPTURE_DELIVERY=4 DBG_CAPTURE_FROM_LB DBG_CAPTURE_AFTER_V46
    DBG_CAPTURE_AFTER_V64 DBG_CAPTURE_PROXY_PRE DBG_CAPTURE_PROXY_POST DBG_CAPTURE_SNAT_PRE DBG_CAPTURE_SNAT_POST`,
  SocketTranslationPoint: `SOCK_XLATE_POINT_UNKNOWN SOCK_XLATE_POINT_PRE_DIRECTION_FWD SOCK_XLATE_POINT_POST_DIRECTION_FWD
    SOCK_XLATE_POINT_PRE_DIRECTION_REV SOCK_XLATE_POINT_POST_DIRECTION_REV`,
  DropReason: `DROP_REASON_UNKNOWN INVALID_SOURCE_MAC=130 INVALID_DESTINATION_MAC INVALID_SOURCE_IP POLICY_DENIED
    INVALID_PACKET_DROPPED CT_TRUNCATED_OR_INVALID_HEADER CT_MISSING_TCP_ACK_FLAG CT_UNKNOWN_L4_PROTOCOL
    CT_CANNOT_CREATE_ENTRY_FROM_PACKET UNSUPPORTED_L3_PROTOCOL MISSED_TAIL_CALL ERROR_WRITING_TO_PACKET UNKNOWN_L4_PROTOCOL
    UNKNOWN_ICMPV4_CODE UNKNOWN_ICMPV4_TYPE UNKNOWN_ICMPV6_CODE UNKNOWN_ICMPV6_TYPE ERROR_RETRIEVING_TUNNEL_KEY
    ERROR_RETRIEVING_TUNNEL_OPTIONS INVALID_GENEVE_OPTION UNKNOWN_L3_TARGET_ADDRESS STALE_OR_UNROUTABLE_IP
    NO_MATCHING_LOCAL_CONTAINER_FOUND ERROR_WHILE_CORRECTING_L3_CHECKSUM ERROR_WHILE_CORRECTING_L4_CHECKSUM
    CT_MAP_INSERTION_FAILED INVALID_IPV6_EXTENSION_HEADER IP_FRAGMENTATION_NOT_SUPPORTED SERVICE_BACKEND_NOT_FOUND
    NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT=160 FAILED_TO_INSERT_INTO_PROXYMAP REACHED_EDT_RATE_LIMITING_DROP_HORIZON
    UNKNOWN_CONNECTION_TRACKING_STATE LOCAL_HOST_IS_UNREACHABLE NO_CONFIGURATION_AVAILABLE_TO_PERFORM_POLICY_DECISION
    UNSUPPORTED_L2_PROTOCOL NO_MAPPING_FOR_NAT_MASQUERADE UNSUPPORTED_PROTOCOL_FOR_NAT_MASQUERADE FIB_LOOKUP_FAILED
    ENCAPSULATION_TRAFFIC_IS_PROHIBITED INVALID_IDENTITY UNKNOWN_SENDER NAT_NOT_NEEDED IS_A_CLUSTERIP
    FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND FORBIDDEN_ICMPV6_MESSAGE DENIED_BY_LB_SRC_RANGE_CHECK SOCKET_LOOKUP_FAILED
    SOCKET_ASSIGN_FAILED PROXY_REDIRECTION_NOT_SUPPORTED_FOR_PROTOCOL POLICY_DENY VLAN_FILTERED INVALID_VNI INVALID_TC_BUFFER
    NO_SID MISSING_SRV6_STATE NAT46 NAT64 AUTH_REQUIRED CT_NO_MAP_FOUND SNAT_NO_MAP_FOUND INVALID_CLUSTER_ID
    UNSUPPORTED_PROTOCOL_FOR_DSR_ENCAP NO_EGRESS_GATEWAY UNENCRYPTED_TRAFFIC TTL_EXCEEDED NO_NODE_ID DROP_RATE_LIMITED
    IGMP_HANDLED IGMP_SUBSCRIBED MULTICAST_HANDLED DROP_HOST_NOT_READY DROP_EP_NOT_READY DROP_NO_EGRESS_IP DROP_PUNT_PROXY
    DROP_FRAG_NOT_FOUND_WORLD=207`,
  AgentEventType: `AGENT_EVENT_UNKNOWN AGENT_STARTED=2 POLICY_UPDATED POLICY_DELETED ENDPOINT_REGENERATE_SUCCESS
    ENDPOINT_REGENERATE_FAILURE ENDPOINT_CREATED ENDPOINT_DELETED IPCACHE_UPSERTED IPCACHE_DELETED SERVICE_UPSERTED
    SERVICE_DELETED`,
  DebugEventType: `DBG_EVENT_UNKNOWN DBG_GENERIC DBG_LOCAL_DELIVERY DBG_ENCAP DBG_LXC_FOUND DBG_POLICY_DENIED DBG_CT_LOOKUP
    DBG_CT_LOOKUP_REV DBG_CT_MATCH DBG_CT_CREATED DBG_CT_CREATED2 DBG_ICMP6_HANDLE DBG_ICMP6_REQUEST DBG_ICMP6_NS
    DBG_ICMP6_TIME_EXCEEDED DBG_CT_VERDICT DBG_DECAP DBG_PORT_MAP DBG_ERROR_RET DBG_TO_HOST DBG_TO_STACK
    DBG_PKT_HASH DBG_LB6_LOOKUP_FRONTEND DBG_LB6_LOOKUP_FRONTEND_FAIL DBG_LB6_LOOKUP_BACKEND_SLOT
    DBG_LB6_LOOKUP_BACKEND_SLOT_SUCCESS DBG_LB6_LOOKUP_BACKEND_SLOT_V2_FAIL DBG_LB6_LOOKUP_BACKEND_FAIL
    DBG_LB6_REVERSE_NAT_LOOKUP DBG_LB6_REVERSE_NAT DBG_LB4_LOOKUP_FRONTEND DBG_LB4_LOOKUP_FRONTEND_FAIL
    DBG_LB4_LOOKUP_BACKEND_SLOT DBG_LB4_LOOKUP_BACKEND_SLOT_SUCCESS DBG_LB4_LOOKUP_BACKEND_SLOT_V2_FAIL
    DBG_LB4_LOOKUP_BACKEND_FAIL DBG_LB4_REVERSE_NAT_LOOKUP DBG_LB4_REVERSE_NAT DBG_LB4_LOOPBACK_SNAT
    DBG_LB4_LOOPBACK_SNAT_REV DBG_CT_LOOKUP4 DBG_RR_BACKEND_SLOT_SEL DBG_REV_PROXY_LOOKUP DBG_REV_PROXY_FOUND
    DBG_REV_PROXY_UPDATE DBG_L4_POLICY DBG_NETDEV_IN_CLUSTER DBG_NETDEV_ENCAP4 DBG_CT_LOOKUP4_1 DBG_CT_LOOKUP4_2
    DBG_CT_CREATED4 DBG_CT_LOOKUP6_1 DBG_CT_LOOKUP6_2 DBG_CT_CREATED6 DBG_SKIP_PROXY DBG_L4_CREATE
    DBG_IP_ID_MAP_FAILED4 DBG_IP_ID_MAP_FAILED6 DBG_IP_ID_MAP_SUCCEED4 DBG_IP_ID_MAP_SUCCEED6 DBG_LB_STALE_CT
    DBG_INHERIT_IDENTITY DBG_SK_LOOKUP4 DBG_SK_LOOKUP6 DBG_SK_ASSIGN DBG_L7_LB DBG_SKIP_POLICY DBG_LB6_LOOPBACK_SNAT
    DBG_LB6_LOOPBACK_SNAT_REV`,
};

export interface Field {
  readonly name: string;
  readonly type: string;
  readonly repeated: boolean;
  readonly oneof: boolean;
}

const fieldOf = (text: string): Field => {
  const oneof = text.startsWith("|");
  const repeated = text.endsWith("[]");
  const [name = "", type = "string"] = text.slice(oneof ? 1 : 0, repeated ? -2 : undefined).split(":");
  return { name, type, repeated, oneof };
};

const words = (text: string): string[] => text.split(/\s+/);

/** Fields of a message in the order of their JSON; undefined for what is no message. */
export const messages: ReadonlyMap<string, readonly Field[]> = new Map(
  Object.entries(MESSAGES).map(([name, fields]) => [name, words(fields).map(fieldOf)]),
);

const numbered = (text: string): Map<string, number> => {
  const values = new Map<string, number>();
  let next = 0;
  for (const word of words(text)) {
    const [name = "", number] = word.split("=");
    if (number !== undefined) next = Number(number);
    values.set(name, next++);
  }
  return values;
};

/** Numbers of the names of an enum; undefined for what is no enum. */
export const enums: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map(
  Object.entries(ENUMS).map(([name, values]) => [name, numbered(values)]),
);

const byNumber: ReadonlyMap<string, ReadonlyMap<number, string>> = new Map(
  [...enums].map(([type, values]) => [type, new Map([...values].map(([name, number]) => [number, name]))]),
);

/** The name of an enum's value; undefined where it has none. */
export function enumName(type: string, number: number): string | undefined {
  return byNumber.get(type)?.get(number);
}

/** Fields of protobuf's own messages, which have a JSON of their own. */
const WELL_KNOWN: Readonly<Record<string, readonly string[]>> = {
  Timestamp: ["seconds", "nanos"],
  Any: ["type_url", "value"],
  BoolValue: ["value"],
  Int32Value: ["value"],
  UInt32Value: ["value"],
};

/** Whether a field mask may name it: fields of messages in messages, of which only the last may repeat. */
export function isFieldPath(type: string, path: string): boolean {
  let at: string | undefined = type;
  const names = path.split(".");
  for (const [i, name] of names.entries()) {
    if (at !== undefined && WELL_KNOWN[at]?.includes(name) === true) return i === names.length - 1;
    const field: Field | undefined =
      at === undefined ? undefined : messages.get(at)?.find((f) => f.name === name);
    if (field === undefined) return false;
    at = field.repeated ? undefined : field.type;
  }
  return true;
}
