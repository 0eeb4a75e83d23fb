/** `netsim probe`: what both ends' policies say of every pair, for the ports that are served or for given ones. */
import type { Endpoint } from "../policy/endpoint.ts";
import type { Matrix, PortMatrix } from "../policy/matrix.ts";
import type { Probe } from "../policy/rule.ts";
import { endpointList, loadEngine, parseProbe, writeAll } from "./input.ts";
import { readArgs } from "./usage.ts";

interface Line {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly port_name?: string;
  readonly protocol: string;
  readonly ingress: string;
  readonly egress: string;
  readonly verdict: string;
}

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    json: { type: "boolean" },
    nodes: { type: "boolean" },
    port: { type: "string", multiple: true },
    external: { type: "string", multiple: true },
  });
  const probes = (values.port ?? []).map(parseProbe);
  const { engine, problems } = loadEngine(positionals);
  const endpoints = endpointList(engine, values.external, values.nodes);
  const matrix = engine.matrix(endpoints);
  const lines = verdicts(matrix, probes);
  await writeAll(values.json === true ? asJson(lines, problems) : asText(lines, endpoints));
  return 0;
}

const probeKey = (p: Probe): string => `${p.port}/${p.protocol}`;

/** The ports that an endpoint's containers name, each once. */
function servedPorts(e: Endpoint): Probe[] {
  const all = e.ports.map((p): [string, Probe] => {
    const probe = { port: p.containerPort, protocol: p.protocol };
    return [probeKey(probe), probe];
  });
  return [...new Map(all).values()];
}

function* verdicts(matrix: Matrix, probes: readonly Probe[]): Generator<Line> {
  const { endpoints, classes } = matrix;
  const ports = new Map<string, PortMatrix>();
  const portOf = (probe: Probe): PortMatrix => {
    const key = probeKey(probe);
    let known = ports.get(key);
    if (known === undefined) ports.set(key, (known = matrix.port(probe)));
    return known;
  };
  for (const [i, from] of endpoints.entries()) {
    for (const [j, to] of endpoints.entries()) {
      if (i === j || (from.kind === "external" && to.kind === "external")) continue;
      for (const probe of probes.length > 0 ? probes : servedPorts(to)) {
        const port = portOf(probe);
        const [a, b] = [classes.classOf[i] as number, classes.classOf[j] as number];
        const served = to.ports.find((p) => p.containerPort === probe.port && p.protocol === probe.protocol);
        yield {
          from: from.id,
          to: to.id,
          port: probe.port,
          ...(served?.name !== undefined && { port_name: served.name }),
          protocol: probe.protocol,
          ingress: port.side("ingress", a, b),
          egress: port.side("egress", a, b),
          verdict: port.verdict(a, b),
        };
      }
    }
  }
}

function* asJson(lines: Iterable<Line>, problems: readonly unknown[]): Generator<string> {
  let before = '{"verdicts": [\n';
  for (const line of lines) {
    yield before + JSON.stringify(line);
    before = ",\n";
  }
  yield `${before === ",\n" ? "" : before}\n], "problems": ${JSON.stringify(problems)}}\n`;
}

function* asText(lines: Iterable<Line>, endpoints: readonly Endpoint[]): Generator<string> {
  const width = Math.max(4, ...endpoints.map((e) => e.id.length));
  yield `${"FROM".padEnd(width)}  ${"TO".padEnd(width)}  ${"PORT".padEnd(12)}  ${"VERDICT".padEnd(8)}  EGRESS    INGRESS\n`;
  for (const l of lines) {
    const port = probeKey(l).padEnd(12);
    yield `${l.from.padEnd(width)}  ${l.to.padEnd(width)}  ${port}  ${l.verdict.padEnd(8)}  ${l.egress.padEnd(8)}  ${l.ingress}\n`;
  }
}
