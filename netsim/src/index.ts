/** The public API of @clusterdns/netsim. */
export {
  bridgeFdb,
  checkRanges,
  checkReach,
  commandsFor,
  compare,
  compareMarkdown,
  createNetwork,
  createPod,
  ipLink,
  ipNeigh,
  ipRoute,
  ipRule,
  networkOf,
  pathBetween,
} from "./cni/index.ts";
export type {
  CniName,
  CreationEvent,
  Network,
  NetworkOptions,
  Place as NetworkPlace,
  Plan,
  Walk,
} from "./cni/index.ts";
export { createGatewayTable, createIngressTable, createServiceTable, entrance } from "./gateway/index.ts";
export type {
  Answer,
  Entrance,
  EntranceRequest,
  GatewayRequest,
  GatewayTable,
  IngressTable,
} from "./gateway/index.ts";
export { applyChanges } from "./doctor/apply.ts";
export { CHECKS } from "./doctor/checks.ts";
export { doctor } from "./doctor/doctor.ts";
export { follow, type Followed } from "./doctor/follow.ts";
export { parseSysctls } from "./doctor/node/sysctl.ts";
export { doctorMarkdown } from "./doctor/report/markdown.ts";
export { doctorSarif, type SarifOptions } from "./doctor/report/sarif.ts";
export { doctorText } from "./doctor/report/text.ts";
export type {
  Change,
  Check,
  Diagnosis,
  DoctorOptions,
  Evidence,
  Finding,
  Fix,
  Operation,
  Severity,
  SysctlLine,
} from "./doctor/types.ts";
export { readSharing, selectBackends } from "./mesh/affinity.ts";
export type { BackendState, MeshBackend, ServiceSharing } from "./mesh/affinity.ts";
export { createDnsLog } from "./flow/dns-log.ts";
export type { DnsLog } from "./flow/dns-log.ts";
export { simulate } from "./flow/traffic/simulate.ts";
export { readWorkload } from "./flow/traffic/workload.ts";
export type { Workload } from "./flow/traffic/workload.ts";
export type { Flow, FlowsResponse } from "./flow/types.ts";
export { createMesh, meshCluster } from "./mesh/mesh.ts";
export type { Mesh } from "./mesh/mesh.ts";
export { meshResolve } from "./mesh/resolve.ts";
export { meshTrace } from "./mesh/trace.ts";
export type { MeshTrace } from "./mesh/trace.ts";
export type { Finding as MeshFinding, MeshCluster } from "./mesh/types.ts";
export { viewOf } from "./mesh/view.ts";
export { loadFiles, loadObjects, loadText } from "./model/load.ts";
export type { LoadOptions } from "./model/load.ts";
export { lineOf, objectName } from "./model/source.ts";
export type * from "./model/types.ts";
export { captureTrace, createListener as captureListener } from "./packet/capture.ts";
export type { FindPath } from "./packet/capture.ts";
export {
  boxText,
  capturePing,
  explainPing,
  fitOf,
  layersOf,
  overheadOf,
  ping,
  roomIn,
  sweep,
  transfer,
} from "./packet/index.ts";
export type {
  Discovery,
  Echo,
  Fit,
  Link,
  NamedLayer,
  Outcome as SendOutcome,
  Path,
  Ping,
  PingOptions,
  Transfer,
  Tunnel,
  World,
} from "./packet/index.ts";
export { createDnsCache } from "./policy/cilium/dns-cache.ts";
export type { DnsCache, DnsCacheOptions, Zombie } from "./policy/cilium/dns-cache.ts";
export { dnsQuery, learnedAddresses } from "./policy/cilium/dns-proxy.ts";
export type { DnsDecision } from "./policy/cilium/dns-proxy.ts";
export { dnsAllowed, selectsName } from "./policy/cilium/fqdn.ts";
export { httpAllowed } from "./policy/cilium/http.ts";
export type { HttpRequest } from "./policy/cilium/http.ts";
export { createEngine } from "./policy/engine.ts";
export type { Engine, Enforcer, PolicyOptions, Verdict } from "./policy/engine.ts";
export type { Endpoint, Endpoints } from "./policy/endpoint.ts";
export { placeOf, sideText } from "./policy/explain.ts";
export type { Place } from "./policy/explain.ts";
export type { Judge, Side } from "./policy/judge.ts";
export type { Matrix, PortMatrix } from "./policy/matrix.ts";
export { cluster, createNet } from "./policy/net.ts";
export type { ConnectOptions, Connection, Net, Outcome } from "./policy/net.ts";
export type { Action, Direction, L7, Probe, RuleRef } from "./policy/rule.ts";
export { trace } from "./trace/trace.ts";
export type { TraceOptions } from "./trace/trace.ts";
export { REASONS } from "./trace/types.ts";
export type {
  End,
  Hop,
  NameLookup,
  Note,
  Origin,
  Reason,
  Remedy,
  Trace,
  TraceLayer,
  TraceVerdict,
} from "./trace/types.ts";
export { traceText } from "./trace/text.ts";
export { traceHtml, traceSvg } from "./trace/picture.ts";
export { EXHIBITS, findExhibit, show } from "./museum/index.ts";
export type { Shown } from "./museum/index.ts";
export type {
  Assertion,
  Evidence as ExhibitEvidence,
  Exhibit,
  Fact,
  Facts,
  Outcome as ExhibitOutcome,
  Thread,
} from "./museum/types.ts";
