/** The Corefile out of its template, as node-cache makes it. */

/** What the kube-dns ConfigMap asks for. */
export interface KubeDns {
  /** Servers by domain. */
  readonly stubDomains: Readonly<Record<string, readonly string[]>>;
  /** Empty: those of /etc/resolv.conf. */
  readonly upstreamNameservers: readonly string[];
}

export const NO_KUBE_DNS: KubeDns = { stubDomains: {}, upstreamNameservers: [] };

export interface Placeholders {
  readonly addresses: readonly string[];
  /** Address of the cluster's DNS; undefined where it is not known. */
  readonly clusterDns: string | undefined;
  readonly port: number;
}

/** Custom servers are asked over UDP: exactly this text, at the start of a line, is the block that says otherwise. */
const TCP_UPSTREAM = "\n    forward . __PILLAR__UPSTREAM__SERVERS__ {\n            force_tcp\n    }\n";
const UPSTREAM = "__PILLAR__UPSTREAM__SERVERS__";

/** Seconds that answers of stub domains are kept. */
const STUB_TTL = 30;

/** `warning`: what looks wrong in the template. */
export function renderCorefile(
  template: string,
  { addresses, clusterDns, port }: Placeholders,
  { stubDomains, upstreamNameservers }: KubeDns,
): { readonly text: string; readonly warning: string | undefined } {
  let text = template;
  let warning: string | undefined;
  if (upstreamNameservers.length > 0) {
    text = text.replaceAll(TCP_UPSTREAM, () => `\n    forward . ${upstreamNameservers.join(" ")}\n`);
    if (text.includes(UPSTREAM))
      warning = "Did not find TCP upstream block to replace, assuming upstreams already use UDP.";
  }
  const local = addresses.join(" ");
  for (const [placeholder, value] of [
    [UPSTREAM, upstreamText({ upstreamNameservers })],
    // What Go prints for an address that is not there: the forward plugin then says what it misses.
    ["__PILLAR__CLUSTER__DNS__", clusterDns ?? "<nil>"],
    ["__PILLAR__LOCAL__DNS__", local],
    ["__PILLAR__DNS__SERVER__", ""],
  ] as const) {
    text = text.replaceAll(placeholder, () => value);
  }
  for (const domain of Object.keys(stubDomains).sort()) {
    text += `\n${domain}:${port} {
    errors
    cache ${STUB_TTL}
    bind ${local}
    forward . ${stubDomains[domain]!.join(" ")}
}
`;
  }
  return { text, warning };
}

export const upstreamText = ({ upstreamNameservers }: Pick<KubeDns, "upstreamNameservers">): string =>
  upstreamNameservers.length === 0 ? "/etc/resolv.conf" : upstreamNameservers.join(" ");

/** The address that the environment gives for a Service (Kubernetes' `NAME_SERVICE_HOST`), and the variable's name. */
export function serviceVariable(service: string): string {
  return `${service.toUpperCase().replaceAll("-", "_")}_SERVICE_HOST`;
}
