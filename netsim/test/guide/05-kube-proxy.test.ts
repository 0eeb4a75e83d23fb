/** kube-proxy's modes over one Service with three endpoints, and what they cost. */
import t from "tap";
import { loadFiles } from "../../src/model/load.ts";
import { costCurve } from "../../src/service/curve.ts";
import { rulesText } from "../../src/service/render.ts";
import { at, guide } from "../trace/support.ts";
import { file, readme } from "./console.ts";

readme(t, "05-kube-proxy");

const ask = (...files: string[]) =>
  guide(
    ["service", ...files].map((f) => `05-kube-proxy/${f}`),
    "default/client",
    "my-service:80",
  );

t.test("iptables: KUBE-SERVICES, KUBE-SVC, KUBE-SEP, a third each", async (t) => {
  const cluster = loadFiles([file("05-kube-proxy/service.yaml")]);
  const text = rulesText(cluster, cluster.nodes[0]!, "iptables", {}, "IPv4");
  const svc =
    /-A KUBE-SERVICES -d 10\.96\.0\.10\/32 .* --dport 80 -j (KUBE-SVC-\w{16})/.exec(text)?.[1] ?? "none";
  const draws = text.split("\n").filter((l) => l.startsWith(`-A ${svc} `) && l.includes("KUBE-SEP-"));
  t.equal(draws.length, 3);
  const probabilities = draws.map((l) => Number(/--probability ([\d.]+)/.exec(l)?.[1] ?? 1));
  const [first = 0, second = 0, third = 0] = probabilities;
  for (const share of [first, (1 - first) * second, (1 - first) * (1 - second) * third])
    t.ok(Math.abs(share - 1 / 3) < 1e-6, `a third: ${share}`);
  const found = await ask();
  t.match(at(found, "service"), {
    rule: /-j DNAT --to-destination 10\.1\.[12]\.[234]:8080$/,
    details: { mode: "iptables", endpoints: ["10.1.1.2:8080", "10.1.1.3:8080", "10.1.2.4:8080"] },
  });
});

t.test("IPVS, as kube-proxy's configuration says", async (t) => {
  const found = await ask("ipvs");
  t.match(found, { verdict: "allow", mode: "ipvs" });
  t.match(at(found, "service"), { rule: "TCP 10.96.0.10:80 rr" });
});

t.test("eBPF: a lookup, no rules", async (t) => {
  const found = await ask("cilium");
  t.match(found, { verdict: "allow", mode: "ebpf" });
  t.equal(at(found, "service")?.details?.["rules"], 0);
});

t.test("O(n) against O(1)", (t) => {
  const sizes = [10, 100, 1000];
  const [ten = 0, hundred = 0, thousand = 0] = costCurve("iptables", sizes).map((c) => c.rules);
  t.ok(thousand > hundred * 5 && hundred > ten * 2, `rules grow: ${ten}, ${hundred}, ${thousand}`);
  for (const mode of ["ipvs", "ebpf"] as const)
    t.equal(new Set(costCurve(mode, sizes).map((c) => c.rules + c.lookups)).size, 1, `${mode} does not`);
  t.end();
});
