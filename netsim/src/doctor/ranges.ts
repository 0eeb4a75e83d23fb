/** The ranges of pods' and of Services' addresses, wherever the input says them. */
import { fields, list, text } from "../gateway/fields.ts";
import { contains, cover, parseAddress, parseBlock, type Block } from "../service/address.ts";
import type { Context } from "./context.ts";

const blocks = (texts: readonly (string | undefined)[]): Block[] =>
  texts.flatMap((t) => (t ?? "").split(",")).flatMap((t) => parseBlock(t.trim()) ?? []);

const kubeadm = ({ others }: Context, key: string): readonly (string | undefined)[] =>
  others("ClusterConfiguration").map((o) => text(fields(o["networking"])[key]));

/** Of nodes (and what covers them all), of Calico's pools, of kubeadm's configuration. */
export function podRanges(context: Context): readonly Block[] {
  const nodes = blocks(
    context.cluster.nodes.flatMap(
      (n) => n.spec.podCIDRs ?? (n.spec.podCIDR === undefined ? [] : [n.spec.podCIDR]),
    ),
  );
  const pools = blocks(context.others("IPPool").map((o) => text(fields(o.spec)["cidr"])));
  const given = blocks(kubeadm(context, "podSubnet"));
  const around = (["IPv4", "IPv6"] as const).flatMap(
    (family) => cover(nodes.filter((b) => b.family === family)) ?? [],
  );
  // Nodes that are far apart are covered by half of the world.
  const wide = around.flatMap((b) => (within(b, USUAL_PODS) ? USUAL_PODS : b.bits >= 12 ? b : []));
  return unique([...nodes, ...pools, ...given, ...wide]);
}

/** Of ServiceCIDR objects and kubeadm's configuration; else kubeadm's own, where a Service has an address in it. */
export function serviceRanges(context: Context): readonly Block[] {
  const objects = context.others("ServiceCIDR").flatMap((o) => list(fields(o.spec)["cidrs"]).map(text));
  const said = blocks([...objects, ...kubeadm(context, "serviceSubnet")]);
  if (said.length > 0) return unique(said);
  const ips = context.given.services.flatMap((s) =>
    (s.spec.clusterIPs ?? []).flatMap((ip) => parseAddress(ip) ?? []),
  );
  return ips.some((ip) => contains(USUAL_SERVICES, ip)) ? [USUAL_SERVICES] : [];
}

/** What kubeadm's documentation, kind and flannel give to pods, and kubeadm to Services. */
const USUAL_PODS = parseBlock("10.244.0.0/16") as Block;
const USUAL_SERVICES = parseBlock("10.96.0.0/12") as Block;

const within = (inner: Block, outer: Block): boolean =>
  inner.family === outer.family && inner.first >= outer.first && inner.last <= outer.last;

const unique = (all: readonly Block[]): Block[] => [...new Map(all.map((b) => [b.text, b])).values()];
