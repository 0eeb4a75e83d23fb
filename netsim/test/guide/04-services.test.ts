/** Services of every type, as guides to Kubernetes networking show them. */
import t from "tap";
import { at, guide, layers, names, placeOf } from "../trace/support.ts";
import { readme } from "./console.ts";

readme(t, "04-services");

const ask = (from: string, to: string, ...files: string[]) =>
  guide(
    ["pods", ...files].map((f) => `04-services/${f}`),
    from,
    to,
  );
const client = (to: string, ...files: string[]) => ask("default/client", to, ...files);

t.test("ClusterIP: an address of its own, port 80 is the pods' 8080", async (t) => {
  const found = await client("my-service:80", "cluster-ip");
  t.match(found, { verdict: "allow", reason: "allowed", to: { port: 8080 } });
  t.same(layers(found), ["dns", "dns", "dns", "service", "policy", "route", "policy"]);
  t.match(at(found, "service"), {
    what: /one of 3 endpoints \(33 %\)/,
    rule: /^-A KUBE-SEP-[A-Z2-7]{16} .* -j DNAT --to-destination 10\.1\.\d\.\d+:8080$/,
    object: "Service default/my-service",
  });
  t.equal((at(found, "service")?.details?.["endpoints"] as string[]).length, 3);
  t.equal(names(found)[0], "my-service.default.svc.cluster.local.");
  t.equal(placeOf(at(found, "service")!), "04-services/cluster-ip.yaml:11", "the line of the port");
  t.match(await ask("203.0.113.9", `${found.lookup?.result.addresses[0]}:80`, "cluster-ip"), {
    verdict: "unroutable",
    reason: "cluster-ip-from-outside",
  });
});

t.test("NodePort: the same port of every node", async (t) => {
  for (const address of ["192.168.1.10", "192.168.2.10"]) {
    const found = await ask("203.0.113.9", `${address}:30080`, "node-port");
    t.match(found, { verdict: "allow", to: { port: 8080 } }, address);
    t.match(at(found, "service"), {
      object: "Service default/my-nodeport-service",
      details: { masqueraded: true },
    });
  }
  t.match(
    await client("my-nodeport-service:80", "node-port"),
    { verdict: "allow" },
    "it is a ClusterIP as well",
  );
});

t.test("LoadBalancer: an address outside, and all that a NodePort has", async (t) => {
  const outside = await ask("203.0.113.9", "default/my-lb-service:443", "load-balancer");
  t.match(outside, { verdict: "allow", to: { port: 8443 } });
  t.match(at(outside, "service"), { object: "Service default/my-lb-service" });
  t.ok(
    outside.notes.some(
      (n) => n.code === "assumed" && /load balancer of Service default\/my-lb-service/.test(n.text),
    ),
  );
  t.match(await client("my-lb-service:443", "load-balancer"), { verdict: "allow", to: { port: 8443 } });
});

t.test("ExternalName: an alias, and no proxy", async (t) => {
  const found = await client("external-db:5432", "external-name");
  t.match(found, { verdict: "allow", to: { id: /^203\.0\.113\./ } });
  t.ok(found.hops.some((h) => h.what.includes("alias of mydb.example.com")));
  t.notOk(at(found, "service"), "the packets meet no Service");
});

t.test("headless: the pods' own addresses, and a name for each", async (t) => {
  const found = await client("my-headless-service:5432", "headless");
  t.match(found, { verdict: "allow", to: { port: 5432 } });
  t.notOk(at(found, "service"), "no Service address stands between");
  t.match(found.lookup?.result.addresses, [/^10\.1\.[12]\./, /^10\.1\.[12]\./]);
  const first = await client("pod-0.my-headless-service.default.svc.cluster.local:5432", "headless");
  t.match(first, { verdict: "allow", to: { id: "default/pod-0" } }, "one pod of the StatefulSet");
});

t.test("session affinity", async (t) => {
  const sticky = await client("sticky-service:80", "session-affinity");
  t.match(at(sticky, "service"), { what: /ClientIP/, details: { sessionAffinity: { seconds: 10800 } } });
});
