/** CNI plugins: Calico's pools and peers, Cilium's values, and HTTP rules that only some of them have. */
import t from "tap";
import { at, example, guide } from "../trace/support.ts";

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
