/** probe, matrix, diff and assert from their command lines. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { ciliumPolicy, networkPolicy, node, pod } from "../policy/make.ts";
import { netsim } from "./support.ts";

const dir = mkdtempSync(join(tmpdir(), "netsim-cli-"));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const write = (name: string, ...items: object[]): string => {
  const file = join(dir, name);
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  return file;
};

const http = [{ name: "http", containerPort: 8080 }];
const base = [
  node("node-1", "172.18.0.2", { "node-role.kubernetes.io/control-plane": "" }),
  pod("shop/web-1", { app: "web" }, "10.244.1.2", { ports: http }),
  pod("shop/web-2", { app: "web" }, "10.244.1.3", { ports: http }),
  pod("pay/api-0", { app: "api" }, "10.244.2.2", {
    ports: [...http, { name: "dns", containerPort: 53, protocol: "UDP" }],
  }),
  pod("pay/pending", {}, "", { status: { phase: "Pending", podIP: undefined, podIPs: undefined } }),
];
const deny = networkPolicy("pay/deny", { podSelector: {} });
const fromWeb = networkPolicy("pay/web", {
  podSelector: { matchLabels: { app: "api" } },
  ingress: [
    {
      from: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: "web" } } }],
      ports: [{ port: 8080 }],
    },
  ],
});
const before = write("before.json", ...base, deny);
const after = write("after.json", ...base, deny, fromWeb);

interface Verdict {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly protocol: string;
}
const verdicts = (...args: string[]): Verdict[] => {
  const { status, stdout, stderr } = netsim(["probe", ...args, "--json"]);
  t.equal(status, 0, stderr);
  return (JSON.parse(stdout) as { verdicts: Verdict[] }).verdicts;
};

t.test("probe: every pair, every container port", (t) => {
  const all = verdicts(before);
  t.equal(
    all.length,
    2 * 2 + 2 * 2,
    "each of three pods to the others; the API has two ports, the pending pod no address",
  );
  t.same(
    all.find((v) => v.from === "shop/web-1" && v.to === "pay/api-0" && v.port === 8080),
    {
      from: "shop/web-1",
      to: "pay/api-0",
      port: 8080,
      port_name: "http",
      protocol: "TCP",
      ingress: "deny",
      egress: "allow",
      verdict: "deny",
    },
  );
  t.end();
});

t.test("probe: given ports, addresses and nodes", (t) => {
  const all = verdicts(
    before,
    "--port",
    "9999/TCP",
    "--port",
    "8/icmp",
    "--external",
    "203.0.113.9",
    "--external",
    "2001:db8::9",
    "--nodes",
  );
  const ends = [...new Set(all.flatMap((v) => [v.from, v.to]))].sort();
  t.same(ends, ["2001:db8::9", "203.0.113.9", "node-1", "pay/api-0", "shop/web-1", "shop/web-2"]);
  t.same([...new Set(all.map((v) => `${v.port}/${v.protocol}`))], ["9999/TCP", "8/ICMP"]);
  t.notOk(
    all.some((v) => v.from === v.to || (v.from.includes("::") && v.to === "203.0.113.9")),
    "neither itself nor outside to outside",
  );
  t.same(
    all.find((v) => v.from === "203.0.113.9" && v.to === "pay/api-0"),
    {
      from: "203.0.113.9",
      to: "pay/api-0",
      port: 9999,
      protocol: "TCP",
      ingress: "deny",
      egress: "allow",
      verdict: "deny",
    },
  );
  t.end();
});

t.test("probe: a proxy", (t) => {
  const l7 = ciliumPolicy("pay/l7", {
    endpointSelector: {},
    ingress: [
      {
        fromEntities: ["kube-apiserver"],
        toPorts: [{ ports: [{ port: "8080", protocol: "TCP" }], rules: { http: [{}] } }],
      },
    ],
  });
  const all = verdicts(write("l7.json", ...base, l7), "--nodes", "--port", "8080/TCP");
  t.match(
    all.find((v) => v.from === "node-1" && v.to === "pay/api-0"),
    { ingress: "redirect", verdict: "redirect" },
  );
  t.end();
});

t.test("probe: what cannot be used, and what can in part", (t) => {
  const failing = (args: string[], input = "") => {
    const { status, stderr } = netsim(args, input);
    t.equal(status, 2, args.join(" "));
    return stderr;
  };
  t.match(failing(["probe", join(dir, "nowhere")]), /no such file/);
  t.match(failing(["probe"]), /needs files/);
  t.match(failing(["probe", before, "--port", "http"]), /--port http: write 80\/TCP/);
  t.match(failing(["probe", before, "--external", "example.com"]), /not an IP address/);
  t.match(failing(["probe", before, "--frob"]), /--frob/);
  t.match(failing(["frob"]), /no command "frob"/);
  t.match(failing(["probe", "-"], "kind: [\n"), /nothing usable/);
  const partly = netsim(["probe", "-"], "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\nkind: [\n");
  t.equal(partly.status, 0);
  t.match(partly.stderr, /^\(standard input\):[56]: /);
  t.end();
});

t.test("matrix", (t) => {
  const json = JSON.parse(netsim(["matrix", after, "--json"]).stdout) as {
    endpoints: number;
    classes: number;
    cells: { from: string; to: string; open: number; total: number }[];
  };
  const cell = (from: string, to: string) => json.cells.find((c) => c.from === from && c.to === to);
  t.match(json, { endpoints: 3, classes: 2 });
  t.match(cell("shop/web", "pay/api"), { open: 2, total: 4 });
  t.match(cell("pay/api", "shop/web"), { open: 2, total: 2 });
  t.match(cell("shop/web", "shop/web"), { open: 2, total: 2 }, "without a pod to itself");
  t.match(
    netsim(["matrix", after, "--by", "namespace", "--format", "csv"]).stdout,
    /^from,to,open,total\nshop,shop,2,2\nshop,pay,2,4\n/,
  );
  t.match(netsim(["matrix", after, "--by", "pod"]).stdout, /pay\/api-0/);
  t.match(
    netsim(["matrix", after, "--format", "html"]).stdout,
    /<title>Who reaches whom<\/title>[^]*shop\/web → pay\/api: 2 of 4 open/,
  );
  t.match(netsim(["matrix", after, "--by", "colour"]).stderr, /--by must be pod, workload, namespace/);
  t.end();
});

t.test("diff", (t) => {
  const opened = netsim(["diff", before, after]);
  t.equal(opened.status, 0);
  t.match(opened.stdout, /### Opened connections[^]*\| shop\/web \| pay\/api \| 8080\/TCP \| 2 \|/);
  t.match(netsim(["diff", after, before]).stdout, /### Closed connections/);
  t.equal(netsim(["diff", before, after, "--fail-on", "opened"]).status, 1);
  t.equal(netsim(["diff", before, after, "--fail-on", "closed"]).status, 0);
  t.match(netsim(["diff", before, before]).stdout, /No connection .* is opened or closed/);
  const grown = write("grown.json", ...base, deny, pod("shop/cart-0", { app: "cart" }, "10.244.1.9"));
  t.match(JSON.parse(netsim(["diff", before, grown, "--json"]).stdout), {
    changes: [],
    added: ["shop/cart"],
    removed: [],
  });
  t.equal(netsim(["diff", before]).status, 2);
  t.end();
});

t.test("assert", (t) => {
  mkdirSync(join(dir, "expect"));
  const expectations = (text: string) => {
    const file = join(dir, "expect/expect.yaml");
    writeFileSync(file, text);
    return netsim(["assert", file, after]);
  };
  const good = expectations(`expect:
  - {name: web reaches the API, from: shop/web, to: "pay/api:8080", verdict: allow}
  - {from: [shop/web-1, node-1], to: pay/api, port: [53/UDP], verdict: deny}
`);
  t.equal(good.status, 1, "the pod's own node may always come in");
  t.match(
    good.stdout,
    /^ok {6}web reaches the API \(2\)\nFAILED {2}shop\/web-1, node-1 -> pay\/api: deny \(1 of 2\)/,
  );
  t.match(good.stdout, /node-1 -> pay\/api-0 53\/UDP: allow/);
  t.equal(expectations("expect: [{from: shop/web, to: pay/api, port: 53/UDP, verdict: deny}]").status, 0);
  t.match(expectations("expect: [{from: a, verdict: deny}]"), { status: 2, stderr: /expect\[0\]: needs to/ });
  t.match(expectations("expect: [{from: a, to: b, verdict: maybe}]"), {
    status: 2,
    stderr: /verdict must be/,
  });
  t.match(expectations("- a"), { status: 2, stderr: /has no list/ });
  t.end();
});

t.test("help", (t) => {
  t.match(netsim(["help"]), { status: 0, stdout: /probe .*what policy says/ });
  t.match(netsim(["help", "probe"]), { status: 0, stdout: /^netsim probe FILES/ });
  t.match(netsim(["probe", "--help"]), { status: 0, stdout: /^netsim probe FILES/ });
  t.equal(netsim([]).status, 2);
  t.end();
});
