/** `netsim rules` from its command line. */
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
      const status = await main(["rules", ...argv]);
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
    ...["iptables", "nftables", "ipvs"].map((mode) => [cluster, "--mode", mode, "--json", ...RECORDED]),
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
    [cluster, ...RECORDED],
    [cluster, "--family", "ipv6", ...RECORDED],
    [cluster, ...nft, ...RECORDED],
    [cluster, "--mode", "ipvs", "--scheduler", "sh", ...RECORDED],
    [cluster],
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

t.test("what cannot be done is said, with exit code 2", (t) => {
  const wrong: readonly (readonly [argv: readonly string[], message: string])[] = [
    [[], "needs files"],
    [[cluster, "--mode", "ebtables"], "--mode must be iptables, nftables, ipvs, not ebtables"],
    [[cluster, "--node", "node-z"], "--node: no Node node-z in the input, which has node-a, node-b, node-c"],
    [[cluster, "--cluster-cidr", "10.244.0.0"], "--cluster-cidr: 10.244.0.0 is no block"],
    [[cluster, "--cluster-cidr", "10.1.0.0/16,10.2.0.0/16"], "one block a family"],
    [[cluster, "--scheduler", "mh"], "--scheduler must be"],
    [[cluster, "--nodes"], "--nodes"],
    [[data("no-such-file.yaml")], "no such file"],
    [[data("cluster/default.yaml")], "no Node in the input"],
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
