/** The kubernetes plugin in a server: its options, its neighbours in the chain, its sources. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import dnsPacket from "dns-packet";
import { load } from "js-yaml";
import t, { type Test } from "tap";
import { createSocketlessServer } from "../../../src/api/create-server.ts";
import { reply, serverFailure, type Answer } from "../../../src/dns/message.ts";
import { nameText, ROOT } from "../../../src/dns/name.ts";
import { rdata, record } from "../../../src/dns/records.ts";
import { FLAG, RCODE, TYPE } from "../../../src/dns/types.ts";
import { definePlugin, type ClusterInput, type Plugin } from "../../../src/plugin.ts";

const CLUSTER = `
- { apiVersion: v1, kind: Namespace, metadata: { name: shop, labels: { env: production } } }
- { apiVersion: v1, kind: Namespace, metadata: { name: qa } }
- { apiVersion: v1, kind: Service, metadata: { name: web, namespace: shop, labels: { tier: front } }, spec: { clusterIP: 10.96.0.1, ports: [{ name: http, port: 80 }] } }
- { apiVersion: v1, kind: Service, metadata: { name: web, namespace: qa }, spec: { clusterIP: 10.96.0.2, ports: [{ name: http, port: 80 }] } }
- { apiVersion: v1, kind: Service, metadata: { name: alias, namespace: shop }, spec: { type: ExternalName, externalName: there.example.net } }
- { apiVersion: v1, kind: Service, metadata: { name: broken, namespace: shop }, spec: { type: ExternalName, externalName: broken.example.net } }
- { apiVersion: v1, kind: Service, metadata: { name: db, namespace: shop }, spec: { clusterIP: None } }
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: { name: db, namespace: shop, labels: { kubernetes.io/service-name: db } }
  ports: [{ name: sql, port: 5432 }]
  endpoints: [{ addresses: [10.244.0.1], hostname: db-0 }]
- { apiVersion: v1, kind: Pod, metadata: { name: client, namespace: shop, labels: { app: client } }, status: { podIP: 10.244.9.9 } }
`;
const objects = load(CLUSTER) as object[];
type Packet = ReturnType<typeof dnsPacket.decode>;

/** What stands behind kubernetes in these tests: some names of example.net, late if need be, and metadata as text. */
const neighbour = (isLate: boolean): Plugin =>
  definePlugin({
    name: "neighbour",
    after: ["kubernetes"],
    directive: { args: {} },
    setup: (_options, { settings }) => {
      // As the metadata plugin does.
      settings.metadata = [ROOT];
      return {
        answer(query) {
          const name = nameText(query.name);
          const answer = ((): Answer => {
            if (name === "broken.example.net.") return serverFailure("broken");
            if (query.type === TYPE.TXT) {
              const label = name.split(".")[0]!.replaceAll("_", "/");
              return reply(query, RCODE.NOERROR, 0, {
                answer: [record(query.rawName, TYPE.TXT, 1, rdata.txt(query.meta(`kubernetes/${label}`)))],
              });
            }
            if (query.type !== TYPE.A) return reply(query, RCODE.NXDOMAIN, 0);
            return reply(query, RCODE.NOERROR, 0, {
              answer: [record(query.rawName, TYPE.A, 77, rdata.a("192.0.2.1"))],
            });
          })();
          return isLate ? sleep(1).then(() => answer) : answer;
        },
      };
    },
  });

interface Options {
  readonly cluster?: ClusterInput;
  readonly isLate?: boolean;
  /** Lines of the server block beside `kubernetes`. */
  readonly beside?: string;
  readonly zones?: string;
}

async function serve(
  t: Test,
  lines: string,
  {
    cluster = objects,
    isLate = false,
    beside = "neighbour",
    zones = "cluster.local in-addr.arpa",
  }: Options = {},
) {
  const log: string[] = [];
  const server = createSocketlessServer({
    corefile: `. {\n${beside}\nkubernetes ${zones} {\n${lines}\n}\n}\n`,
    cluster,
    plugins: [neighbour(isLate)],
    log: (_level, text) => log.push(text),
  });
  t.teardown(() => server.close());
  await server.listen();
  const exchange = async (question: string, packet: Partial<Packet> = {}, from?: string): Promise<Packet> => {
    const [name = "", type = ""] = question.split(" ");
    const message = dnsPacket.encode({
      type: "query",
      id: 1,
      flags: FLAG.RD,
      questions: [{ name, type }],
      ...packet,
    });
    const bytes = await server.exchange(message, from === undefined ? {} : { address: from });
    return dnsPacket.decode(Buffer.from(bytes!));
  };
  const ask = async (question: string, from?: string): Promise<string> => {
    const { rcode, answers } = await exchange(question, {}, from);
    if (answers.length === 0) return rcode === "NOERROR" ? "NODATA" : rcode;
    return answers.map(({ type, data }) => `${type} ${String(data)}`).join(", ");
  };
  return { ask, exchange, log, server };
}

