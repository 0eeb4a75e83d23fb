/** ipBlocks that were meant for pods or Services. */
import type { NetworkPolicy, Pod, Service } from "../../model/types.ts";
import type { Path } from "../../model/read.ts";
import { contains, parseAddress, parseBlock, type Address, type Block } from "../../service/address.ts";
import { lazy, type Context } from "../context.ts";
import { fix, patch, replace, set } from "../fix.ts";
import { count, evidence, listText, placeOf } from "../place.ts";
import { NETWORK_POLICIES } from "../sources.ts";
import type { Check, Draft, Evidence, Fix } from "../types.ts";
import { podRanges, serviceRanges } from "../ranges.ts";
import { lastingLabels, namespaceIs } from "./shared.ts";

interface Written {
  readonly policy: NetworkPolicy;
  readonly direction: "ingress" | "egress";
  readonly block: Block;
  readonly except: readonly Block[];
  /** Of the peer. */
  readonly path: Path;
}

function blocksOf({ given }: Context): readonly Written[] {
  const read = (policy: NetworkPolicy, direction: "ingress" | "egress"): Written[] => {
    const lists =
      direction === "ingress"
        ? (policy.spec.ingress ?? []).map((r) => r.from ?? [])
        : (policy.spec.egress ?? []).map((r) => r.to ?? []);
    const key = direction === "ingress" ? "from" : "to";
    return lists.flatMap((peers, i) =>
      peers.flatMap(({ ipBlock }, j): Written[] => {
        const block = ipBlock && parseBlock(ipBlock.cidr);
        if (block === undefined) return [];
        const except = (ipBlock?.except ?? []).flatMap((e) => parseBlock(e) ?? []);
        return [{ policy, direction, block, except, path: ["spec", direction, i, key, j] }];
      }),
    );
  };
  return given.networkPolicies.flatMap((p) => [...read(p, "ingress"), ...read(p, "egress")]);
}

const within = (inner: Block, outer: Block): boolean =>
  inner.family === outer.family && inner.first >= outer.first && inner.last <= outer.last;

const holds = ({ block, except }: Written, address: Address): boolean =>
  contains(block, address) && !except.some((e) => contains(e, address));

const addressesOf = (texts: readonly (string | undefined)[]): Address[] =>
  texts.flatMap((t) => parseAddress(t ?? "") ?? []);

/** The range itself, or a part of it; not a block of the whole network that happens to hold it. */
const isMeantFor = (block: Block, ranges: readonly Block[]): boolean =>
  ranges.some((range) => within(block, range)) ||
  (block.bits >= 12 && ranges.some((range) => within(range, block) && range.bits - block.bits <= 8));

export const blockOfServices: Check = {
  id: "NS/policy-block-services",
  title: "ipBlock of Service addresses",
  severity: "error",
  why: "Policy sees a packet after the Service's address has been replaced by a pod's. A rule for cluster IPs never matches: the connection is denied although its address is allowed.",
  sources: [NETWORK_POLICIES],
  run: (context) => {
    const ranges = serviceRanges(context);
    const proxied = context.given.services.filter(
      (s) => s.spec.type !== "ExternalName" && s.spec.clusterIP !== "None",
    );
    const near = nodeLocalAddresses(context);
    return blocksOf(context).flatMap((written): Draft[] => {
      const { policy, direction, block, path } = written;
      if (direction !== "egress" || near.has(block.text)) return [];
      const services = proxied.filter((s) =>
        addressesOf(s.spec.clusterIPs ?? []).some((ip) => holds(written, ip)),
      );
      if (!isMeantFor(block, ranges) && !(block.bits >= 24 && services.length > 0)) return [];
      return [
        {
          message: `${block.text} ${services.length === 0 ? "is in the range of cluster IPs" : `holds the addresses of ${listText(services.map(serviceName))}`}: no packet has such a destination when policy is asked`,
          at: placeOf(policy, [...path, "ipBlock", "cidr"]),
          subjects: services.length === 0 ? [placeOf(policy)] : services.map((s) => placeOf(s)),
          evidence: services.slice(0, 3).map((s) => behind(context, s)),
          fix: selectPods(context, written, services),
          cause: path.join("."),
        },
      ];
    });
  },
};

/** Pods that declare one of the rule's ports; for ingress nobody knows. */
function servers(context: Context, { policy, direction, path }: Written): readonly Pod[] {
  const ports = direction === "egress" ? (policy.spec.egress?.[Number(path[2])]?.ports ?? []) : [];
  const wanted = ports.flatMap((p) => (typeof p.port === "number" ? [`${p.port}/${p.protocol}`] : []));
  if (wanted.length === 0) return [];
  return context.pods.filter((pod) =>
    pod.spec.containers.some((c) =>
      (c.ports ?? []).some((p) => wanted.includes(`${p.containerPort}/${p.protocol}`)),
    ),
  );
}

