/** Two clusters with one global Service: who is reached, what happens when one side fails. */
import t from "tap";
import { netsim } from "../cli/support.ts";
import { file, readme } from "./console.ts";

readme(t, "13-multicluster");

const CLUSTERS = ["a", "b"].flatMap((c) => [
  "--cluster",
  `cluster-${c}=${file(`13-multicluster/cluster-${c}`)}`,
]);

t.test("a global and shared Service has the endpoints of both", (t) => {
  const found = JSON.parse(netsim(["mesh", "show", ...CLUSTERS, "--json"]).stdout) as unknown;
  const text = JSON.stringify(found);
  t.match(text, "10.1.1.5");
  t.match(text, "10.2.1.5");
  t.equal(netsim(["mesh", "check", ...CLUSTERS]).status, 0, "ranges and names do not clash");
  for (const cluster of ["cluster-a", "cluster-b"]) {
    const { stdout } = netsim([
      "mesh",
      "trace",
      cluster,
      "default/client",
      "shared-database:5432",
      ...CLUSTERS,
    ]);
    t.match(stdout, /allow cluster-a:default\/postgres-0 10\.1\.1\.5:5432 \(50 %\)/, cluster);
    t.match(stdout, /allow cluster-b:default\/postgres-0 10\.2\.1\.5:5432 \(50 %\)/);
  }
  t.end();
});
