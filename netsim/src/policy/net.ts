/** The API for tests and tools: `const net = await cluster("k8s/*.yaml"); net.connect("shop/web", "db.data:5432").verdict`. */
import { loadFiles, loadObjects } from "../model/load.ts";
import { keepInput } from "../model/source.ts";
import type { Cluster, Problem } from "../model/types.ts";
import { caveatsOf } from "./caveats.ts";
import { httpAllowed } from "./cilium/http.ts";
import type { HttpRequest } from "./cilium/http.ts";
import { createEngine } from "./engine.ts";
import type { Engine, PolicyOptions, Verdict } from "./engine.ts";
import type { Endpoint } from "./endpoint.ts";
import { sidePlace, sideText } from "./explain.ts";
import type { Place } from "./explain.ts";
import { createParties } from "./parties.ts";
import type { HttpTarget, Parties, Target } from "./parties.ts";
import type { L7, Probe } from "./rule.ts";

/** `reject`: a Service without ready endpoints, or without that port. `nxdomain`: nothing has that name. */
export type Outcome = "allow" | "deny" | "redirect" | "reject" | "nxdomain";

export interface Connection {
  readonly verdict: Outcome;
  readonly from: string;
  readonly to: string;
  readonly port?: Probe;
  /** Sentences: what each end says, then what was not evaluated. */
  readonly why: readonly string[];
  /** Where to look: the rule (or the isolating policy) that decided. */
  readonly place?: Place;
}

export interface ConnectOptions {
  readonly port?: Probe;
  /** The request that a proxy would see; for an http:// URL it is a GET of its path. */
  readonly http?: Partial<HttpRequest>;
}

export interface Net {
  readonly cluster: Cluster;
  readonly engine: Engine;
  readonly parties: Parties;
  readonly problems: readonly Problem[];
  /** Every pair that the two texts stand for: each of a workload's pods, each endpoint of a Service. */
  connections(from: string, to: string, options?: ConnectOptions): readonly Connection[];
  /** The worst of them: the first that does not get through, else the first. */
  connect(from: string, to: string, options?: ConnectOptions): Connection;
}

/** A redirect with a request at hand is decided: the proxy of each end must let it through. */
function throughProxies(verdict: Verdict, request: HttpRequest | undefined): Outcome {
  if (verdict.verdict !== "redirect" || request === undefined) return verdict.verdict;
  const sides = [verdict.egress, verdict.ingress].filter((s) => s.action === "redirect");
  const parsers = sides.flatMap((s): readonly L7[] => s.l7 ?? []);
  if (parsers.some((l) => l.parser !== "http")) return "redirect";
  return sides.every((s) =>
    httpAllowed(
      (s.l7 ?? []).flatMap((l) => l.http ?? []),
      request,
    ),
  )
    ? "allow"
    : "deny";
}

const requestOf = (
  http: HttpTarget | undefined,
  given: Partial<HttpRequest> | undefined,
): HttpRequest | undefined =>
  http === undefined && given === undefined
    ? undefined
    : { method: "GET", path: "/", host: "", ...http, ...given };

export function createNet(cluster: Cluster, options: PolicyOptions = {}): Net {
  const engine = createEngine(cluster, options);
  const parties = createParties(engine);
  const caveats = caveatsOf(cluster, engine.enforcer);

  function judge(
    from: Endpoint,
    { endpoint: to, probe }: Target,
    request: HttpRequest | undefined,
  ): Connection {
    if (from.id === to.id) {
      return {
        verdict: "allow",
        from: from.id,
        to: to.id,
        port: probe,
        why: ["a pod always reaches itself"],
      };
    }
    const judged = engine.connect(from, to, probe);
    const verdict = throughProxies(judged, request);
    const beside = caveats
      .filter((c) => c.touches(from) || c.touches(to))
      .map((c) => `not evaluated: ${c.text}`);
    const decisive =
      judged.egress.action === "deny"
        ? judged.egress
        : judged.ingress.action === "allow"
          ? judged.egress
          : judged.ingress;
    const place = sidePlace(decisive) ?? sidePlace(judged.ingress);
    const why = [sideText(judged.egress, "egress"), sideText(judged.ingress, "ingress")];
    if (verdict === "deny" && judged.verdict === "redirect")
      why.push(`the proxy refuses ${request?.method} ${request?.path}`);
    return {
      verdict,
      from: from.id,
      to: to.id,
      port: probe,
      why: [...why, ...beside],
      ...(place !== undefined && { place }),
    };
  }

  function connections(from: string, to: string, { port, http }: ConnectOptions = {}): readonly Connection[] {
    const sources = parties.source(from);
    const nothing = (verdict: Outcome, message: string): Connection[] => [
      { verdict, from, to, why: [message] },
    ];
    if (sources.length === 0)
      return nothing("nxdomain", `there is no pod, workload or node ${JSON.stringify(from)}`);
    return sources.flatMap((source) => {
      const destination = parties.destination(to, source, port);
      if (destination.kind === "unresolved") {
        return nothing(destination.reason === "unknown" ? "nxdomain" : "reject", destination.message);
      }
      const request = requestOf(destination.http, http);
      return destination.targets.map((target) => judge(source, target, request));
    });
  }

  return {
    cluster,
    engine,
    parties,
    problems: [...cluster.problems, ...engine.problems],
    connections,
    connect: (from, to, opts) => {
      const all = connections(from, to, opts);
      const worst = all.find((c) => c.verdict !== "allow" && c.verdict !== "redirect");
      return worst ?? all.find((c) => c.verdict === "redirect") ?? (all[0] as Connection);
    },
  };
}

/** Files, directories, patterns and `kube:[CONTEXT]`, or objects that are parsed already -> a net to ask. Faults are in `problems`. */
export async function cluster(...inputs: readonly (string | object)[]): Promise<Net> {
  const files = inputs.filter((i) => typeof i === "string");
  const objects = inputs.filter((i) => typeof i === "object");
  for (const file of files.filter((f) => f.startsWith("kube:"))) {
    const { readLive } = await import("../model/live.ts");
    keepInput(file, await readLive(file.slice("kube:".length)));
  }
  return createNet(objects.length > 0 ? loadObjects(objects) : loadFiles(files));
}