const nodeLocalAddresses = ({ given, kubelet }: Context): ReadonlySet<string> => {
  const cached = (given.others.get("ConfigMap") ?? []).some((m) => m.metadata.name === "node-local-dns");
  return new Set(cached && kubelet.nameserver !== undefined ? [`${kubelet.nameserver}/32`] : []);
};

const serviceName = ({ metadata }: Service): string => `Service ${metadata.namespace}/${metadata.name}`;

function behind(context: Context, service: Service): Evidence {
  const ends = context.slicesOf(service).flatMap((s) => s.endpoints.flatMap((e) => e.addresses));
  const ip = service.spec.clusterIP ?? "";
  return evidence(
    `${serviceName(service)}: ${ip} becomes ${ends.length === 0 ? "nobody: it has no endpoints" : listText(ends)}`,
    placeOf(service),
  );
}

/** Pods are selected by labels: those of the Services behind the addresses. */
function selectPods(context: Context, { policy, path }: Written, services: readonly Service[]): Fix {
  const [service] = services;
  const text = "select the pods behind the Service, by their labels and their own port";
  if (services.length !== 1 || service?.spec.selector === undefined) return fix(text);
  const { namespace } = service.metadata;
  const peer = {
    ...(namespace !== policy.metadata.namespace && { namespaceSelector: namespaceIs(namespace) }),
    podSelector: { matchLabels: service.spec.selector },
  };
  const rule = policy.spec.egress?.[Number(path[2])];
  const ports = (rule?.ports ?? []).flatMap((p, i) => {
    const own = service.spec.ports.find((s) => s.port === p.port && s.protocol === p.protocol);
    return own === undefined || own.targetPort === p.port
      ? []
      : [set([...path.slice(0, 3), "ports", i, "port"], own.targetPort)];
  });
  return fix(text, patch(policy, replace(path, peer), ...ports));
}

export const blockOfPods: Check = {
  id: "NS/policy-block-pods",
  title: "ipBlock of pod addresses",
  severity: "warning",
  why: "Pods get new addresses whenever they are made anew, so a rule for an address or a node's range selects others tomorrow; and Cilium's ipBlock selects no pod at all. Pods are selected by labels.",
  sources: [NETWORK_POLICIES],
  run: (context) => {
    const ranges = podRanges(context);
    const addresses = lazy(() =>
      context.pods
        .filter((p) => p.spec.hostNetwork !== true)
        .flatMap((pod) =>
          addressesOf(pod.status.podIPs?.map((i) => i.ip) ?? [pod.status.podIP]).map((ip) => ({ pod, ip })),
        ),
    );
    return blocksOf(context).flatMap((written): Draft[] => {
      const { policy, block, path, direction } = written;
      if (!isMeantFor(block, ranges)) return [];
      const inside = addresses()
        .filter(({ ip }) => holds(written, ip))
        .map(({ pod }) => pod);
      const cilium = context.engine.enforcer === "cilium";
      const what =
        inside.length === 0
          ? "lies in the range of pods, and no pod has such an address"
          : `is ${count(inside.length, "pod")} of today (${listText(inside.map((p) => `${p.metadata.namespace}/${p.metadata.name}`))})`;
      // A mistyped range holds nobody: then whoever serves the rule's port was meant, where that is one workload.
      const candidates = inside.length > 0 ? inside : servers(context, written);
      const labelSets = new Map(
        candidates.map((p) => {
          const labels = lastingLabels(p.metadata.labels);
          return [
            JSON.stringify([p.metadata.namespace, labels]),
            { namespace: p.metadata.namespace, labels },
          ];
        }),
      );
      const [only] = [...labelSets.values()];
      const text = "select the pods by their labels";
      const peer = only && {
        ...(only.namespace !== policy.metadata.namespace && {
          namespaceSelector: namespaceIs(only.namespace),
        }),
        podSelector: { matchLabels: only.labels },
      };
      const exact = labelSets.size === 1 && peer !== undefined && Object.keys(only?.labels ?? {}).length > 0;
      return [
        {
          severity: cilium ? "error" : "warning",
          message: `${block.text} ${what}${cilium ? ": Cilium's ipBlock selects no pods" : ""}`,
          at: placeOf(policy, [...path, "ipBlock", "cidr"]),
          subjects: inside.length === 0 ? [placeOf(policy)] : inside.map((p) => placeOf(p)),
          evidence: [
            evidence(
              `${direction} ${direction === "egress" ? "to" : "from"} ${block.text}; pods' ranges here: ${listText(ranges.map((r) => r.text))}`,
              placeOf(policy, path),
            ),
          ],
          fix: exact ? fix(text, patch(policy, replace(path, peer))) : fix(text),
          cause: path.join("."),
        },
      ];
    });
  },
};
