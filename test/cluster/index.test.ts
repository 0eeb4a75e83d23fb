/** What a change does to the index: what is found, what is voided, what the serials say. */
import t from "tap";
import { ClusterIndex } from "../../src/cluster/cluster-index.ts";
import { KINDS, type Service } from "../../src/cluster/objects.ts";
import { ask, settingsOf, trimmed } from "./ask.ts";

const namespace = (name: string) =>
  trimmed(`{ apiVersion: v1, kind: Namespace, metadata: { name: ${name} } }`);
const service = (name: string, spec: string) =>
  trimmed(`{ apiVersion: v1, kind: Service, metadata: { name: ${name}, namespace: shop }, spec: ${spec} }`);
const slice = (name: string, of: string, rest: string) =>
  trimmed(
    `{ apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: { name: ${name}, namespace: shop, labels: { ${of} } }, ${rest} }`,
  );
const pod = (name: string, rest: string) =>
  trimmed(`{ apiVersion: v1, kind: Pod, metadata: { name: ${name}, namespace: shop ${rest} }`);
const OF_WEB = "kubernetes.io/service-name: web";

/** An index whose clock shows the seconds that `clock.at` says. */
function make() {
  const clock = { at: 1000 };
  const programmed: [string, number][] = [];
  const index = new ClusterIndex({
    kinds: KINDS,
    now: () => clock.at * 1000,
    onProgrammed: ({ name }: Service, seconds) => programmed.push([name, seconds]),
  });
  return { index, clock, programmed };
}

t.test("the serial is the time of the last change that shows", (t) => {
  const { index, clock } = make();
  t.equal(index.modified, 0);
  const steps: readonly (readonly [string, () => void, boolean])[] = [
    ["a namespace", () => index.put(namespace("shop")), false],
    [
      "a new service",
      () => index.put(service("web", "{ clusterIP: 10.0.0.1, ports: [{ port: 80 }] }")),
      true,
    ],
    [
      "the same again",
      () => index.put(service("web", "{ clusterIP: 10.0.0.1, ports: [{ port: 80 }] }")),
      false,
    ],
    ["another port", () => index.put(service("web", "{ clusterIP: 10.0.0.1, ports: [{ port: 81 }] }")), true],
    ["endpoints", () => index.put(slice("w", OF_WEB, "endpoints: [{ addresses: [10.1.0.1] }]")), true],
    [
      "a node and a condition that DNS does not look at",
      () =>
        index.put(
          slice(
            "w",
            OF_WEB,
            "endpoints: [{ addresses: [10.1.0.1], nodeName: n, conditions: { ready: true, serving: true } }]",
          ),
        ),
      false,
    ],
    ["a pod without an address", () => t.equal(pod("p", "}, status: { phase: Pending }"), undefined), false],
    ["a pod", () => index.put(pod("p", "}, status: { podIP: 10.2.0.1 }")), true],
    ["its labels", () => index.put(pod("p", ", labels: { a: b } }, status: { podIP: 10.2.0.1 }")), false],
    ["its end", () => index.remove("Pod", "shop", "p"), true],
    ["what was never there", () => index.remove("Service", "shop", "nosuch"), false],
    ["the service's end", () => index.remove("Service", "shop", "web"), true],
  ];
  for (const [what, change, shows] of steps) {
    clock.at++;
    const before = index.modified;
    change();
    t.equal(index.modified, shows ? clock.at : before, what);
  }
  t.end();
});

t.test("the external serial: changes of known services only", (t) => {
  const { index, clock } = make();
  index.put(service("web", "{ clusterIP: 10.0.0.1, externalIPs: [192.0.2.1], ports: [{ port: 80 }] }"));
  t.equal(index.externalModified, 0);
  clock.at++;
  index.put(service("web", "{ clusterIP: 10.0.0.1, externalIPs: [192.0.2.2], ports: [{ port: 80 }] }"));
  t.equal(index.externalModified, 1001);
  t.equal(index.modified, 1000, "the cluster's zones don't show it");
  t.equal(index.servicesAtExternal("192.0.2.1").length, 0);
  t.equal(index.servicesAtExternal("192.0.2.2")[0]?.name, "web");
  clock.at++;
  index.remove("Service", "shop", "web");
  t.equal(index.externalModified, 1001);
  t.end();
});

t.test("the serial of imports: 0 until one changes", (t) => {
  const { index, clock } = make();
  const imported = (ports: string) =>
    trimmed(
      `{ apiVersion: multicluster.x-k8s.io/v1alpha1, kind: ServiceImport, metadata: { name: db, namespace: shop }, spec: { ips: [10.9.0.1], ports: ${ports} } }`,
    );
  index.put(imported("[]"));
  t.equal(index.importsModified, 0);
  clock.at++;
  index.put(imported("[{ port: 1 }]"));
  t.equal(index.importsModified, 1001);
  t.end();
});

