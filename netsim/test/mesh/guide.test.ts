/** Two clusters in two regions and a database that both share, as guides to ClusterMesh show them: `examples/mesh`. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { run } from "../../src/cli/mesh.ts";
import { createMesh, meshCluster, type Mesh } from "../../src/mesh/mesh.ts";
import { meshJson, meshText } from "../../src/mesh/text.ts";
import { meshTrace } from "../../src/mesh/trace.ts";
import { loadText } from "../../src/model/load.ts";

const find = (dir: string): string => (existsSync(join(dir, "examples/mesh")) ? dir : find(dirname(dir)));
const EXAMPLES = join(find(dirname(fileURLToPath(import.meta.url))), "examples/mesh");
const [EAST, WEST] = ["us-east-1", "eu-west-1"];
const text = (name: string): string => readFileSync(join(EXAMPLES, `${name}.yaml`), "utf8");
const mesh = (east = text(EAST), west = text(WEST)): Mesh =>
  createMesh([
    meshCluster(EAST, loadText(east, "east.yaml")),
    meshCluster(WEST, loadText(west, "west.yaml")),
  ]);

t.test("the clusters fit together", (t) => {
  const { findings } = mesh();
  t.same(findings, []);
  t.match(meshText(mesh()), /us-east-1 \(id 1\): 2 nodes, 4 pods, pods in 10\.1\.0\.0\/16/);
  t.match(meshJson(mesh()), {
    clusters: [{ name: EAST, ranges: [{ cidr: "10.1.0.0/16", file: "east.yaml", line: 8 }] }, { name: WEST }],
  });
  const same = mesh(text(EAST), text(WEST).replaceAll("10.2.", "10.1."));
  t.match(same.findings[0], {
    severity: "error",
    code: "pods-overlap",
    places: [
      { file: "east.yaml", line: 8 },
      { file: "west.yaml", line: 8 },
    ],
  });
  t.end();
});

t.test("the shared database: both regions', and the other's when the own one is gone", async (t) => {
  const ask = async (m: Mesh) => {
    const { verdict, endpoints } = await meshTrace(
      m,
      m.clusters[0]!,
      "default/client",
      "shared-database:5432",
    );
    return [verdict, ...new Set(endpoints.map((e) => e.cluster))];
  };
  t.same(await ask(mesh()), ["allow", EAST, WEST]);
  const gone = text(EAST).replace("replicas: 2", "replicas: 0");
  t.same(await ask(mesh(gone)), ["allow", WEST], "failover");
  t.same(
    await ask(
      mesh(gone, text(WEST).replace('service.cilium.io/shared: "true"', 'service.cilium.io/shared: "false"')),
    ),
    ["reject"],
    "which is not shared",
  );
});

t.test("the command", async (t) => {
  const args = [
    `--cluster=${EAST}=${join(EXAMPLES, `${EAST}.yaml`)}`,
    `--cluster=${join(EXAMPLES, `${WEST}.yaml`)}`,
  ];
  const command = async (...words: string[]): Promise<{ out: string; code: number }> => {
    let out = "";
    const { write } = process.stdout;
    process.stdout.write = ((chunk: string) => {
      out += chunk;
      return true;
    }) as typeof process.stdout.write;
    try {
      return { code: await run([...words, ...args]), out };
    } finally {
      process.stdout.write = write;
    }
  };
  const checked = await command("check");
  const resolved = await command("resolve", EAST, "postgres-1.eu-west-1.nodes.default.svc.clusterset.local");
  const traced = await command(
    "trace",
    WEST,
    "default/client",
    "http://api.default.svc.clusterset.local/",
    "--json",
  );
  const shown = await command("show", "--json");
  const made = await command("imports");
  t.same(checked, { out: "", code: 0 }, "nothing is wrong");
  t.match(
    resolved.out,
    /^NOERROR\npostgres-1\.eu-west-1\.nodes\.default\.svc\.clusterset\.local\. 5 IN A 10\.2\.2\.\d+\n$/,
  );
  t.match(JSON.parse(traced.out), { verdict: "allow", cluster: WEST, endpoints: [{}, {}] });
  t.match(JSON.parse(shown.out), {
    services: [{ name: "shared-database", views: [{ cluster: EAST, global: true }, { cluster: WEST }] }],
    imports: [{ name: "api" }, { name: "nodes" }],
  });
  t.match(JSON.parse(made.out), {
    imports: [{ cluster: EAST, objects: [{ kind: "ServiceImport" }, {}] }, { cluster: WEST }],
    exports: [{ conditions: [{ type: "Valid" }] }],
  });
  await t.rejects(command("nonsense"), { message: /there are show, check/ });
  await t.rejects(run(["show", args[0]!]), { message: /two clusters at least/ });
});
