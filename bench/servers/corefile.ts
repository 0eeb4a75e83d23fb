import type { Site } from "./server.ts";

/**
 * kubeadm's Corefile, for ours and for CoreDNS alike, with what a machine that is no cluster asks for: one address, ports that are
 * free, a local upstream, and where the API server is. `extra`: lines before the chain.
 */
export function corefileText(site: Site, extra: readonly string[] = []): string {
  const [health, ready, metrics] = site.sidePorts;
  const lines = [
    "bind 127.0.0.1",
    ...extra,
    "errors",
    ...(site.corefile.log === true ? ["log"] : []),
    `health 127.0.0.1:${health} {`,
    "   lameduck 5s",
    "}",
    `ready 127.0.0.1:${ready}`,
    "kubernetes cluster.local in-addr.arpa ip6.arpa {",
    `   ${site.source}`,
    "   pods insecure",
    "   fallthrough in-addr.arpa ip6.arpa",
    "   ttl 30",
    "}",
    `prometheus 127.0.0.1:${metrics}`,
    `forward . 127.0.0.1:${site.upstreamPort} {`,
    "   max_concurrent 1000",
    "}",
    ...CACHE[site.corefile.cache],
    "loop",
    "reload",
    "loadbalance",
  ];
  return [`.:${site.port} {`, ...lines.map((line) => `    ${line}`), "}", ""].join("\n");
}

const CACHE = {
  all: ["cache 30"],
  shipped: ["cache 30 {", "   disable success cluster.local", "   disable denial cluster.local", "}"],
  none: [],
} as const;
