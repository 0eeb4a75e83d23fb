import { accessSync, constants } from "node:fs";
import type { SecureContext } from "node:tls";
import type { OptionsOf } from "../../src/directive/index.ts";
import { nameText, ROOT } from "../../src/dns/name.ts";
import { definePlugin, SetupError, type Context, type Instance, type Plugin } from "../../src/plugin.ts";
import { createUpstreamMetrics, type UpstreamMetrics } from "../../src/upstream/metrics.ts";
import type { UpstreamSettings } from "../../src/upstream/upstream.ts";
import { createForwarder } from "./forwarder.ts";
import { createPolicy } from "./policy.ts";
import { forwardDirective } from "./table.ts";
import { placeOf, readServers } from "./targets.ts";
import { createUpstreams } from "./upstreams.ts";

type Line = OptionsOf<typeof forwardDirective>[number];

const NO_RCODES: ReadonlySet<number> = new Set();
const HEALTH_CHECK = { interval: 500, recursion: true, domain: ROOT };

/** Forwards queries to other name servers. */
export const forward: Plugin = definePlugin({
  name: "forward",
  directive: forwardDirective,
  setup(lines, context) {
    // Upstreams may know names of other classes, too.
    context.settings.anyClass = true;
    const metrics = createUpstreamMetrics(context.metrics, "forward");
    return lines.map((line, i) => setUp(line, i === lines.length - 1, metrics, context));
  },
});

/** `isLast`: behind it stands no other `forward` that it could hand a query to. */
function setUp(line: Line, isLast: boolean, metrics: UpstreamMetrics, context: Context): Instance {
  const { from, to } = line;
  if (from.zones > 1) {
    context.log.warning(
      `Unsupported CIDR notation: '${from.text}' expands to multiple zones. Using only '${nameText(from.zone)}'.`,
    );
  }
  const places = to.map(placeOf);
  if (places.every((place) => place.kind === "file" && readServers(place.file)?.length === 0)) {
    throw new SetupError(
      `no name server stands in ${to.map(({ text }) => text).join(", ")}: add a line "nameserver ADDRESS"`,
    );
  }
  const upstreams = createUpstreams({
    places,
    resolvers: line.resolver ?? [],
    settings: upstreamSettings(line, metrics, context),
    log: context.log,
  });
  return createForwarder(
    {
      from: from.zone,
      except: line.except,
      maxConcurrent: line.max_concurrent,
      policy: createPolicy(line.policy, context.random),
      maxFails: line.max_fails,
      maxConnects: line.max_connect_attempts,
      failFast: line.failfast_all_unhealthy_upstreams,
      failover: new Set(line.failover),
      next: isLast ? NO_RCODES : new Set(line.next),
      nextOnNoData: !isLast && line.next_on_nodata,
      forceTcp: line.force_tcp,
      preferUdp: line.prefer_udp,
      hedge: line.hedge,
      metrics,
    },
    upstreams,
    context,
  );
}

function upstreamSettings(line: Line, metrics: UpstreamMetrics, context: Context): UpstreamSettings {
  const { interval, recursion, domain } = line.health_check ?? HEALTH_CHECK;
  const tlsFiles = (line.tls ?? []).map((file) => context.path(file));
  for (const file of tlsFiles) mustBeReadable(file);
  let tlsContext: Promise<SecureContext> | undefined;
  return {
    source: line.source_address,
    readTimeout: line.read_timeout,
    expire: line.expire,
    maxAge: line.max_age,
    maxIdle: line.max_idle_conns,
    healthCheck: { interval, domain, recursionDesired: recursion, overTcp: line.force_tcp },
    dohMethod: line.doh_method,
    tlsContext: () =>
      (tlsContext ??= import("../../src/upstream/tls.ts").then((tls) => tls.readTlsContext(tlsFiles))),
    serverName: line.tls_servername,
    metrics,
    carrier: context.host.carrier,
  };
}

function mustBeReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    throw new SetupError(`tls: can't read ${file}: ${(error as Error).message}`);
  }
}
