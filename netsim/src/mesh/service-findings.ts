/** What is wrong with a Service of several clusters. */
import { readSharing } from "./affinity.ts";
import { GLOBAL_NAMESPACE, type Share } from "./services.ts";
import { finding, placeIn, type Finding, type MeshCluster, type Place } from "./types.ts";

/** `key` is `namespace/name`; `shares` has the clusters that have the Service. */
export function serviceFindings(
  key: string,
  clusters: readonly MeshCluster[],
  shares: readonly Share[],
): Finding[] {
  const out: Finding[] = [];
  const at = ({ home, service }: Share, ...path: (string | number)[]): Place => placeIn(home, service, path);
  const stated = shares.map((s) => ({ ...s, said: readSharing(s.service.metadata.annotations) }));
  const sharers = shares.filter((s) => s.sharing.shared);
  for (const one of stated) {
    const { home, service, said, sharing } = one;
    const { annotations } = service.metadata;
    const here = at(one, "metadata", "annotations");
    if (said.warning !== undefined)
      out.push(
        finding(
          "warning",
          "affinity",
          `${key} in ${home.name}: ${said.warning}: it counts as none`,
          [here],
          "write local, remote or none",
        ),
      );
    if (said.global && !sharing.global)
      out.push(
        finding(
          "error",
          "namespace-not-global",
          `${key} in ${home.name} is annotated as global, and its namespace is not`,
          [here],
          `annotate the namespace: ${GLOBAL_NAMESPACE}: "true"`,
        ),
      );
    const others = Object.keys(annotations).filter((a) =>
      /^(?:service\.cilium\.io\/(?:shared|affinity)|io\.cilium\/(?:shared-service|service-affinity))$/.test(
        a,
      ),
    );
    if (!said.global && others.length > 0)
      out.push(
        finding(
          "warning",
          "not-global",
          `${key} in ${home.name}: ${others.join(" and ")} count only beside service.cilium.io/global: "true"`,
          [here],
          'add service.cilium.io/global: "true"',
        ),
      );
    else if (!said.global && stated.some((s) => s.said.global))
      out.push(
        finding(
          "warning",
          "not-global",
          `${key} is global in ${stated
            .filter((s) => s.said.global)
            .map((s) => s.home.name)
            .join(
              ", ",
            )} and not in ${home.name}: its endpoints are not shared, and its pods reach them alone`,
          [here],
          'annotate it in every cluster: service.cilium.io/global: "true"',
        ),
      );
  }
  const missing = clusters.filter((c) => !shares.some((s) => s.home === c));
  for (const home of missing)
    out.push(
      finding(
        "warning",
        "no-service",
        `${key}: ${home.name} has no Service of this name: its pods cannot use it`,
        [placeIn(home), ...stated.filter((s) => s.said.global).map((s) => at(s))],
        `apply the same Service in ${home.name}; it needs no endpoints there`,
      ),
    );
  const [first, ...rest] = stated.filter((s) => s.said.global);
  for (const other of rest) {
    if (first === undefined) break;
    const ports = (s: Share): string =>
      s.service.spec.ports
        .map((p) => `${p.name ?? ""}:${p.protocol}`)
        .sort()
        .join(",");
    if (ports(first) !== ports(other))
      out.push(
        finding(
          "error",
          "ports",
          `${key}: ports differ between ${first.home.name} (${portText(first)}) and ${other.home.name} (${portText(other)}): endpoints join by the name of their port`,
          [at(first, "spec", "ports"), at(other, "spec", "ports")],
          "the same port names in every cluster",
        ),
      );
    if (first.headless !== other.headless)
      out.push(
        finding(
          "error",
          "headless",
          `${key} is headless in ${(first.headless ? first : other).home.name} alone`,
          [at(first, "spec", "clusterIP"), at(other, "spec", "clusterIP")],
          "headless in every cluster, or in none",
        ),
      );
  }
  if (sharers.length > 0 && sharers.every((s) => s.backends.length === 0))
    out.push(
      finding(
        "error",
        "no-endpoints",
        `${key}: no cluster has a ready endpoint to share`,
        sharers.map((s) => at(s)),
        null,
      ),
    );
  return out;
}

const portText = ({ service }: Share): string =>
  service.spec.ports
    .map((p) => `${p.name === undefined ? "" : `${p.name} `}${p.port}/${p.protocol}`)
    .join(", ");
