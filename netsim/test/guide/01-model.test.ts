/** The model: an address for each pod, the same from everywhere, and no NAT between them; the layers above. */
import t from "tap";
import { cluster } from "../../src/index.ts";
import { at, guide, layers } from "../trace/support.ts";
import { file, readme } from "./console.ts";

readme(t, "01-model");

const PODS = ["pod-a", "pod-b", "pod-c", "pod-d"];

t.test("every pod reaches every other by its own address, without NAT", async (t) => {
  const seen = new Set<boolean>();
  for (const from of PODS)
    for (const to of PODS.filter((p) => p !== from)) {
      const there = await guide(["01-model/cluster"], `default/${from}`, `default/${to}:8080`);
      t.match(there, { verdict: "allow" }, `${from} to ${to}`);
      t.same(layers(there), ["policy", "route", "policy"], "neither a name nor a Service is needed");
      t.match(at(there, "route")?.what, /no NAT|stay as they are/);
      t.match(
        at(there, "policy", "ingress")?.details?.["peer"],
        `default/${from}`,
        "the source is seen as it is",
      );
      const back = await guide(["01-model/cluster"], `default/${to}`, `default/${from}:8080`);
      t.equal(back.to.address, there.from.address, "the address that a pod has is the one that others see");
      seen.add(at(there, "route")?.details?.["sameNode"] === true);
    }
  t.equal(seen.size, 2, "on the same node and on another");
});

t.test("addresses are the pods' own: each has one that no other has", async (t) => {
  const { cluster: loaded } = await cluster(file("01-model/cluster.yaml"));
  const addresses = loaded.pods.map((p) => p.status.podIP);
  t.equal(new Set(addresses).size, PODS.length);
});

t.test("L7 over L4 over L3", async (t) => {
  const found = await guide(
    ["01-model/cluster", "01-model/layers"],
    "203.0.113.99",
    "http://app.example.com/",
  );
  t.match(found, { verdict: "allow", to: { id: "default/pod-c", port: 8080 } });
  t.same(
    layers(found).filter((layer, i, all) => layer !== "policy" && layer !== all[i - 1]),
    ["dns", "service", "route", "l7", "service", "route"],
    "a name, a Service, a route to the controller, a rule, and on to the pod",
  );
});
