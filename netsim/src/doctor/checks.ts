/** All checks, in the order of the manual. */
import { aaaaDenied, denialTtl, verifiedMemory } from "./dns/corefile-answers.ts";
import {
  autopathPods,
  corefileInvalid,
  forwardLoop,
  healthMissing,
  loopMissing,
  readyMissing,
  zoneMismatch,
} from "./dns/corefile-plugins.ts";
import { hostNetworkDns, serviceNotThere } from "./dns/names.ts";
import { ndotsWaste } from "./dns/ndots.ts";
import { nodeLocalChecks } from "./dns/nodelocal.ts";
import { dnsEndpoints, dnsOneNode, dnsOneReplica, dnsTcp, kubeletDnsAddress } from "./dns/service.ts";
import { listenerUnusable, routeNotAttached } from "./edge/gateway.ts";
import { backendMissing, grantMissing } from "./edge/references.ts";
import { ingressBackend, ingressClass, ingressSecret, ingressTwice } from "./edge/ingress.ts";
import { conntrackSize } from "./node/conntrack.ts";
import { mtuMismatch } from "./node/mtu.ts";
import { cniObjects } from "./node/network.ts";
import { unsafeSysctl } from "./node/pod-sysctls.ts";
import { tuningChecks } from "./node/tuning.ts";
import { blockOfPods, blockOfServices } from "./policy/blocks.ts";
import { autopathWithFqdn, fqdnNotLearned } from "./policy/cilium.ts";
import {
  dnsEgressBlocked,
  dnsEgressNodeLocal,
  dnsEgressPeer,
  dnsEgressTcp,
  dnsIngressBlocked,
} from "./policy/dns.ts";
import { probeBlocked } from "./policy/probes.ts";
import { toldDenied } from "./policy/told.ts";
import {
  peerSelectsNothing,
  podSelectorAlone,
  selectsNothing as policySelectsNothing,
} from "./policy/selectors.ts";
import {
  allowsNothing,
  deniesNothing,
  egressTypeMissing,
  emptyPeers,
  ingressTypeMissing,
} from "./policy/types.ts";
import { externalNameAddress, externalNameHost, externalNamePort } from "./service/external-name.ts";
import { noSubdomain, statefulSetService, subdomainWithoutService } from "./service/headless.ts";
import { clusterIpTwice, nodePortRange, nodePortTwice } from "./service/node-port.ts";
import { namedPortMissing, portUnserved, probePort, protocolMismatch } from "./service/ports.ts";
import { noneReady, selectsNothing } from "./service/selector.ts";
import {
  affinityBehindProxy,
  externalLocal,
  familyGap,
  internalLocal,
  sourceRanges,
} from "./service/traffic.ts";
import type { Check } from "./types.ts";

export const CHECKS: readonly Check[] = [
  // policy
  dnsEgressBlocked,
  dnsEgressPeer,
  dnsEgressTcp,
  dnsEgressNodeLocal,
  dnsIngressBlocked,
  egressTypeMissing,
  ingressTypeMissing,
  podSelectorAlone,
  policySelectsNothing,
  peerSelectsNothing,
  emptyPeers,
  allowsNothing,
  deniesNothing,
  blockOfServices,
  blockOfPods,
  fqdnNotLearned,
  autopathWithFqdn,
  probeBlocked,
  toldDenied,
  // Services
  selectsNothing,
  noneReady,
  namedPortMissing,
  portUnserved,
  protocolMismatch,
  probePort,
  noSubdomain,
  subdomainWithoutService,
  statefulSetService,
  externalNameAddress,
  externalNamePort,
  externalNameHost,
  nodePortRange,
  nodePortTwice,
  clusterIpTwice,
  externalLocal,
  internalLocal,
  affinityBehindProxy,
  sourceRanges,
  familyGap,
  // DNS
  dnsEndpoints,
  dnsOneReplica,
  dnsOneNode,
  dnsTcp,
  kubeletDnsAddress,
  corefileInvalid,
  forwardLoop,
  readyMissing,
  healthMissing,
  loopMissing,
  zoneMismatch,
  denialTtl,
  verifiedMemory,
  autopathPods,
  aaaaDenied,
  ...nodeLocalChecks,
  ndotsWaste,
  hostNetworkDns,
  serviceNotThere,
  // nodes
  cniObjects,
  mtuMismatch,
  conntrackSize,
  ...tuningChecks,
  unsafeSysctl,
  // the edge
  ingressClass,
  ingressBackend,
  ingressSecret,
  ingressTwice,
  routeNotAttached,
  grantMissing,
  backendMissing,
  listenerUnusable,
];
