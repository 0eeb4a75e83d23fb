/** The flags of `hubble observe`, and how the pflag library reads a command line. */

/** A command line that Hubble refuses; the message is Hubble's. */
export class ArgumentError extends Error {}

export type Kind = "filter" | "bool" | "text" | "count" | "port" | "duration";

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Filters that may stand without a value, and the value that they then have. */
const BARE: ReadonlyMap<string, string> = new Map([
  ["ipv4", "v4"],
  ["ipv6", "v6"],
  ...words(
    "not encrypted unencrypted reply not-reply all-namespaces from-all-namespaces to-all-namespaces",
  ).map((name): [string, string] => [name, "true"]),
]);

export const KINDS: ReadonlyMap<string, Kind> = new Map([
  ...words(`not uuid node-name node-label from-cluster cluster to-cluster protocol tcp-flags type verdict drop-reason-desc
    http-status http-method http-path http-url http-header trace-id ip-trace-id from-fqdn fqdn to-fqdn from-ip snat-ip ip to-ip
    ipv4 ipv6 ip-version from-pod pod to-pod from-namespace namespace to-namespace from-all-namespaces all-namespaces
    to-all-namespaces from-label label to-label from-service service to-service from-port port to-port from-workload workload
    to-workload from-identity identity to-identity traffic-direction cel-expression interface encrypted unencrypted reply
    not-reply`).map((name): [string, Kind] => [name, "filter"]),
  ...words(`all follow numeric ip-translation print-node-name print-policy-names silent-errors print-raw-filters
    use-default-field-masks debug tls tls-allow-insecure port-forward tail`).map((name): [string, Kind] => [
    name,
    "bool",
  ]),
  ...words(`since until output time-format color input-file field-mask allowlist denylist server config
    tls-ca-cert-files tls-client-cert-file tls-client-key-file tls-server-name basic-auth-username basic-auth-password
    kube-context kube-namespace kubeconfig traffic dns-log start duration seed`).map(
    (name): [string, Kind] => [name, "text"],
  ),
  ["timeout", "duration"],
  ["request-timeout", "duration"],
  ["port-forward-port", "port"],
  ["last", "count"],
  ["first", "count"],
]);

const SHORT: ReadonlyMap<string, string> = new Map([
  ["t", "type"],
  ["4", "ipv4"],
  ["6", "ipv6"],
  ["n", "namespace"],
  ["A", "all-namespaces"],
  ["l", "label"],
  ["o", "output"],
  ["f", "follow"],
  ["s", "silent-errors"],
  ["D", "debug"],
  ["P", "port-forward"],
]);
export const SHORT_OF: ReadonlyMap<string, string> = new Map(
  [...SHORT].map(([short, name]) => [name, short]),
);

/** Options in their order, each with its value; what is no option is put into `words`. Throws ArgumentError. */
export function* options(
  args: readonly string[],
  words: string[],
): Generator<readonly [name: string, value: string]> {
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--") {
      words.push(...rest);
      return;
    }
    if (!arg.startsWith("-") || arg === "-") {
      words.push(arg);
      continue;
    }
    if (arg.startsWith("--")) {
      const equals = arg.indexOf("=");
      const name = arg.slice(2, equals < 0 ? undefined : equals);
      const kind = KINDS.get(name);
      if (name === "" || name.startsWith("-") || name.startsWith("="))
        throw new ArgumentError(`bad flag syntax: ${arg}`);
      if (kind === undefined) throw new ArgumentError(`unknown flag: --${name}`);
      const bare = kind === "bool" ? "true" : BARE.get(name);
      const value = equals < 0 ? (bare ?? rest.shift()) : arg.slice(equals + 1);
      if (value === undefined) throw new ArgumentError(`flag needs an argument: --${name}`);
      yield [name, value];
      continue;
    }
    // -fA, -o json, -ojson, -o=json
    for (let shorts = arg.slice(1); shorts !== "";) {
      const short = shorts.charAt(0);
      const name = SHORT.get(short);
      if (name === undefined) throw new ArgumentError(`unknown shorthand flag: '${short}' in -${shorts}`);
      const bare = KINDS.get(name) === "bool" ? "true" : BARE.get(name);
      const after = shorts.slice(1);
      shorts = "";
      if (after.startsWith("=") && after.length > 1) yield [name, after.slice(1)];
      else if (bare !== undefined) {
        yield [name, bare];
        shorts = after;
      } else {
        const value = after === "" ? rest.shift() : after;
        if (value === undefined) throw new ArgumentError(`flag needs an argument: '${short}' in -${short}`);
        yield [name, value];
      }
    }
  }
}