t.test("options that can't be are refused, with their place", async (t) => {
  for (const [lines, wanted] of [
    ["pods maybe", /^Corefile:4: kubernetes: .*disabled, insecure, verified/],
    ["ttl 3601", /^Corefile:4: kubernetes: .*0 to 3600/],
    ["ttl 5s", /^Corefile:4: kubernetes: /],
    ["tls a b", /^Corefile:4: kubernetes: /],
    ["labels a in (", /^Corefile:4: kubernetes: .*"a in \("/],
    ["labels a!=b", /not a valid label selector operator/],
    ["namespaces a\nnamespace_labels b=c", /namespaces and namespace_labels cannot both be set/],
    ["noendpoints x", /^Corefile:4: kubernetes: /],
    ["noendpoints\nzonal", /zonal requires the endpoints/],
    ["ignore all", /^Corefile:4: kubernetes: /],
    ["kubeconfig", /^Corefile:4: kubernetes: /],
    ["apiserver_qps -1", /^Corefile:4: kubernetes: /],
    ["multicluster clusterset.local", /not authoritative for the multicluster zone clusterset\.local\./],
    ["manifests a\nkubeconfig b", /manifests takes the place of an API server/],
    ["manifests /nosuch/directory", /no such directory: \/nosuch\/directory/],
    ["kubeconfig /nosuch/file", /\/nosuch\/file/],
    ["nosuch", /^Corefile:4: kubernetes: .*nosuch/],
  ] as const) {
    await t.rejects(serve(t, lines), { message: wanted }, lines);
  }
  await t.rejects(serve(t, "", { zones: "10.0.0.0/24" }), { message: /non-reverse zone name must be used/ });
});

t.test("options that shape answers", async (t) => {
  const one = async (lines: string, question: string, wanted: string): Promise<void> => {
    const { ask } = await serve(t, lines);
    t.equal(await ask(question), wanted, `${lines.replaceAll("\n", "; ")}: ${question}`);
  };
  await one("", "web.shop.svc.cluster.local A", "A 10.96.0.1");
  await one("namespaces qa", "web.shop.svc.cluster.local A", "NXDOMAIN");
  await one("namespaces qa\nnamespaces shop", "web.shop.svc.cluster.local A", "A 10.96.0.1");
  await one("namespace_labels env in (production, staging)", "web.qa.svc.cluster.local A", "NXDOMAIN");
  await one("labels tier=front", "web.qa.svc.cluster.local A", "NXDOMAIN");
  await one("labels tier=front", "web.shop.svc.cluster.local A", "A 10.96.0.1");
  await one("noendpoints", "db.shop.svc.cluster.local A", "NXDOMAIN");
  await one("ignore empty_service", "web.shop.svc.cluster.local A", "NXDOMAIN");
  await one("pods insecure", "1-2-3-4.shop.pod.cluster.local A", "A 1.2.3.4");
  await one("pods verified", "10-244-9-9.shop.pod.cluster.local A", "A 10.244.9.9");
  const { exchange } = await serve(t, "ttl 42");
  t.match(await exchange("web.shop.svc.cluster.local A"), { answers: [{ ttl: 42 }] });
});

for (const isLate of [false, true]) {
  t.test(
    `aliases that lead outside are asked of the server, which answers ${isLate ? "later" : "at once"}`,
    async (t) => {
      const { ask, exchange } = await serve(t, "", { isLate });
      t.equal(await ask("alias.shop.svc.cluster.local A"), "CNAME there.example.net, A 192.0.2.1");
      t.equal(
        await ask("alias.shop.svc.cluster.local AAAA"),
        "CNAME there.example.net",
        "whatever became of the target",
      );
      t.equal(await ask("broken.shop.svc.cluster.local A"), "CNAME broken.example.net");
      t.match(await exchange("alias.shop.svc.cluster.local A"), {
        flag_aa: true,
        answers: [{ ttl: 5 }, { ttl: 77 }],
      });
    },
  );
}

t.test("fallthrough: what does not exist, of the zones that are named", async (t) => {
  const { ask } = await serve(t, "fallthrough in-addr.arpa");
  t.equal(await ask("9.9.9.9.in-addr.arpa A"), "A 192.0.2.1");
  t.equal(await ask("nosuch.shop.svc.cluster.local A"), "NXDOMAIN");
  t.equal(await ask("in-addr.arpa A"), "NODATA");
  const all = await serve(t, "fallthrough");
  t.equal(await all.ask("nosuch.shop.svc.cluster.local A"), "A 192.0.2.1");
  t.equal(await all.ask("web.shop.svc.cluster.local AAAA"), "NODATA");
});

