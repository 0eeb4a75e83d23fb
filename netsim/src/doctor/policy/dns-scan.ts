/** What every pod's policies, and those of the DNS pods, say of the pod's queries: judged for each pod, told for each cause. */
import type { Pod } from "../../model/types.ts";
import type { Endpoint } from "../../policy/endpoint.ts";
import type { Side } from "../../policy/judge.ts";
import type { Probe } from "../../policy/rule.ts";
import { clusterDnsOf, LINK_LOCAL } from "../../trace/settings.ts";
import type { Context } from "../context.ts";
import { localAddresses } from "../dns/nodelocal-parts.ts";
import { dnsEnds, policyId } from "./shared.ts";
import { standIns } from "./stand-ins.ts";

export type Trouble = "egress" | "egress-tcp" | "egress-nodelocal" | "ingress";

/** Pods whose queries are dropped by the same policies. */
export interface Blocked {
  readonly trouble: Trouble;
  /** The verdict on the first of them. */
  readonly side: Side;
  readonly server: Endpoint;
  readonly probe: Probe;
  /** For `egress-tcp`: what lets UDP through. */
  readonly beside: Side | undefined;
  readonly pods: Endpoint[];
}

const scans = new WeakMap<Context, readonly Blocked[]>();

export function dnsScan(context: Context): readonly Blocked[] {
  let found = scans.get(context);
  if (found === undefined) scans.set(context, (found = scan(context)));
  return found;
}

function scan(context: Context): readonly Blocked[] {
  const { engine, cluster, kubelet } = context;
  const { judge } = engine;
  const servers = dnsEnds(context, clusterDnsOf(cluster));
  const near = localAddresses(context);
  const found = new Map<string, Blocked>();
  const add = (blocked: Omit<Blocked, "pods">, pod: Endpoint): void => {
    const { side, trouble, beside } = blocked;
    // UDP without TCP is the fault of the one rule that allows UDP.
    const rule = trouble === "egress-tcp" ? (beside?.rule ?? side.rule) : side.rule;
    const about =
      rule === undefined ? side.policies.map(policyId) : [`${policyId(rule.object)} ${rule.path.join(".")}`];
    const key = `${trouble} ${about.sort().join()}`;
    const known = found.get(key);
    if (known !== undefined) known.pods.push(pod);
    else found.set(key, { ...blocked, pods: [pod] });
  };

  const asking = context.pods.filter((pod) => asksCluster(pod, kubelet.nameserver));
  const ends = asking.flatMap((pod) => engine.endpoints.pod(pod) ?? []);
  for (const from of [...ends, ...standIns(context).map((s) => s.endpoint)]) {
    const stages = judge.stages(from, "egress");
    const family = servers.filter(
      (s) => s.endpoint.address.v6 === from.address.v6 && s.endpoint.id !== from.id,
    );
    if (stages.some((s) => s.otherwise === "deny" && s.rules.length === 0) && nothingOpen(stages)) continue;
    if (stages.length > 0 && family.length > 0) egressOf(from, family, near);
    ingressOf(from, family);
  }
  return [...found.values()];

  function egressOf(from: Endpoint, family: typeof servers, local: readonly string[]): void {
    const ask = (protocol: "UDP" | "TCP") =>
      family.flatMap(({ endpoint, ports }) => {
        const port = ports[protocol];
        if (port === undefined) return [];
        const probe = { port, protocol };
        return [{ server: endpoint, probe, side: judge.side(from, endpoint, probe, "egress") }];
      });
    const [udp, tcp] = [ask("UDP"), ask("TCP")];
    const denied = udp.find((a) => a.side.action === "deny");
    if (local.length > 0) {
      const blocked = localDenied(from, local);
      if (blocked !== undefined && denied === undefined)
        return add({ ...blocked, trouble: "egress-nodelocal", beside: udp[0]?.side }, from);
      // With a cache on the node the pods of the cluster DNS are not asked by this pod.
      if (blocked === undefined) return;
    }
    if (denied !== undefined) return add({ ...denied, trouble: "egress", beside: undefined }, from);
    const noTcp = tcp.find((a) => a.side.action === "deny");
    if (noTcp !== undefined) add({ ...noTcp, trouble: "egress-tcp", beside: udp[0]?.side }, from);
  }

  /** node-cache takes the packets before they are translated: policy sees the address that the pod asks. */
  function localDenied(from: Endpoint, local: readonly string[]) {
    const address = local.find((a) => a.includes(":") === from.address.v6) ?? LINK_LOCAL;
    const server = engine.endpoints.external(address);
    if (server === undefined) return undefined;
    const probe = { port: 53, protocol: "UDP" };
    const side = judge.side(from, server, probe, "egress");
    return side.action === "deny" ? { side, server, probe } : undefined;
  }

  function ingressOf(from: Endpoint, family: typeof servers): void {
    for (const { endpoint, ports } of family) {
      if (ports.UDP === undefined) continue;
      const probe = { port: ports.UDP, protocol: "UDP" };
      const side = judge.side(endpoint, from, probe, "ingress");
      if (side.action !== "deny") continue;
      return add({ trouble: "ingress", side, server: endpoint, probe, beside: undefined }, from);
    }
  }
}

/** A pod that may connect to nobody at all was meant to be shut in: DNS was not forgotten. */
const nothingOpen = (stages: ReturnType<Context["engine"]["judge"]["stages"]>): boolean =>
  stages.every((s) => s.rules.every((r) => r.action === "deny" || r.ref.object.source.file === ""));

/** Whether the pod's resolv.conf names the cluster's DNS. */
export function asksCluster({ spec }: Pod, nameserver: string | undefined): boolean {
  if (spec.hostNetwork === true) return false;
  const policy = spec.dnsPolicy ?? "ClusterFirst";
  if (policy === "ClusterFirst" || policy === "ClusterFirstWithHostNet") return true;
  return (spec.dnsConfig?.nameservers ?? []).some((s) => s === nameserver);
}
