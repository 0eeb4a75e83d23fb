/** Network policies: default deny, the frontend's and the database's way, HTTP methods, names of the world outside. */
import t from "tap";
import { at, guide, placeOf } from "../trace/support.ts";
import { readme } from "./console.ts";

readme(t, "09-network-policy");

t.test("default deny", async (t) => {
  const ask = (policy: string[], from: string, to: string) =>
    guide(["09-network-policy/production", ...policy], from, to);
  t.match(
    await ask([], "production/frontend", "backend-service:8080"),
    { verdict: "allow" },
    "no policy, no limit",
  );
  const ingress = await ask(
    ["09-network-policy/default-deny-ingress"],
    "production/frontend",
    "backend-service:8080",
  );
  t.match(ingress, { verdict: "deny", reason: "ingress-denied" });
  t.equal(at(ingress, "policy", "egress")?.verdict, "allow", "egress stays open");
  t.match(at(ingress, "policy", "ingress"), { object: "NetworkPolicy production/default-deny-ingress" });
  const all = await ask(
    ["09-network-policy/default-deny-all"],
    "production/frontend",
    "backend-service:8080",
  );
  t.match(all, { verdict: "deny", reason: "dns-egress-denied" }, "not even the name is found");
  const address = await ask(
    ["09-network-policy/default-deny-all"],
    "production/frontend",
    "production/backend:8080",
  );
  t.match(address, { verdict: "deny", reason: "egress-denied" });
  t.ok(address.notes.some((n) => n.code === "ingress-denied-too"));
});

t.test("frontend, backend, database", async (t) => {
  const ask = (from: string, to: string) =>
    guide(["09-network-policy/production", "09-network-policy/backend-policy"], from, to);
  const allowed = await ask("production/frontend", "http://backend-service:8080/");
  t.match(allowed, { verdict: "allow" });
  t.equal(
    placeOf(at(allowed, "policy", "ingress")!),
    "09-network-policy/backend-policy.yaml:15",
    "the rule's line",
  );
  const db = await ask("production/backend", "postgres:5432");
  t.match(db, { verdict: "allow" });
  t.equal(
    placeOf(at(db, "dns")!),
    "09-network-policy/backend-policy.yaml:30",
    "the rule that lets queries through",
  );
  t.match(await ask("production/backend", "redis:6379"), { verdict: "deny", reason: "egress-denied" });
  t.match(await ask("production/redis", "backend-service:8080"), {
    verdict: "deny",
    reason: "ingress-denied",
  });
  t.match(await ask("production/frontend", "production/backend:9090"), { verdict: "deny" }, "another port");
  t.match(
    await ask("production/frontend", "postgres:5432"),
    { verdict: "allow" },
    "no policy selects the database",
  );
});

t.test("Cilium: methods", async (t) => {
  const api = (from: string, method: string, scheme = "http") =>
    guide(
      ["09-network-policy/api-l7-policy", "09-network-policy/api-server"],
      `default/${from}`,
      `${scheme}://api-server:443/things`,
      {
        method,
      },
    );
  for (const [from, method, verdict] of [
    ["reader", "GET", "allow"],
    ["reader", "POST", "deny"],
    ["writer", "GET", "allow"],
    ["writer", "POST", "allow"],
    ["writer", "PUT", "allow"],
    ["writer", "DELETE", "allow"],
    ["writer", "PATCH", "deny"],
    ["stranger", "GET", "deny"],
  ] as const)
    t.equal((await api(from, method)).verdict, verdict, `${from} ${method}`);
  t.match(
    await api("reader", "GET", "https"),
    { verdict: "deny", reason: "l7-tls" },
    "TLS is closed to the proxy",
  );
});

t.test("Cilium: names of the world outside", async (t) => {
  const ask = (files: string[], to: string) =>
    guide(
      ["09-network-policy/payment", "09-network-policy/dns-egress-policy", ...files],
      "default/payment",
      to,
    );
  const alone = await ask([], "https://api.stripe.com");
  t.match(
    alone,
    { verdict: "deny", reason: "dns-egress-denied" },
    "as it stands, the name cannot even be asked for",
  );
  t.match(alone.remedy, { change: /rules: \{dns:/ });
  const blind = await ask(["09-network-policy/dns-egress-blind"], "https://api.stripe.com");
  t.match(blind, { verdict: "deny", reason: "fqdn-not-learned" }, "answered, and seen by nobody");
  t.equal(at(blind, "dns")?.details?.["learned"], false);
  const seen = (to: string) => ask(["09-network-policy/dns-egress-dns"], to);
  const stripe = await seen("https://api.stripe.com");
  t.match(stripe, { verdict: "allow" });
  t.equal(placeOf(at(stripe, "policy", "egress")!), "09-network-policy/dns-egress-policy.yaml:10");
  t.match(await seen("https://api.paypal.com"), { verdict: "allow" });
  t.match(await seen("https://www.paypal.com"), { verdict: "deny", reason: "egress-denied" });
  t.match(
    await seen("http://api.stripe.com"),
    { verdict: "deny", reason: "egress-denied" },
    "port 80 is not 443",
  );
});