t.test("names outside the zones and transfers", async (t) => {
  const { ask } = await serve(t, "");
  t.equal(await ask("www.example.org A"), "A 192.0.2.1");
  t.equal(await ask("cluster.local AXFR"), "REFUSED");
});

t.test("metadata: of the name, and of the pod that asks", async (t) => {
  const { ask } = await serve(t, "pods verified\nfallthrough");
  for (const [question, wanted] of [
    // The neighbour says the label that the first one names; the names don't exist, so that it is asked.
    ["namespace.nosuch.shop.svc.cluster.local TXT", "shop"],
    ["endpoint.nosuch.shop.svc.cluster.local TXT", "endpoint"],
    ["service.nosuch.shop.svc.cluster.local TXT", "nosuch"],
    ["kind.nosuch.shop.svc.cluster.local TXT", "svc"],
    ["port-name._tcp.nosuch.shop.svc.cluster.local TXT", "port-name"],
    ["protocol._tcp.nosuch.shop.svc.cluster.local TXT", "tcp"],
    ["parse-error.cluster.local TXT", "invalid query name"],
    ["client-namespace.cluster.local TXT", "shop"],
    ["client-pod-name.cluster.local TXT", "client"],
    ["client-label_app.cluster.local TXT", "client"],
  ] as const) {
    t.equal(await ask(question, "10.244.9.9"), `TXT ${wanted}`, question);
  }
  t.equal(await ask("client-namespace.cluster.local TXT", "10.244.9.8"), "TXT ");
});

t.test("a change is answered at once, out of the cache too", async (t) => {
  const directory = t.testdir({ "ns.yaml": "{ apiVersion: v1, kind: Namespace, metadata: { name: shop } }" });
  const { ask } = await serve(t, "ttl 3600", { cluster: directory, beside: "cache 3600" });
  const until = async (wanted: string): Promise<void> => {
    const end = Date.now() + 3000;
    while ((await ask("new.shop.svc.cluster.local A")) !== wanted && Date.now() < end) await sleep(5);
    t.equal(await ask("new.shop.svc.cluster.local A"), wanted);
  };
  const service = (ip: string): string =>
    `{ apiVersion: v1, kind: Service, metadata: { name: new, namespace: shop }, spec: { clusterIP: ${ip}, ports: [{ port: 80 }] } }`;
  t.equal(await ask("new.shop.svc.cluster.local A"), "NXDOMAIN");
  writeFileSync(join(directory, "new.yaml"), service("10.96.0.9"));
  await until("A 10.96.0.9");
  writeFileSync(join(directory, "new.yaml"), service("10.96.0.10"));
  await until("A 10.96.0.10");
  rmSync(join(directory, "new.yaml"));
  await until("NXDOMAIN");
});

t.test("a source that is lost: answers go on, and say that they may be stale", async (t) => {
  const directory = t.testdir({ "ns.yaml": "{ apiVersion: v1, kind: Namespace, metadata: { name: shop } }" });
  const { exchange, log } = await serve(t, "", { cluster: directory });
  const edns = { additionals: [{ type: "OPT", name: ".", udpPayloadSize: 1232, flags: 0, options: [] }] };
  const errors = async (): Promise<unknown[]> => {
    const { additionals } = await exchange("shop.svc.cluster.local A", edns);
    return additionals.flatMap(({ options = [] }) =>
      options.map(({ code, data }) => [code, data?.readUInt16BE(0)]),
    );
  };
  t.same(await errors(), []);
  rmSync(directory, { recursive: true });
  const end = Date.now() + 5000;
  while ((await errors()).length === 0 && Date.now() < end) await sleep(50);
  t.same(await errors(), [[15, 3]], "Extended DNS Error 3 (RFC 8914)");
  t.match(
    await exchange("shop.svc.cluster.local A"),
    { rcode: "NOERROR", additionals: [] },
    "nothing for who does not speak EDNS",
  );
  t.match(log.join("\n"), /ENOENT/);
});

t.test("several endpoints: only the first is used, and that is said", async (t) => {
  const { log } = await serve(t, "endpoint http://127.0.0.1:1 http://127.0.0.1:2\nstartup_timeout 10ms", {
    cluster: [],
  });
  t.match(log.join("\n"), /only the first/);
  t.match(log.join("\n"), /unsynced/);
});

t.test("what is not known does not exist: not before the cluster is known", async (t) => {
  const { ask } = await serve(t, "endpoint http://127.0.0.1:1\nstartup_timeout 10ms");
  t.equal(await ask("web.shop.svc.cluster.local A"), "SERVFAIL");
  t.equal(await ask("cluster.local A"), "NODATA");
  t.equal(await ask("dns-version.cluster.local TXT"), "TXT 1.1.0");
});