t.test("a change voids what depends on it, and little else", (t) => {
  const { index } = make();
  for (const kind of KINDS) index.list(kind).end();
  const { generations } = index;
  const slots = {
    web: generations.slotOf("shop", "web"),
    other: generations.slotOf("shop", "other"),
    cluster: generations.slotOf("", "10.0.0.1"),
    endpoint: generations.slotOf("", "10.1.0.1"),
  };
  const voided = (change: () => void): string[] => {
    const before = generations.numbers.slice();
    change();
    return Object.entries(slots).flatMap(([name, slot]) =>
      generations.numbers[slot] === before[slot] ? [] : [name],
    );
  };
  t.equal(new Set(Object.values(slots)).size, 4, "these words share no slot");
  t.same(
    voided(() => index.put(service("web", "{ clusterIP: 10.0.0.1 }"))),
    ["web", "cluster"],
  );
  t.same(
    voided(() => index.put(slice("w", OF_WEB, "endpoints: [{ addresses: [10.1.0.1] }]"))),
    ["web", "endpoint"],
  );
  t.same(
    voided(() => index.put(slice("w", OF_WEB, "endpoints: [{ addresses: [10.1.0.1] }]"))),
    [],
  );
  t.same(
    voided(() => index.remove("EndpointSlice", "shop", "w")),
    ["web", "endpoint"],
  );
  t.same(
    voided(() => index.put(service("other", "{ clusterIP: 10.0.0.2 }"))),
    ["other"],
  );
  t.same(
    voided(() => index.put(namespace("shop"))),
    Object.keys(slots),
  );
  t.end();
});

t.test("a slice that goes over to another service", (t) => {
  const { index } = make();
  index.put(namespace("shop"));
  for (const name of ["web", "api"]) index.put(service(name, "{ clusterIP: None }"));
  index.put(slice("s", OF_WEB, "endpoints: [{ addresses: [10.1.0.1] }]"));
  index.put(slice("s", "kubernetes.io/service-name: api", "endpoints: [{ addresses: [10.1.0.2] }]"));
  t.same(ask(index, "web.shop.svc.cluster.local A"), ["NXDOMAIN"]);
  t.same(ask(index, "api.shop.svc.cluster.local A"), ["api.shop.svc.cluster.local. 5 IN A 10.1.0.2"]);
  t.same(ask(index, "1.0.1.10.in-addr.arpa PTR"), ["NXDOMAIN"]);
  t.end();
});

t.test("a list removes what it does not bring, when it ends", (t) => {
  const { index } = make();
  const web = service("web", "{ clusterIP: 10.0.0.1 }");
  const api = service("api", "{ clusterIP: 10.0.0.2 }");
  const first = index.list("Service");
  first.put(web);
  first.put(api);
  first.end();
  const { generations } = index;
  const before = generations.numbers[generations.slotOf("shop", "web")];
  const second = index.list("Service");
  second.put(web);
  t.ok(index.find("shop", "api"));
  second.end();
  t.notOk(index.find("shop", "api"));
  t.equal(generations.numbers[generations.slotOf("shop", "web")], before, "what is unchanged is not voided");
  t.end();
});

t.test("synchronised once every kind has been listed", (t) => {
  const { index } = make();
  let calls = 0;
  index.whenSynced(() => calls++);
  for (const kind of KINDS) {
    t.notOk(index.synced);
    index.list(kind).end();
  }
  t.ok(index.synced);
  index.whenSynced(() => calls++);
  index.list("Service").end();
  t.equal(calls, 2);
  t.end();
});

t.test("a pod that is being deleted stays as it was until it is gone", (t) => {
  const { index } = make();
  const settings = settingsOf({ pods: "verified" });
  const ending = pod("p", ", deletionTimestamp: '2026-01-01T00:00:00Z' }, status: { podIP: 10.2.0.1 }");
  index.put(namespace("shop"));
  index.put(ending);
  t.same(ask(index, "10-2-0-1.shop.pod.cluster.local A", settings), ["NXDOMAIN"], "never known");
  index.put(pod("p", "}, status: { podIP: 10.2.0.1 }"));
  const list = index.list("Pod");
  list.put(ending);
  list.end();
  t.same(ask(index, "10-2-0-1.shop.pod.cluster.local A", settings).length, 1);
  t.not(ask(index, "10-2-0-1.shop.pod.cluster.local A", settings)[0], "NXDOMAIN");
  t.end();
});

t.test("nothing is left of what is gone", (t) => {
  const { index } = make();
  index.put(namespace("shop"));
  index.put(service("web", "{ clusterIP: 10.0.0.1 }"));
  index.put(slice("w", OF_WEB, "endpoints: [{ addresses: [10.1.0.1] }]"));
  index.put(pod("p", "}, status: { podIP: 10.2.0.1 }"));
  index.remove("Namespace", "", "shop");
  index.remove("Service", "shop", "web");
  index.remove("EndpointSlice", "shop", "w");
  t.same([...index.namespaces()], ["shop"]);
  index.remove("Pod", "shop", "p");
  t.same([...index.namespaces()], []);
  t.same([index.servicesAt("10.0.0.1"), index.slicesAt("10.1.0.1"), index.podsAt("10.2.0.1")], [[], [], []]);
  t.end();
});

t.test("DNS programming latency: from the trigger to now, for services that are known", (t) => {
  const { index, programmed } = make();
  const one = slice("w", OF_WEB, "endpoints: []");
  index.put(one, 999_000);
  index.put(service("web", "{ clusterIP: None }"));
  index.put(one, 999_500);
  t.same(programmed, [["web", 0.5]]);
  t.end();
});
