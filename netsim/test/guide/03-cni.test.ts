/** CNI plugins: Calico's pools and peers, Cilium's values, and HTTP rules that only some of them have. */
import t from "tap";
import { at, example, guide } from "../trace/support.ts";
import { json, readme } from "./console.ts";

readme(t, "03-cni");

interface Check {
  readonly cni: string;
  readonly reach: { readonly lost: readonly { readonly from: string; readonly to: string }[] };
  readonly findings: readonly { readonly code: string }[];
}
const check = (...args: string[]) => json<Check>("03-cni", "cni", "check", "cluster.yaml", ...args);
const kinds = (to: string, ...args: string[]) =>
  json<{ path: { links: { tunnels: { kind: string }[] }[] } }>(
    "03-cni",
    "cni",
    "path",
    "default/client",
    to,
    "cluster.yaml",
    ...args,
  )
    .path.links.map((l) => l.tunnels.map((tunnel) => tunnel.kind).join(" in "))
    .filter((k, i, all) => k !== "" && all.indexOf(k) === i);

t.test("Calico with BGP: no encapsulation, and only racks that have a peer are reached over routers", (t) => {
  t.same(kinds("default/near", "calico-bgp.yaml"), []);
  const one = check("calico-bgp.yaml");
  t.equal(one.cni, "calico");
  t.match(one.reach.lost, [{ from: "default/client", to: "default/far" }]);
  t.same(check("calico-bgp.yaml", "second-rack.yaml").reach.lost, []);
  t.same(kinds("default/far", "calico-bgp.yaml", "second-rack.yaml"), []);
  t.end();
});

t.test("Calico with VXLAN, Cilium's values, Flannel", async (t) => {
  t.same(kinds("default/far", "calico-vxlan.yaml"), ["vxlan"]);
  t.same(check("calico-vxlan.yaml").reach.lost, []);
  const route = at(
    await guide(["03-cni/cluster", "03-cni/calico-vxlan"], "default/client", "default/far:8080"),
    "route",
  );
  t.match(route?.details, { cni: "calico", encapsulation: "vxlan", overhead: 50, mtu: 1450 });
  const cilium = kinds("default/far", "--values", "cilium-values.yaml");
  t.ok(
    cilium.some((k) => k.includes("wireguard")),
    cilium.join(", "),
  );
  t.same(kinds("default/far", "flannel.yaml"), ["vxlan"]);
});

t.test("Cilium: methods and paths", async (t) => {
  const ask = (from: string, path: string, method = "GET") =>
    guide(["03-cni/l7-rule", "03-cni/l7-rule-pods"], from, `http://backend${path}`, { method });
  const get = await ask("default/frontend", "/api/v1/items");
  t.match(get, { verdict: "allow" });
  t.match(at(get, "l7"), { verdict: "allow", file: example("03-cni/l7-rule.yaml") });
  t.match(await ask("default/frontend", "/api/v1/orders", "POST"), { verdict: "allow" });
  t.match(await ask("default/frontend", "/api/v1/items", "POST"), { verdict: "deny", reason: "l7-denied" });
  t.match(await ask("default/frontend", "/admin"), { verdict: "deny", reason: "l7-denied" });
  t.match(await ask("default/other", "/api/v1/items"), { verdict: "deny", reason: "ingress-denied" });
});
