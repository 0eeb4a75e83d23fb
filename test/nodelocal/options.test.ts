import t from "tap";
import { waitFlags } from "../../src/nodelocal/iptables.ts";
import { FLAGS, readOptions, type Options } from "../../src/nodelocal/options.ts";

const read = (values: { [flag: string]: string }) => readOptions({ localip: "169.254.20.10", ...values });
const intervalOf = (syncinterval: string): unknown => {
  const options = read({ syncinterval });
  return "problem" in options ? options.problem : options.syncInterval;
};

t.test("defaults are those of node-cache, but for the interval's unit", (t) => {
  const defaults = Object.fromEntries(FLAGS.map(({ name, default: value }) => [name, value]));
  t.match(defaults, {
    basecorefile: "/etc/coredns/Corefile.base",
    corefile: "/etc/Corefile",
    "dns.port": "53",
    p: "53",
    "health-port": "8080",
    interfacename: "nodelocaldns",
    "metrics-listen-address": "0.0.0.0:9353",
    setupinterface: "true",
    setupiptables: "true",
    skipteardown: "false",
    syncinterval: "60s",
    upstreamsvc: "kube-dns",
    reloadwithsignal: "false",
  });
  t.end();
});

t.test("-syncinterval is a duration; nanoseconds are seconds, as node-cache's manifests have them", (t) => {
  t.equal(intervalOf("60s"), 60_000);
  t.equal(intervalOf("30s"), 30_000);
  t.equal(intervalOf("1m30s"), 90_000);
  t.equal(intervalOf("60ns"), 60_000);
  t.equal(intervalOf("2ns"), 2000);
  t.equal(intervalOf("10ms"), 1000, "not more often than each second");
  t.match(intervalOf("60"), /^invalid value "60" for flag -syncinterval: parse error/);
  t.match(intervalOf("0"), /must be longer than 0/);
  t.match(intervalOf("-5s"), /must be longer than 0/);
  t.end();
});

t.test("addresses", (t) => {
  const problem = (localip: string): unknown => read({ localip });
  t.match(problem("169.254.20.10,10.96.0.10"), { addresses: ["169.254.20.10", "10.96.0.10"], family: 4 });
  t.match(problem("fd00::a,FD00::b"), { addresses: ["fd00::a", "FD00::b"], family: 6 });
  for (const [localip, bad] of [
    ["", ""],
    ["169.254.20.10,", ""],
    ["169.254.20.10, 10.96.0.10", " 10.96.0.10"],
    ["169.254.20.10/32", "169.254.20.10/32"],
    ["fe80::1%eth0", "fe80::1%eth0"],
    ["localhost", "localhost"],
  ] as const)
    t.match(problem(localip), {
      problem: `Error parsing flags - invalid localip specified - ${JSON.stringify(bad)}, Exiting`,
      exit: 1,
    });
  t.match(problem("fd00::a,169.254.20.10"), {
    problem:
      'Error parsing flags - unexpected IP Family for localIP - "169.254.20.10", want IPv6=true, Exiting',
  });
  t.end();
});

t.test("ports and files", (t) => {
  t.match(read({ "dns.port": "dns" }), { problem: /invalid port specified - "dns"/, exit: 1 });
  t.match(read({ "health-port": "x" }), { problem: /invalid healthcheck port specified - "x"/, exit: 1 });
  t.match(read({ "health-port": "99999" }), { healthPort: 99999 });
  const corefile = (values: { [flag: string]: string }): unknown => (read(values) as Options).corefile;
  t.equal(corefile({ conf: "/a", corefile: "/b" }), "/a");
  t.equal(corefile({ corefile: "/b" }), "/b", "-corefile counts where there is no -conf");
  t.equal(corefile({}), "/etc/Corefile");
  t.end();
});

t.test("how iptables is told to wait for its lock", (t) => {
  t.same(waitFlags("iptables v1.8.9 (nf_tables)"), ["-w", "5"]);
  t.same(waitFlags("iptables v1.4.22"), ["-w", "5"]);
  t.same(waitFlags("iptables v1.4.21"), ["-w"]);
  t.same(waitFlags("iptables v1.4.20"), ["-w"]);
  t.same(waitFlags("iptables v1.4.19"), []);
  t.end();
});
