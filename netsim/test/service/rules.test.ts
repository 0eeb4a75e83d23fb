/** The rules against what kube-proxy v1.37.2 really wrote for the fixture cluster. */
import t from "tap";
import { iptablesProgram } from "../../src/service/iptables/program.ts";
import { saveTable } from "../../src/service/iptables/save.ts";
import { filterSummaries, portSummaries } from "../../src/service/iptables/summary.ts";
import { listTable } from "../../src/service/nftables/list.ts";
import { nftablesProgram } from "../../src/service/nftables/program.ts";
import { nftSummaries } from "../../src/service/nftables/summary.ts";
import { fixture, lab, lines, nodeA, text } from "./support.ts";

interface Recording {
  readonly id: string;
  readonly rules: Readonly<Record<string, string>>;
}

const cluster = fixture();
const recorded = (id: string) =>
  (lines<Recording>("rules.jsonl").find((each) => each.id === id) as Recording).rules;

/** kube-proxy takes the Services in no order: the chains that dispatch to them are compared as sets. */
const DISPATCH = /^-A KUBE-(SERVICES|NODEPORTS|EXTERNAL-SERVICES) /;

for (const family of ["IPv4", "IPv6"] as const) {
  const program = iptablesProgram(cluster, nodeA(cluster, family));
  for (const table of ["nat", "filter"] as const) {
    t.test(`${table} of ${family} as iptables-save printed it`, (t) => {
      const meaningful = (dump: string) =>
        dump.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
      const ours = meaningful(saveTable(program[table]));
      const theirs = meaningful(recorded("shared-iptables")[`${table}${family.slice(3)}`] ?? "");
      const fixed = (all: string[]) => all.filter((line) => !DISPATCH.test(line));
      t.same(fixed(ours), fixed(theirs));
      const dispatch = (all: string[]) => all.filter((line) => DISPATCH.test(line)).sort();
      t.same(dispatch(ours), dispatch(theirs));
      if (family === "IPv4") t.ok(theirs.length > 30, "there is something to compare");
      t.end();
    });
  }
}

t.test("mangle has kube-proxy's canary only", (t) => {
  const { mangle } = iptablesProgram(cluster, nodeA(cluster, "IPv4"));
  t.ok(recorded("shared-iptables")["mangle4"]?.includes(saveTable(mangle).trim()));
  t.end();
});

t.test("the table as nft printed it", (t) => {
  const ours = (["IPv4", "IPv6"] as const)
    .map((family) => listTable(nftablesProgram(cluster, nodeA(cluster, family)).table))
    .join("");
  t.same(unordered(ours), unordered(recorded("shared-nftables")["ruleset"] ?? ""));
  t.end();
});

t.test("the same as data", (t) => {
  const want = JSON.parse(text("shared-summary.json")) as Record<string, Record<string, unknown>[]>;
  const iptables = (["IPv4", "IPv6"] as const).map((family) =>
    iptablesProgram(cluster, nodeA(cluster, family)),
  );
  const nftables = (["IPv4", "IPv6"] as const).map((family) =>
    nftablesProgram(cluster, nodeA(cluster, family)),
  );
  const [v4, v6] = iptables as [(typeof iptables)[0], (typeof iptables)[0]];
  const key = ({ family, servicePort, protocol, chain, ip, port }: Record<string, unknown>) =>
    JSON.stringify([family, servicePort, protocol, chain, ip, port]);
  const sorted = (list: readonly object[]) =>
    [...(list as Record<string, unknown>[])].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  // The recorder did not read the addresses of IPv6 frontends.
  const nameless = portSummaries(v6).map((each) => ({
    ...each,
    frontends: each.frontends.map((frontend) => ({ ...frontend, ip: null })),
  }));
  t.same(portSummaries(v4), want["ipv4"]);
  t.same(sorted(nameless), sorted(want["ipv6"] ?? []));
  t.same(sorted(filterSummaries(v4)), sorted(want["ipv4Filter"] ?? []));
  t.same(sorted(filterSummaries(v6)), sorted(want["ipv6Filter"] ?? []));
  t.same(sorted(nftables.flatMap(nftSummaries)), sorted(want["nftables"] ?? []));
  t.end();
});

t.test("every chain that is named is there, and every service chain is named", (t) => {
  const program = iptablesProgram(lab(), nodeA(lab(), "IPv4"));
  const named = portSummaries(program).flatMap(
    ({ chains, svcEndpoints = [], svlEndpoints = [], frontends }) => [
      ...Object.values(chains),
      ...[...svcEndpoints, ...svlEndpoints].map(({ chain }) => chain),
      ...frontends.map(({ to }) => to),
    ],
  );
  const made = [...program.nat.chains.keys()].filter((name) => /^KUBE-(SVC|SVL|EXT|FW|SEP)-/.test(name));
  t.same([...new Set(named)].sort(), made.sort());
  t.end();
});

/** A listing without the order that the kernel's hashes and Go's maps give it: of tables, blocks and elements. */
function unordered(listing: string): string[][] {
  return listing
    .split(/^(?=table )/m)
    .filter((table) => table !== "")
    .map((table) =>
      table
        .replace(/\n}\n?$/, "\n")
        .split("\n\n")
        .map((block) =>
          block.trim().replace(/elements = \{([^}]*)\}/, (_, elements: string) =>
            elements
              .split(",")
              .map((element) => element.trim())
              .sort()
              .join("\n"),
          ),
        )
        .sort(),
    );
}
