import type { Endpoint } from "../policy/endpoint.ts";
import type { DnsHops } from "./dns.ts";
import type { Goal } from "./goal.ts";
import type { Site } from "./site.ts";
import type { TraceOptions } from "./trace.ts";
import type { End, Hop, Note, Stop, Trace } from "./types.ts";

/** A trace as it grows. */
export interface Walk {
  readonly site: Site;
  /** Changes where a proxy sends a request on, or the client elsewhere. */
  goal: Goal;
  readonly options: TraceOptions;
  readonly hops: Hop[];
  readonly notes: Note[];
  from: Endpoint | undefined;
  to: Endpoint | undefined;
  port: number | undefined;
  dns: DnsHops | undefined;
  redirects: number;
  end(stop?: Stop): Trace;
}

export function createWalk(site: Site, fromText: string, goal: Goal, options: TraceOptions): Walk {
  const walk: Walk = {
    site,
    goal,
    options,
    hops: [],
    notes: [],
    from: undefined,
    to: undefined,
    port: goal.port,
    dns: undefined,
    redirects: 0,
    end: (stop) => ({
      verdict: stop?.verdict ?? "allow",
      reason: stop?.reason ?? "allowed",
      from: endOf(fromText, walk.from, undefined, undefined),
      to: endOf(goal.text, walk.to, walk.port, goal.protocol),
      mode: site.mode,
      lookup: walk.dns?.lookup ?? null,
      hops: walk.hops,
      notes: walk.notes,
      remedy: stop?.remedy ?? null,
    }),
  };
  return walk;
}

const endOf = (
  text: string,
  end: Endpoint | undefined,
  port: number | undefined,
  protocol: string | undefined,
): End => ({
  text,
  id: end?.id ?? null,
  address: end?.address.text ?? null,
  node: end === undefined || end.node === "" ? null : end.node,
  port: port ?? null,
  protocol: protocol ?? null,
});
