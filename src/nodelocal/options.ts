/** The flags of Kubernetes' node-cache, and what they say. */
import { isIP } from "node:net";
import { parseDuration } from "../directive/quantity.ts";

/** `type`, `key` and `default` as src/cli/flags.ts wants them. */
export const FLAGS = [
  text("localip", "", "Addresses to serve, with commas between them"),
  text("conf", "", "Corefile to write and to serve"),
  text("corefile", "/etc/Corefile", "The same, where there is no -conf"),
  text("basecorefile", "/etc/coredns/Corefile.base", "Template of the Corefile"),
  text("kubednscm", "", "Directory of the kube-dns ConfigMap (default /etc/kube-dns where that exists)"),
  text("upstreamsvc", "kube-dns", "Service of the cluster's DNS, found by its environment variable"),
  text("interfacename", "nodelocaldns", "Name of the interface that has the addresses"),
  boolean("setupinterface", "true", "Make the interface, and remove it at the end"),
  boolean("setupiptables", "true", "Make the rules, and remove them at the end"),
  boolean("skipteardown", "false", "Leave interface and rules in place at the end"),
  text("syncinterval", "60s", "Time between two looks at interface and rules"),
  text("health-port", "8080", "Port of the health plugin, for two of the rules"),
  text("metrics-listen-address", "0.0.0.0:9353", "Where /metrics is served"),
  boolean("reloadwithsignal", "false", "Reload at once when the Corefile was written"),
  text("dns.port", "53", "Port of zones that name none, of the stub domains, and in the rules"),
  { ...text("p", "53", "The same as -dns.port"), key: "dns.port" },
  text(
    "pidfile",
    "",
    "File to write the process id to; with it the rules are made as soon as queries are answered",
  ),
  boolean("quiet", "false", "Print no banner"),
  boolean("plugins", "false", "List the plugins"),
  boolean("version", "false", "Show the version"),
] as const;

export interface Options {
  /** As written: so they go into the Corefile and the rules. */
  readonly addresses: readonly string[];
  readonly family: 4 | 6;
  readonly corefile: string;
  readonly template: string;
  /** Empty: look for the usual one. */
  readonly kubeDnsDirectory: string;
  readonly upstreamService: string;
  readonly interfaceName: string;
  readonly setUpInterface: boolean;
  readonly setUpRules: boolean;
  readonly skipTeardown: boolean;
  /** Milliseconds. */
  readonly syncInterval: number;
  readonly healthPort: number;
  readonly metricsAddress: string;
  readonly reloadAtOnce: boolean;
  readonly port: number;
  readonly pidfile: string | undefined;
  readonly quiet: boolean;
}

/** `exit`: the code that the real program ends with for it. */
export interface OptionsProblem {
  readonly problem: string;
  readonly exit: 1 | 2;
}

/** Shorter intervals would only heat the node. */
const MIN_INTERVAL = 1000;

/** What the flags mean; `values` by key, as the command line had them. */
export function readOptions(values: Readonly<Record<string, string>>): Options | OptionsProblem {
  const value = (name: (typeof FLAGS)[number]["key"]): string =>
    values[name] ?? FLAGS.find(({ key }) => key === name)!.default;
  const syncInterval = readInterval(value("syncinterval"));
  if (typeof syncInterval === "string")
    return {
      problem: `invalid value ${JSON.stringify(value("syncinterval"))} for flag -syncinterval: ${syncInterval}`,
      exit: 2,
    };

  const refuse = (problem: string): OptionsProblem => ({
    problem: `Error parsing flags - ${problem}, Exiting`,
    exit: 1,
  });
  const addresses = value("localip").split(",");
  const bad = addresses.find((address) => isIP(address) === 0 || address.includes("%"));
  if (bad !== undefined) return refuse(`invalid localip specified - ${JSON.stringify(bad)}`);
  const family = isIP(addresses[0]!) as 4 | 6;
  const other = addresses.find((address) => isIP(address) !== family);
  if (other !== undefined)
    return refuse(`unexpected IP Family for localIP - ${JSON.stringify(other)}, want IPv6=${family === 6}`);
  for (const [flag, what] of [
    ["dns.port", "port"],
    ["health-port", "healthcheck port"],
  ] as const) {
    if (!/^[+-]?\d{1,18}$/.test(value(flag)))
      return refuse(`invalid ${what} specified - ${JSON.stringify(value(flag))}`);
  }
  const port = Number(value("dns.port"));
  if (port < 0 || port > 65535) return refuse(`invalid port specified - "${port}": it is 0 to 65535`);

  return {
    addresses,
    family,
    corefile: values["conf"] || value("corefile"),
    template: value("basecorefile"),
    kubeDnsDirectory: value("kubednscm"),
    upstreamService: value("upstreamsvc"),
    interfaceName: value("interfacename"),
    setUpInterface: value("setupinterface") === "true",
    setUpRules: value("setupiptables") === "true",
    skipTeardown: value("skipteardown") === "true",
    syncInterval,
    healthPort: Number(value("health-port")),
    metricsAddress: value("metrics-listen-address"),
    reloadAtOnce: value("reloadwithsignal") === "true",
    port,
    pidfile: value("pidfile") || undefined,
    quiet: value("quiet") === "true",
  };
}

/**
 * Milliseconds, or what is wrong. node-cache multiplies the duration by a second, so that its manifests say `60ns` for a minute: what is shorter than a
 * microsecond is read so here too.
 */
function readInterval(text: string): number | string {
  const given = parseDuration(text);
  if (given === undefined) return "parse error";
  if (given <= 0) return "must be longer than 0";
  return given < 1e-3 ? Math.round(given * 1e6) * 1000 : Math.max(MIN_INTERVAL, given);
}

function text<const K extends string>(name: K, fallback: string, doc: string) {
  return { name, key: name, type: "string", default: fallback, doc } as const;
}

function boolean<const K extends string>(name: K, fallback: string, doc: string) {
  return { name, key: name, type: "boolean", default: fallback, doc } as const;
}
