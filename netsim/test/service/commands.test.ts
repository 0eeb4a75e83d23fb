/** `netsim rules` and `netsim spread` from their command lines. */
import { spawnSync } from "node:child_process";
import t from "tap";
import { data, text } from "./support.ts";

const self = import.meta.url;
const main = new URL(`../../src/cli/main${self.slice(self.lastIndexOf("."))}`, self).href;

interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs several command lines in one process. */
function run(...lines: readonly (readonly string[])[]): Result[] {
  const script = `
    const { main } = await import(${JSON.stringify(main)});
    const results = [];
    for (const argv of ${JSON.stringify(lines)}) {
      const said = { stdout: "", stderr: "" };
      const writes = {};
      for (const stream of Object.keys(said)) {
        writes[stream] = process[stream].write;
        process[stream].write = (text) => ((said[stream] += text), true);
      }
      const status = await main(argv);
      for (const stream of Object.keys(said)) process[stream].write = writes[stream];
      results.push({ status, ...said });
    }
    process.stdout.write(JSON.stringify(results));
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as Result[];
}

const RECORDED = ["--node", "node-a", "--cluster-cidr", "10.244.0.0/16,fd00:10:244::/48"];

const cluster = data("cluster");

t.test("data in the recordings' form", (t) => {
  const want = JSON.parse(text("shared-summary.json")) as Record<string, unknown[]>;
  const results = run(
    ...["iptables", "nftables", "ipvs"].map((mode) => [
      "rules",
      cluster,
      "--mode",
      mode,
      "--json",
      ...RECORDED,
    ]),
  );
  t.same(
    results.map(({ status }) => status),
    [0, 0, 0],
  );
  const [iptables = {}, nftables = {}, ipvs = {}] = results.map(
    ({ stdout }) => JSON.parse(stdout) as Record<string, unknown[]>,
  );
  t.same(Object.keys(iptables), ["ipv4", "ipv4Filter", "ipv6", "ipv6Filter"]);
  t.same(iptables["ipv4"], want["ipv4"]);
  t.equal(nftables["nftables"]?.length, want["nftables"]?.length);
  t.match(JSON.stringify(ipvs["ipvs"]), "10.96.0.10");
  t.match(JSON.stringify(ipvs["ipsets"]), "KUBE-6-CLUSTER-IP");
  t.end();
});

t.test("text", (t) => {
  const nft = ["--mode", "nftables", "--service-cidr", "10.96.0.0/16"];
  const [v4 = "", v6 = "", table = "", ipvs = "", defaults = ""] = run(
    ["rules", cluster, ...RECORDED],
    ["rules", cluster, "--family", "ipv6", ...RECORDED],
    ["rules", cluster, ...nft, ...RECORDED],
    ["rules", cluster, "--mode", "ipvs", "--scheduler", "sh", ...RECORDED],
    ["rules", cluster],
  ).map(({ stdout }) => stdout);
  t.match(v4, /^\*mangle\n[^]*\n\*filter\n[^]*\n\*nat\n/);
  t.notMatch(v4, "fd00:", "iptables-save shows IPv4");
  t.match(v6, "-d fd00:10:96::a/128 -p udp");
  t.match(table, "ip daddr 10.96.0.0/16 drop");
  t.match(table, "table ip6 kube-proxy {");
  t.match(ipvs, /^TCP {2}10\.96\.0\.1:443 sh$/m);
  t.match(defaults, "! -s 10.244.0.0/22", "the nodes' podCIDRs");
  t.match(defaults, "10.244.1.11:8080", "the first node's");
  t.end();
});

t.test("a thousand connections", (t) => {
  const json = ["--json", "--seed", "5"];
  const results = run(
    ["spread", "10.244.1.99", "shop/web", cluster, ...json],
    ["spread", "10.244.1.99", "shop/web:https", cluster, "--mode", "ipvs", "--count", "30", ...json],
    ["spread", "203.0.113.7", "node-a:30180", cluster, "--mode", "nftables", ...json],
    ["spread", "node-b", "[fd00:10:96::a]:53/udp", cluster, ...json],
    ["spread", "10.244.1.99", "shop/web", cluster, "--count", "9", "--mode", "ipvs"],
  );
  const [web, ipvs, nodePort, dns] = results
    .slice(0, 4)
    .map(({ stdout }) => JSON.parse(stdout) as { node: string; to: string; tally: Record<string, number> });
  t.same(Object.keys(web?.tally ?? {}).sort(), ["10.244.1.11:8080", "10.244.2.11:8080", "10.244.3.11:8080"]);
  t.same(Object.values(ipvs?.tally ?? {}), [10, 10, 10]);
  t.same(nodePort?.tally, { "10.244.1.11:8080": 1000 }, "policy Local");
  t.match(dns, { node: "node-b", to: "[fd00:10:96::a]:53" });
  t.match(results[4]?.stdout, /^10\.244\.1\.11:8080 {2}3 {3}33\.3 % {2}#{40}$/m);
  t.end();
});

t.test("what cannot be done is said, with exit code 2", (t) => {
  const wrong: readonly (readonly [argv: readonly string[], message: string])[] = [
    [["rules"], "needs files"],
    [["rules", cluster, "--mode", "ebtables"], "--mode must be iptables, nftables, ipvs, not ebtables"],
    [
      ["rules", cluster, "--node", "node-z"],
      "--node: no Node node-z in the input, which has node-a, node-b, node-c",
    ],
    [["rules", cluster, "--cluster-cidr", "10.244.0.0"], "--cluster-cidr: 10.244.0.0 is no block"],
    [["rules", cluster, "--cluster-cidr", "10.1.0.0/16,10.2.0.0/16"], "one block a family"],
    [["rules", cluster, "--scheduler", "mh"], "--scheduler must be"],
    [["rules", cluster, "--nodes"], "--nodes"],
    [["rules", data("no-such-file.yaml")], "no such file"],
    [["rules", data("cluster/default.yaml")], "no Node in the input"],
    [["spread", "nobody", "shop/web", cluster], "FROM: nobody is no address"],
    [["spread", "10.244.1.9", "shop/nothing", cluster], "TO: shop/nothing is no address:port"],
    [["spread", "10.244.1.9", "shop/web:gopher", cluster], "TO: the Service shop/web has no port gopher"],
    [["spread", "10.244.1.9", "[fd00::1]:80", cluster], "no address family in common"],
    [["spread", "10.244.1.9", "shop/web", cluster, "--count", "many"], "--count must be a whole number"],
  ];
  for (const [index, { status, stdout, stderr }] of run(...wrong.map(([argv]) => argv)).entries()) {
    const message = wrong[index]?.[1] ?? "";
    t.equal(status, 2, message);
    t.equal(stdout, "");
    t.match(stderr, message);
    t.equal(stderr.trim().split("\n").length, 1, "one line");
  }
  t.end();
});
