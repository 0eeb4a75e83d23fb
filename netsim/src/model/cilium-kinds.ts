/**
 * Readers of Cilium's policies. They stand for the JSON decoder of the agent: types and shapes. What the agent's own
 * validation refuses on top of that is in policy/cilium/validate.ts.
 */
import type { Body } from "./core-kinds.ts";
import { sourcedSelector } from "./meta.ts";
import { any, boolean, integer, intOrString, list, listOrNull, need, or, record, string } from "./read.ts";
import type * as t from "./types.ts";

const http = record<t.CiliumHTTPRule>(
  {
    method: string,
    path: string,
    host: string,
    headers: list(string),
    headerMatches: list(
      record<NonNullable<t.CiliumHTTPRule["headerMatches"]>[number]>(
        {
          name: or(string, ""),
          value: string,
          mismatch: string as never,
          secret: record<{ namespace?: string; name: string }>(
            { namespace: string, name: or(string, "") },
            {},
          ),
        },
        {},
      ),
    ),
  },
  {},
);

const fqdn = record<t.FQDNSelector>({ matchName: string, matchPattern: string }, {});

const l7 = record<t.CiliumL7Rules>(
  {
    http: listOrNull(http),
    dns: listOrNull(fqdn),
    kafka: listOrNull(any),
    l7proto: string,
    l7: listOrNull(any),
  },
  {},
);

const portRule = record<t.CiliumPortRule>(
  {
    ports: listOrNull(
      record<t.CiliumPort>({ port: string, endPort: integer(0, 65535), protocol: string }, {}),
    ),
    rules: l7,
    serverNames: listOrNull(string),
    terminatingTLS: any,
    originatingTLS: any,
    listener: any,
  },
  {},
);

const service = record<t.CiliumService>(
  {
    k8sService: record<NonNullable<t.CiliumService["k8sService"]>>(
      { serviceName: string, namespace: string },
      {},
    ),
    k8sServiceSelector: record<NonNullable<t.CiliumService["k8sServiceSelector"]>>(
      { selector: need(sourcedSelector), namespace: string },
      {},
    ),
  },
  {},
);

const cidrRule = record<t.CIDRRule>(
  { cidr: string, cidrGroupRef: string, cidrGroupSelector: sourcedSelector, except: listOrNull(string) },
  {},
);

const icmp = record<NonNullable<t.CiliumRule["icmps"]>[number]>(
  {
    fields: list(
      record<{ family?: string; type: t.IntOrString }>({ family: string, type: need(intOrString) }, {}),
    ),
  },
  {},
);

const selectors = listOrNull(sourcedSelector);
const strings = listOrNull(string);

const rule = record<t.CiliumRule>(
  {
    fromEndpoints: selectors,
    fromRequires: strings,
    fromEntities: strings,
    fromCIDR: strings,
    fromCIDRSet: listOrNull(cidrRule),
    fromNodes: selectors,
    fromGroups: listOrNull(any),
    toEndpoints: selectors,
    toRequires: strings,
    toEntities: strings,
    toCIDR: strings,
    toCIDRSet: listOrNull(cidrRule),
    toNodes: selectors,
    toGroups: listOrNull(any),
    toServices: listOrNull(service),
    toFQDNs: listOrNull(fqdn),
    toPorts: listOrNull(portRule),
    icmps: listOrNull(icmp),
    authentication: any,
  },
  {},
);

const spec = record<t.CiliumSpec>(
  {
    endpointSelector: sourcedSelector,
    nodeSelector: sourcedSelector,
    ingress: listOrNull(rule),
    ingressDeny: listOrNull(rule),
    egress: listOrNull(rule),
    egressDeny: listOrNull(rule),
    enableDefaultDeny: record<{ ingress?: boolean; egress?: boolean }>(
      { ingress: boolean, egress: boolean },
      {},
    ),
    description: string,
  },
  { known: ["labels", "log"] },
);

export const ciliumNetworkPolicy = record<Body<t.CiliumNetworkPolicy>>({ spec, specs: list(spec) });
