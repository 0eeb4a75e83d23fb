import type { CorefileChoice } from "../workloads.ts";
import type { Site } from "./server.ts";

/**
 * kubeadm's Corefile, for ours and for CoreDNS alike, with what a machine that is no cluster asks for: one address, ports that are
 * free, a local upstream, and where the API server is. `extra`: lines before the chain.
 */
export function corefileText(
  site: Pick<Site, "port" | "sidePorts" | "upstreamPort" | "corefile" | "source">,
  extra: readonly string[] = [],
): string {
  const [health, ready, metrics] = site.sidePorts;
  const isLocal = site.corefile.isLocal === true;
  const lines = [
    "bind 127.0.0.1",
    ...extra,
    ...(site.corefile.pprof === undefined ? [] : [`pprof 127.0.0.1:${site.corefile.pprof}`]),
    "errors",
    ...(site.corefile.log === true ? ["log"] : []),
    `health 127.0.0.1:${health} {`,
    "   lameduck 5s",
    "}",
    `ready 127.0.0.1:${ready}`,
    "kubernetes cluster.local in-addr.arpa ip6.arpa {",
    ...(site.source === "" ? [] : [`   ${site.source}`]),
    "   pods insecure",
    "   fallthrough in-addr.arpa ip6.arpa",
    "   ttl 30",
    "}",
    `prometheus 127.0.0.1:${metrics}`,
    ...(isLocal ? [] : [`forward . 127.0.0.1:${site.upstreamPort} {`, "   max_concurrent 1000", "}"]),
    ...cacheLines(site.corefile),
    ...(isLocal ? [] : ["loop"]),
    "reload",
    "loadbalance",
  ];
  return [`.:${site.port} {`, ...lines.map((line) => `    ${line}`), "}", ""].join("\n");
}

function cacheLines({ cache, capacity }: CorefileChoice): readonly string[] {
  if (cache === "none") return [];
  if (cache === "shipped")
    return ["cache 30 {", "   disable success cluster.local", "   disable denial cluster.local", "}"];
  return capacity === undefined ? ["cache 30"] : ["cache 3600 {", `   success ${capacity}`, "}"];
}
