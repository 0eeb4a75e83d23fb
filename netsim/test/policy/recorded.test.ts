/**
 * Verdicts of real engines. A sample is in the repository; NETSIM_RECORDED names a folder with more of the same form
 * (policy/random-*.jsonl, policy/cyclonus.jsonl, cilium/policy/cilium-policy.jsonl).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Test } from "tap";
import type { Problem } from "../../src/model/types.ts";
import type { CiliumOptions } from "../../src/policy/cilium/peers.ts";
import { DATA, compare, endpointsNamed, engineOf, json, lines } from "./support.ts";
import type { Compared, Recorded } from "./support.ts";

interface Fixture {
  readonly order: readonly string[];
  readonly external: readonly { readonly name: string; readonly ip: string }[];
}
interface Step {
  readonly policies: readonly object[];
  readonly anps?: readonly object[];
  readonly banp?: object;
  readonly order?: readonly string[];
  readonly verdicts: readonly (Recorded & { readonly port: number; readonly protocol: string })[];
}
interface CiliumCase extends CiliumOptions {
  readonly id: string;
  readonly policies: readonly {
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
  }[];
  readonly verdicts: readonly (Recorded & { readonly probes: readonly string[] })[];
  readonly errors?: readonly string[];
  readonly dns?: never;
}

const more = process.env["NETSIM_RECORDED"];
const addressesOf = (fixture: Fixture) => Object.fromEntries(fixture.external.map((e) => [e.name, e.ip]));
const itemsOf = (path: string) => json<{ items: object[] }>(path).items;

function kubernetes(t: Test, folder: string, file: string): void {
  const fixture = json<Fixture>(join(folder, "random-cluster.json"));
  const base = itemsOf(join(folder, "random-cluster-manifests.json"));
  const compared: Compared = { right: 0, wrong: [] };
  for (const { steps } of lines<{ steps: Step[] }>(join(folder, file))) {
    for (const step of steps) {
      const engine = engineOf([
        ...base,
        ...step.policies,
        ...(step.anps ?? []),
        ...(step.banp ? [step.banp] : []),
      ]);
      const endpoints = endpointsNamed(engine, step.order ?? fixture.order, addressesOf(fixture));
      for (const verdicts of step.verdicts) compare(engine, endpoints, verdicts, verdicts, compared);
    }
  }
  t.same(compared.wrong, []);
  t.ok(compared.right > 1000, `${compared.right} verdicts`);
}

function cilium(t: Test, folder: string): void {
  const fixture = json<Fixture>(join(folder, "cilium-cluster.json"));
  const base = itemsOf(join(folder, "cilium-cluster-manifests.json"));
  const compared: Compared = { right: 0, wrong: [] };
  for (const c of lines<CiliumCase>(join(folder, "cilium-policy.jsonl"))) {
    const dns = new Map(
      Object.entries((c.dns ?? {}) as Record<string, string[]>).map(([name, ips]) => [`${name}.`, ips]),
    );
    const { hostFirewall = false, allowLocalhost = "always", enforcement = "default" } = c;
    const engine = engineOf([...base, ...c.policies], {
      enforcer: "cilium",
      cilium: { dns, hostFirewall, allowLocalhost, enforcement },
    });
    const endpoints = endpointsNamed(engine, fixture.order, addressesOf(fixture));
    for (const verdicts of c.verdicts) {
      for (const text of verdicts.probes) {
        const [port, protocol = ""] = text.split("/");
        compare(engine, endpoints, verdicts, { port: Number(port), protocol }, compared);
      }
    }
    const refused = (problems: readonly Problem[]) =>
      [...new Set(problems.filter((p) => p.severity === "error").map((p) => p.object))].sort();
    const wanted = (c.errors ?? []).map((e) => {
      const policy = c.policies[Number(e.split(":")[0])];
      const { name = "", namespace } = policy?.metadata ?? {};
      return `${policy?.kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
    });
    t.same(
      refused([...engine.cluster.problems, ...engine.problems]),
      [...new Set(wanted)].sort(),
      `${c.id}: what the agent refuses`,
    );
  }
  t.same(compared.wrong, []);
  t.ok(compared.right > 1000, `${compared.right} verdicts`);
}

t.test("NetworkPolicy", (t) => {
  kubernetes(t, DATA, "random-np.jsonl");
  t.end();
});

t.test("AdminNetworkPolicy and BaselineAdminNetworkPolicy", (t) => {
  kubernetes(t, DATA, "random-anp.jsonl");
  t.end();
});

t.test("CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy", (t) => {
  cilium(t, DATA);
  t.end();
});

interface CyclonusStep extends Step {
  readonly namespaces: readonly { readonly name: string; readonly labels: object }[];
  readonly pods: readonly {
    readonly ns: string;
    readonly name: string;
    readonly ip: string;
    readonly labels: object;
    readonly containers: readonly {
      readonly name: string;
      readonly port: number;
      readonly portName: string;
      readonly protocol: string;
    }[];
  }[];
  readonly order: readonly string[];
  readonly verdicts: readonly (Recorded & {
    readonly port: number | string;
    readonly protocol: string;
    readonly resolvedPort?: number;
  })[] &
    Step["verdicts"];
}

function cyclonus(t: Test, file: string): void {
  const compared: Compared = { right: 0, wrong: [] };
  for (const { steps } of lines<{ steps: CyclonusStep[] }>(file)) {
    for (const { namespaces, pods, policies, order, verdicts } of steps) {
      const objects = [
        ...namespaces.map(({ name, labels }) => ({
          apiVersion: "v1",
          kind: "Namespace",
          metadata: { name, labels },
        })),
        ...pods.map(({ ns, name, labels, ip, containers }) => ({
          apiVersion: "v1",
          kind: "Pod",
          metadata: { namespace: ns, name, labels },
          spec: {
            containers: containers.map((c) => ({
              name: c.name,
              ports: [{ name: c.portName, containerPort: c.port, protocol: c.protocol }],
            })),
          },
          status: { phase: "Running", podIP: ip, podIPs: [{ ip }] },
        })),
        ...policies,
      ];
      const engine = engineOf(objects);
      for (const v of verdicts)
        compare(
          engine,
          endpointsNamed(engine, order, {}),
          v,
          { port: v.resolvedPort ?? Number(v.port), protocol: v.protocol },
          compared,
        );
    }
  }
  t.same(compared.wrong, []);
  t.ok(compared.right > 1000, `${compared.right} verdicts`);
}

if (more !== undefined) t.setTimeout(300_000);
const skip = more === undefined ? "NETSIM_RECORDED names no folder" : false;

t.test("all that was recorded", { skip }, (t) => {
  kubernetes(t, join(more ?? "", "policy"), "random-np.jsonl");
  kubernetes(t, join(more ?? "", "policy"), "random-anp.jsonl");
  cilium(t, join(more ?? "", "cilium/policy"));
  const generated = join(more ?? "", "policy/cyclonus.jsonl");
  if (existsSync(generated)) cyclonus(t, generated);
  t.end();
});
