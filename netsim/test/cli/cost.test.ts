/** `netsim cost` and `netsim conntrack` from their command lines. */
import t from "tap";
import { netsim } from "./support.ts";

const json = (...args: string[]) => JSON.parse(netsim([...args, "--json"]).stdout) as Record<string, never>;

t.test("cost: O(n) against O(1)", (t) => {
  const curves = json("cost", "--services", "20,200,2000") as Record<
    string,
    { rules: number; lookups: number }[]
  >;
  const of = (mode: string) => curves[mode]!.map((c) => c.rules + c.lookups);
  const [few = 0, , many = 0] = of("iptables");
  t.ok(many > 20 * few, `iptables walks through the list: ${of("iptables").join(", ")}`);
  for (const mode of ["nftables", "ipvs", "ebpf"]) t.equal(new Set(of(mode)).size, 1, `${mode} does not`);
  const csv = netsim(["cost", "--services", "10", "--mode", "ebpf", "--format", "csv"]).stdout;
  t.match(csv, /^mode,services,rules,lookups\nebpf,10,0,\d+\n$/);
  t.match(netsim(["cost", "--services", "10"]).stdout, /^Services +iptables +nftables +ipvs +ebpf\n +10 /m);
  t.match(netsim(["cost", "--services", "0"]), { status: 2, stderr: /--services: 0 is no whole number/ });
  t.match(netsim(["cost", "k8s/"]), { status: 2, stderr: /takes no files/ });
  t.end();
});

t.test("conntrack: the table", (t) => {
  const found = json("conntrack", "--cores", "16", "--rate", "1000") as unknown as {
    max: number;
    flows: { state: string; entries: number; sustainable: number; fullAfter: number | null }[];
  };
  t.equal(found.max, 16 * 32_768, "as kube-proxy sets it");
  const of = (state: string) => found.flows.find((f) => f.state === state);
  t.match(of("REPLIED"), { entries: 30_000, fullAfter: null }, "a DNS query stays for 30 seconds");
  t.match(of("TIME_WAIT"), { entries: 120_000, fullAfter: null });
  t.match(of("ESTABLISHED"), { entries: 524_288, fullAfter: 524.288 });
  t.match(netsim(["conntrack", "--max", "65536", "--rate", "5000"]).stdout, /DNS query .* full after 13 s/);
  t.end();
});

t.test("conntrack: the race that loses DNS packets", (t) => {
  const race = (...args: string[]) =>
    json("conntrack", "--overlap", "0.1", ...args)["race"] as unknown as {
      lost: number;
      lookups: number;
      probability: number;
    };
  const old = race("--kernel", "4.14");
  t.equal(old.probability, 0.1, "each time that both are under way");
  t.ok(Math.abs(old.lost / old.lookups - 0.1) < 0.01, `${old.lost} of ${old.lookups}`);
  t.equal(
    race("--kernel", "4.19", "--endpoints", "4").probability,
    0.1 * 0.75,
    "unless both go to the same endpoint",
  );
  t.equal(race("--kernel", "5.6").lost, 0);
  t.equal(race("--kernel", "4.14", "--single-request").lost, 0, "one socket for each query");
  t.match(netsim(["conntrack", "--kernel", "old"]), { status: 2, stderr: /--kernel/ });
  t.match(netsim(["conntrack", "--overlap", "2"]), { status: 2, stderr: /--overlap must be/ });
  t.end();
});
