/**
 * Hubble's flows as objects, after `decode`: what protobuf holds as its default value is absent, enums are names (a number where
 * the name is not known), 64-bit integers decimal text, times RFC 3339 text in UTC with up to nine digits.
 */
export type Enum = string | number;

export interface Endpoint {
  ID?: number;
  identity?: number;
  cluster_name?: string;
  namespace?: string;
  labels?: string[];
  pod_name?: string;
  workloads?: Workload[];
}

export interface Workload {
  name?: string;
  kind?: string;
}

export interface Ports {
  source_port?: number;
  destination_port?: number;
}

export type TcpFlag = "FIN" | "SYN" | "RST" | "PSH" | "ACK" | "URG" | "ECE" | "CWR" | "NS";
export type TcpFlags = Partial<Record<TcpFlag, boolean>>;

/** At most one of them is there. */
export interface Layer4 {
  TCP?: Ports & { flags?: TcpFlags };
  UDP?: Ports;
  SCTP?: Ports;
  ICMPv4?: { type?: number; code?: number };
  ICMPv6?: { type?: number; code?: number };
  VRRP?: object;
  IGMP?: object;
}

export interface Http {
  code?: number;
  method?: string;
  url?: string;
  protocol?: string;
  headers?: { key?: string; value?: string }[];
}

export interface Dns {
  query?: string;
  ips?: string[];
  ttl?: number;
  cnames?: string[];
  observation_source?: string;
  rcode?: number;
  qtypes?: string[];
  rrtypes?: string[];
}

export interface Layer7 {
  type?: Enum;
  latency_ns?: string;
  dns?: Dns;
  http?: Http;
  kafka?: object;
}

export interface PolicyRef {
  name?: string;
  namespace?: string;
  labels?: string[];
  revision?: string;
  kind?: string;
}

export interface Flow {
  time?: string;
  uuid?: string;
  verdict?: Enum;
  auth_type?: Enum;
  ethernet?: { source?: string; destination?: string };
  IP?: {
    source?: string;
    source_xlated?: string;
    destination?: string;
    ipVersion?: Enum;
    encrypted?: boolean;
  };
  l4?: Layer4;
  l7?: Layer7;
  source?: Endpoint;
  destination?: Endpoint;
  Type?: Enum;
  node_name?: string;
  node_labels?: string[];
  source_names?: string[];
  destination_names?: string[];
  source_service?: { name?: string; namespace?: string };
  destination_service?: { name?: string; namespace?: string };
  event_type?: { type?: number; sub_type?: number };
  traffic_direction?: Enum;
  policy_match_type?: number;
  trace_observation_point?: Enum;
  trace_reason?: Enum;
  drop_reason?: number;
  drop_reason_desc?: Enum;
  reply?: boolean;
  is_reply?: boolean;
  debug_capture_point?: Enum;
  proxy_port?: number;
  sock_xlate_point?: Enum;
  interface?: { index?: number; name?: string };
  trace_context?: { parent?: { trace_id?: string } };
  ip_trace_id?: { trace_id?: string; ip_option_type?: number };
  egress_allowed_by?: PolicyRef[];
  ingress_allowed_by?: PolicyRef[];
  egress_denied_by?: PolicyRef[];
  ingress_denied_by?: PolicyRef[];
  Summary?: string;
}

export interface NodeStatus {
  state_change?: Enum;
  node_names?: string[];
  message?: string;
}

export interface LostEvents {
  source?: Enum;
  num_events_lost?: string;
  cpu?: number;
  first?: string;
  last?: string;
}

/** One line of a recording: one of flow, node_status and lost_events, or none. */
export interface FlowsResponse {
  flow?: Flow;
  node_status?: NodeStatus;
  lost_events?: LostEvents;
  node_name?: string;
  time?: string;
}

/** What Hubble's servers tell beside flows: `hubble observe agent-events` and `debug-events`. */
export type EventKind = "agent-events" | "debug-events";

export interface EventResponse {
  agent_event?: AgentEvent;
  debug_event?: DebugEvent;
  node_name?: string;
  time?: string;
}

interface ServiceAddress {
  ip?: string;
  port?: number;
}

/** One of the notifications is there, or none. */
export interface AgentEvent {
  type?: Enum;
  unknown?: { type?: string; notification?: string };
  agent_start?: { time?: string };
  policy_update?: { labels?: string[]; revision?: string; rule_count?: string };
  endpoint_regenerate?: { id?: string; labels?: string[]; error?: string };
  endpoint_update?: { id?: string; namespace?: string; pod_name?: string };
  ipcache_update?: {
    cidr?: string;
    identity?: number;
    old_identity?: number;
    host_ip?: string;
    old_host_ip?: string;
    encrypt_key?: number;
  };
  service_upsert?: {
    id?: number;
    frontend_address?: ServiceAddress;
    backend_addresses?: ServiceAddress[];
    type?: string;
    traffic_policy?: string;
    name?: string;
    namespace?: string;
  };
  service_delete?: { id?: number };
}

export interface DebugEvent {
  type?: Enum;
  source?: Endpoint;
  hash?: number;
  message?: string;
  cpu?: number;
}

/** All fields must hold, of each field one entry. */
export interface FlowFilter {
  uuid?: string[];
  source_ip?: string[];
  source_ip_xlated?: string[];
  source_pod?: string[];
  source_fqdn?: string[];
  source_label?: string[];
  source_service?: string[];
  source_workload?: Workload[];
  source_cluster_name?: string[];
  destination_ip?: string[];
  destination_pod?: string[];
  destination_fqdn?: string[];
  destination_label?: string[];
  destination_service?: string[];
  destination_workload?: Workload[];
  destination_cluster_name?: string[];
  traffic_direction?: Enum[];
  verdict?: Enum[];
  drop_reason_desc?: Enum[];
  interface?: { index?: number; name?: string }[];
  event_type?: EventTypeFilter[];
  http_status_code?: string[];
  protocol?: string[];
  source_port?: string[];
  destination_port?: string[];
  reply?: boolean[];
  dns_query?: string[];
  source_identity?: number[];
  destination_identity?: number[];
  http_method?: string[];
  http_path?: string[];
  http_url?: string[];
  http_header?: { key?: string; value?: string }[];
  tcp_flags?: TcpFlags[];
  node_name?: string[];
  node_labels?: string[];
  ip_version?: Enum[];
  trace_id?: string[];
  ip_trace_id?: string[];
  encrypted?: boolean[];
  experimental?: { cel_expression?: string[] };
}

export interface EventTypeFilter {
  type?: number;
  match_sub_type?: boolean;
  sub_type?: number;
}
