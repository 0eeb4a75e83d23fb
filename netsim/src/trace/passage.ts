/** From an address to its owner: policy at both ends, the route between them, proxies. */
import { objectName } from "../model/source.ts";
import { caveatsOf } from "../policy/caveats.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import type { Judged, Way } from "./connect.ts";
import type { Goal } from "./goal.ts";
import { throughProxy } from "./l7.ts";
import { hop, note } from "./origin.ts";
import { ignoredRules, policyHop, stopOf, type Denial } from "./policy.ts";
import { route } from "./route.ts";
import type { Site } from "./site.ts";
import type { Hop, Trace } from "./types.ts";
import type { Walk } from "./walk.ts";

/** Where a connection was sent before anybody translated it; `name` is what it was asked for by. */
export type Arrival = Denial["asked"];

/** Policy, route and proxies; of several endpoints the first that cannot be reached, else the first. */
export function judge(
  walk: Walk,
  from: Endpoint,
  ways: readonly Way[],
  asked: Arrival,
  site: Site,
  translated?: (way: Way) => Hop | undefined,
): Trace {
  const { goal, hops, notes } = walk;
  const judged = ways.map((way) => judgeWay(site, from, way, goal));
  walk.options.listener?.judged?.(judged, asked, site);
  const denied = judged.filter((j) => j.egress.action === "deny" || j.ingress.action === "deny");
  const taken = (denied[0] ?? judged[0])!;
  if (denied.length > 0 && denied.length < judged.length)
    notes.push(
      note(
        "some-endpoints",
        `${denied.length} of ${judged.length} endpoints cannot be reached: this is one of them`,
      ),
    );
  const { to, port, seen, egress, ingress } = taken;
  walk.to = to;
  walk.port = port;
  const probe = { port, protocol: goal.protocol };
  const service = translated?.(taken);
  if (service !== undefined) hops.push(service);
  const self = from.id === to.id;
  const ports = to.ports.filter((p) => p.protocol === goal.protocol);
  if (to.kind === "pod" && ports.length > 0 && !ports.some((p) => p.containerPort === port))
    notes.push(
      note(
        "undeclared-port",
        `${to.id} declares no container port ${port}/${goal.protocol}: it may not listen there`,
        to.pod,
      ),
    );
  notes.push(...ignoredRules(site, from), ...(self ? [] : ignoredRules(site, to)));
  const caveats = caveatsOf(site.cluster, site.engine.enforcer).filter(
    (c) => c.touches(from) || c.touches(to),
  );
  notes.push(...caveats.map((c) => note("not-evaluated", c.text, c.object)));
  if (self) {
    hops.push(
      hop("policy", "allow", "a pod always reaches itself", {}, { direction: "egress" }),
      route(site.cluster, from, to, site.network()).hop,
    );
    return walk.end();
  }
  const learned = (name: string) => learnedName(walk, name);
  if (from.kind !== "external") hops.push(policyHop(egress, "egress", from, to, probe));
  if (egress.action === "deny") {
    if (ingress.action === "deny")
      notes.push(
        note(
          "ingress-denied-too",
          `ingress would be denied too, by ${ingress.rule === undefined ? ingress.policies.map(objectName).join(", ") : objectName(ingress.rule.object)}`,
          ingress.rule?.object ?? ingress.policies[0],
        ),
      );
    return walk.end(
      stopOf(site, { side: egress, direction: "egress", subject: from, peer: to, probe, asked }, learned),
    );
  }
  const routed = route(site.cluster, from, to, site.network());
  hops.push(routed.hop);
  if (routed.stop !== undefined) return walk.end(routed.stop);
  if (to.kind !== "external") hops.push(policyHop(ingress, "ingress", to, seen, probe));
  if (ingress.action === "deny")
    return walk.end(
      stopOf(site, { side: ingress, direction: "ingress", subject: to, peer: seen, probe, asked }, learned),
    );
  for (const [side, direction] of [
    [egress, "egress"],
    [ingress, "ingress"],
  ] as const) {
    const proxied = throughProxy(side, direction, goal.request);
    if (proxied === undefined) continue;
    hops.push(proxied.hop);
    if (proxied.stop !== undefined) return walk.end(proxied.stop);
  }
  return walk.end();
}

/** Whether the agent saw an answer for the name. */
const learnedName = ({ hops }: Walk, name: string): boolean =>
  hops.some(
    (h) =>
      h.layer === "dns" &&
      h.details?.["learned"] === true &&
      String(h.details["name"]).replace(/\.$/, "") === name &&
      (h.details["addresses"] as readonly string[]).length > 0,
  );

function judgeWay({ engine }: Site, from: Endpoint, way: Way, { protocol }: Goal): Judged {
  const probe = { port: way.port, protocol };
  return {
    ...way,
    egress: engine.judge.side(from, way.to, probe, "egress"),
    ingress: engine.judge.side(way.to, way.seen, probe, "ingress"),
  };
}
