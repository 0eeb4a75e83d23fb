/** Kernel parameters that pods ask for themselves. */
import type { Context, Group } from "../context.ts";
import { fix, patch, remove, set } from "../fix.ts";
import { evidence, listText, placeOf } from "../place.ts";
import { KUBELET, SYSCTLS } from "../sources.ts";
import type { Check, Draft } from "../types.ts";

/** What a pod may set without asking (Kubernetes: Using sysctls, "Safe and Unsafe Sysctls"). */
const SAFE = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_wmem",
]);

/** Parameters that each pod has for itself; all others are the node's alone. */
const NAMESPACED = /^(kernel\.(shm|msg|sem)|fs\.mqueue\.|net\.)/;
/** Of `net.`, but one for the whole machine. */
const GLOBAL =
  /^net\.(core\.(rmem|wmem|netdev|optmem|dev_weight)|netfilter\.nf_conntrack_(max|buckets)|nf_conntrack_max|ipv4\.tcp_(mem|rmem_max))/;

const allowedBy = (context: Context): readonly string[] => {
  const lists = context.others("KubeletConfiguration").map((o) => o["allowedUnsafeSysctls"]);
  return lists.flatMap((l) => (Array.isArray(l) ? l.filter((x) => typeof x === "string") : []));
};

const isAllowed = (name: string, allowed: readonly string[]): boolean =>
  allowed.some((a) => (a.endsWith("*") ? name.startsWith(a.slice(0, -1)) : a === name));

export const unsafeSysctl: Check = {
  id: "NS/sysctl-unsafe",
  title: "A pod asks for a kernel parameter that the kubelet refuses",
  severity: "error",
  why: "The kubelet lets pods set only safe parameters, and those of its allowedUnsafeSysctls. A pod with another is rejected with SysctlForbidden and never runs.",
  sources: [SYSCTLS, KUBELET],
  run: (context) => {
    const allowed = allowedBy(context);
    return context.groups.flatMap((group): Draft[] => {
      const spec = group.pods[0]?.spec;
      const sysctls = spec?.securityContext?.sysctls ?? [];
      const refused = sysctls
        .map(({ name }, index) => ({ name: name.replaceAll("/", "."), index }))
        .filter(({ name }) => reasonAgainst(name, spec?.hostNetwork === true, allowed) !== undefined);
      const [first] = refused;
      if (first === undefined) return [];
      return [draftOf(context, group, refused, spec?.hostNetwork === true, allowed)];
    });
  },
};

function reasonAgainst(name: string, hostNetwork: boolean, allowed: readonly string[]): string | undefined {
  if (!NAMESPACED.test(name) || GLOBAL.test(name)) return "belongs to the node as a whole: no pod may set it";
  if (hostNetwork && name.startsWith("net."))
    return "is the node's own in a hostNetwork pod: it may not be set";
  if (SAFE.has(name) || isAllowed(name, allowed)) return undefined;
  return "is not safe, and no kubelet allows it";
}

function draftOf(
  context: Context,
  { id, holder: { object, path }, pods }: Group,
  refused: readonly { readonly name: string; readonly index: number }[],
  hostNetwork: boolean,
  allowed: readonly string[],
): Draft {
  const at = (index: number) => [...path, "securityContext", "sysctls", index];
  const reasons = refused.map(({ name }) => reasonAgainst(name, hostNetwork, allowed) ?? "");
  const [kubelet] = context.others("KubeletConfiguration");
  const allowable = reasons.every((r) => r.startsWith("is not safe"));
  const names = refused.map((r) => r.name);
  return {
    message: `${id}: ${listText(names)} ${reasons[0] ?? ""}`,
    at: placeOf(object, at(refused[0]!.index)),
    subjects: pods.map((p) => placeOf(p)),
    evidence: refused.map(({ name, index }, i) =>
      evidence(`${name} ${reasons[i] ?? ""}`, placeOf(object, at(index))),
    ),
    fix:
      allowable && kubelet !== undefined
        ? fix(
            "allow it in the kubelets' configuration",
            patch(kubelet, set(["allowedUnsafeSysctls"], [...allowed, ...names])),
          )
        : fix(
            allowable
              ? "allow it in allowedUnsafeSysctls of the nodes' kubelets, or do without"
              : "set it on the nodes, and take it out of the pod",
            patch(object, ...[...refused].reverse().map(({ index }) => remove(at(index)))),
          ),
  };
}
