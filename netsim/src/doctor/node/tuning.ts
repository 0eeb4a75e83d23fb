/** Kernel parameters that are too low for a busy node, against the values of the usual tuning guides. */
import type { Context } from "../context.ts";
import { fix } from "../fix.ts";
import { evidence, listText } from "../place.ts";
import { KERNEL_CONNTRACK, KERNEL_IP, KERNEL_NET } from "../sources.ts";
import type { Check, Draft, Reference } from "../types.ts";
import { setAll, settings, type Setting } from "./sysctl.ts";

/** What is wrong with a value, and what it should be; undefined where it is good enough. */
type Judge = (value: string) => { readonly why: string; readonly wanted: string } | undefined;

const atLeast =
  (wanted: number): Judge =>
  (value) =>
    Number(value) < wanted ? { why: `below ${wanted}`, wanted: String(wanted) } : undefined;

const atMost =
  (wanted: number): Judge =>
  (value) =>
    Number(value) > wanted ? { why: `above ${wanted}`, wanted: String(wanted) } : undefined;

/** `min default max`: only what buffers may grow to counts. */
const growsTo =
  (wanted: number): Judge =>
  (value) => {
    const [low = "4096", usual = "87380", most = "0"] = value.trim().split(/\s+/);
    return Number(most) < wanted
      ? { why: `grows to ${most}, below ${wanted}`, wanted: `${low} ${usual} ${wanted}` }
      : undefined;
  };

const isOn: Judge = (value) => (value === "1" ? undefined : { why: `is ${value}, not 1`, wanted: "1" });

/** In octets: 16 MiB. */
const BUFFER = 16_777_216;

interface Tuning {
  readonly id: Check["id"];
  readonly title: string;
  readonly severity?: Check["severity"];
  readonly why: string;
  readonly sources: readonly Reference[];
  readonly keys: Readonly<Record<string, Judge>>;
}

const TUNINGS: readonly Tuning[] = [
  {
    id: "NS/sysctl-conntrack-max",
    title: "A small connection table",
    why: 'Every connection that a Service translates has an entry, for minutes after it has ended. When the table is full new connections are dropped ("nf_conntrack: table full"), DNS queries among them. 1,048,576 entries cost at most about 320 MiB.',
    sources: [KERNEL_CONNTRACK],
    keys: {
      "net.netfilter.nf_conntrack_max": atLeast(1_048_576),
      "net.nf_conntrack_max": atLeast(1_048_576),
    },
  },
  {
    id: "NS/sysctl-buffers",
    title: "Small socket buffers",
    why: "A connection has at most one buffer of data on its way. With the kernel's defaults that limits long fat connections, and a DNS server drops bursts of datagrams that its buffer does not hold.",
    sources: [KERNEL_NET, KERNEL_IP],
    keys: {
      "net.core.rmem_max": atLeast(BUFFER),
      "net.core.wmem_max": atLeast(BUFFER),
      "net.ipv4.tcp_rmem": growsTo(BUFFER),
      "net.ipv4.tcp_wmem": growsTo(BUFFER),
    },
  },
  {
    id: "NS/sysctl-tw-reuse",
    title: "Ports in TIME_WAIT are not used again",
    why: "A client that opens many connections to one server runs out of ports: each stays in TIME_WAIT for a minute. With tcp_tw_reuse they are used again where timestamps make that safe.",
    sources: [KERNEL_IP],
    keys: { "net.ipv4.tcp_tw_reuse": isOn },
  },
  {
    id: "NS/sysctl-backlog",
    title: "Short queues for new connections",
    why: "Connections that a server has not accepted yet wait in a queue. When it is full, clients' SYNs are dropped and tried again after a second: bursts become latency.",
    sources: [KERNEL_NET, KERNEL_IP],
    keys: { "net.core.somaxconn": atLeast(65_535), "net.ipv4.tcp_max_syn_backlog": atLeast(65_535) },
  },
  {
    id: "NS/sysctl-keepalive",
    title: "Dead connections are noticed late",
    why: "The kernel's defaults look after a silent connection for two hours. Load balancers, firewalls and connection tables have forgotten it long before: the next packet is answered by a reset, or by nobody.",
    sources: [KERNEL_IP],
    keys: {
      "net.ipv4.tcp_keepalive_time": atMost(600),
      "net.ipv4.tcp_keepalive_intvl": atMost(30),
      "net.ipv4.tcp_keepalive_probes": atMost(10),
    },
  },
  {
    id: "NS/sysctl-forwarding",
    title: "The node does not forward packets",
    severity: "error",
    why: "A node is the router of its pods. Without ip_forward no pod reaches another node; without bridge-nf-call-iptables packets between pods on one bridge pass by kube-proxy's rules, and a Service that leads back to the same node does not answer.",
    sources: [KERNEL_IP],
    keys: {
      "net.ipv4.ip_forward": isOn,
      "net.bridge.bridge-nf-call-iptables": isOn,
    },
  },
];

function tuning({ keys, severity = "warning", ...about }: Tuning): Check {
  return {
    ...about,
    severity,
    run: (context) => judged(context, keys),
  };
}

/** Calico and Cilium route to each pod by itself: no packet passes a bridge. */
const hasBridges = (context: Context): boolean =>
  context.others("IPPool").length + context.given.ciliumPolicies.length === 0 &&
  !context.others("ConfigMap").some((m) => /^(cilium|calico)-config$/.test(m.metadata.name));

/** One finding for each place that sets values: they are changed together. */
function judged(context: Context, keys: Tuning["keys"]): readonly Draft[] {
  const bySource = new Map<string, { setting: Setting; why: string; wanted: string }[]>();
  for (const setting of settings(context)) {
    if (setting.key.startsWith("net.bridge.") && !hasBridges(context)) continue;
    const verdict = keys[setting.key]?.(setting.value);
    if (verdict === undefined) continue;
    const source = setting.at.object ?? setting.by;
    bySource.set(source, [...(bySource.get(source) ?? []), { setting, ...verdict }]);
  }
  return [...bySource].map(([source, low]): Draft => {
    const [first] = low;
    return {
      message: listText(
        low.map(
          ({ setting, why }) =>
            `${setting.key} ${why.startsWith("is ") ? why : `= ${setting.value}, ${why}`}`,
        ),
        5,
      ),
      at: first!.setting.at,
      subjects: low.map(({ setting }) => setting.at),
      evidence: low.map(({ setting }) =>
        evidence(`${setting.by}: ${setting.key} = ${setting.value}`, setting.at),
      ),
      fix: fix(
        `set ${listText(
          low.map(({ setting, wanted }) => `${setting.key} = ${wanted}`),
          5,
        )}`,
        ...setAll(low),
      ),
      cause: source,
    };
  });
}

export const tuningChecks: readonly Check[] = TUNINGS.map(tuning);
