/** `netsim spread FROM TO FILES...`: where many connections to a Service would go, and what each meets on its way. */
import type { Cluster, Pod, Service } from "../model/types.ts";
import { hostPort, parseAddress } from "../service/address.ts";
import { SCHEDULER_NAMES } from "../service/ipvs/scheduler.ts";
import { MODES, serviceProxy } from "../service/index.ts";
import { packet } from "../service/packet.ts";
import { bars, outcomes, seeded, spread } from "../service/spread.ts";
import { loadRunning, writeAll } from "./input.ts";
import { choice, readArgs, UsageError } from "./usage.ts";

const MOST = 1_000_000;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    mode: { type: "string" },
    node: { type: "string" },
    count: { type: "string" },
    interval: { type: "string" },
    seed: { type: "string" },
    scheduler: { type: "string" },
    maglev: { type: "boolean" },
    json: { type: "boolean" },
  });
  const [from = "", to = "", ...files] = positionals;
  const mode = choice("mode", values.mode, MODES) ?? "iptables";
  const count = number("count", values.count, 1000, MOST);
  const interval = number("interval", values.interval, 0, 86_400);
  const seed = number("seed", values.seed, 1, 2 ** 32 - 1);
  const scheduler = choice("scheduler", values.scheduler, SCHEDULER_NAMES) ?? "rr";
  const cluster = loadRunning(files);

  const source = sourceOf(cluster, from);
  const target = targetOf(cluster, to);
  const first = cluster.nodes.map(({ metadata }) => metadata.name).sort()[0];
  const node = values.node ?? source.node ?? first ?? "";
  const algorithm = values.maglev === true ? "maglev" : "random";
  const proxy = serviceProxy(cluster, node, mode, { scheduler, algorithm });
  if (proxy === undefined) throw new UsageError(`no Node ${node} in the input`);
  const [made] = target.addresses.flatMap((address) =>
    source.addresses.flatMap((own) => packet(own, address, target.port, target.protocol) ?? []),
  );
  if (made === undefined) throw new UsageError(`${from} and ${to} have no address family in common`);

  const plane = proxy.plane(made.destination.family);
  const [likeliest] = outcomes(plane, made);
  const { tally } = spread(plane, made, count, seeded(seed), interval);
  const met = { rules: likeliest?.connection.rules ?? 0, lookups: likeliest?.connection.lookups ?? 0 };
  const { source: own, destination } = made;
  const head = { mode, node, from: own.text, to: hostPort(destination.text, target.port), ...met };
  await writeAll(
    values.json === true
      ? [`${JSON.stringify({ ...head, count, tally: Object.fromEntries(tally) }, null, 2)}\n`]
      : [
          `${head.from} to ${head.to} by ${mode} of ${node}: ${met.rules} rules, ${met.lookups} lookups\n`,
          bars(tally),
        ],
  );
  return 0;
}

function number(option: string, text: string | undefined, otherwise: number, most: number): number {
  if (text === undefined) return otherwise;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value <= most) return value;
  throw new UsageError(`--${option} must be a whole number up to ${most}, not ${text}`);
}

/** An address, a node or `namespace/pod`. */
function sourceOf(cluster: Cluster, text: string): { addresses: readonly string[]; node?: string } {
  const own = nodeAddresses(cluster, text);
  if (own !== undefined) return { addresses: own, node: text };
  const address = parseAddress(text)?.text;
  const pod = cluster.pods.find(
    (each) => nameOf(each) === text || podAddresses(each).some((ip) => ip === address),
  );
  const addresses = address === undefined ? (pod === undefined ? [] : podAddresses(pod)) : [address];
  if (addresses.length === 0)
    throw new UsageError(`FROM: ${text} is no address, node or namespace/pod with an address`);
  return { addresses, ...(pod?.spec.nodeName !== undefined && { node: pod.spec.nodeName }) };
}

interface Target {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly protocol: Service["spec"]["ports"][number]["protocol"];
}

/** `address:port[/UDP]`, `node:port` (a NodePort) or `namespace/service[:port]`, the port by number or name. */
function targetOf(cluster: Cluster, text: string): Target {
  const parts = /^(.*?)(?::([a-z0-9-]+))?(?:\/(TCP|UDP|SCTP))?$/i.exec(text.replace(/[[\]]/g, "")) ?? [];
  const [, host = text, wanted, protocol] = parts;
  const service = cluster.services.find((each) => nameOf(each) === host);
  if (service === undefined) {
    const address = parseAddress(host)?.text;
    const addresses = address === undefined ? nodeAddresses(cluster, host) : [address];
    const port = Number(wanted);
    if (addresses === undefined || !(port >= 1 && port <= 65_535))
      throw new UsageError(`TO: ${text} is no address:port, node:port or namespace/service`);
    return { addresses, port, protocol: (protocol?.toUpperCase() ?? "TCP") as Target["protocol"] };
  }
  const { ports, clusterIPs = [] } = service.spec;
  const port =
    wanted === undefined
      ? ports[0]
      : ports.find((each) => String(each.port) === wanted || each.name === wanted);
  if (port === undefined)
    throw new UsageError(`TO: the Service ${host} has no port ${wanted ?? ""}`.trimEnd());
  const addresses = clusterIPs.filter((ip) => parseAddress(ip) !== undefined);
  if (addresses.length === 0) throw new UsageError(`TO: the Service ${host} has no cluster IP`);
  return { addresses, port: port.port, protocol: port.protocol };
}

function nodeAddresses(cluster: Cluster, name: string): string[] | undefined {
  const node = cluster.nodes.find(({ metadata }) => metadata.name === name);
  return node?.status.addresses?.filter(({ type }) => type === "InternalIP").map(({ address }) => address);
}

function podAddresses({ status: { podIP, podIPs } }: Pod): string[] {
  const own = podIPs?.map(({ ip }) => ip) ?? (podIP === undefined ? [] : [podIP]);
  return own.flatMap((ip) => parseAddress(ip)?.text ?? []);
}

function nameOf({ metadata }: Pod | Service): string {
  return `${metadata.namespace}/${metadata.name}`;
}
