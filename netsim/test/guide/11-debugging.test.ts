/** The common mistakes of policies, found by a trace: what fails, on which line, and what to write there. */
import t from "tap";
import { guide, placeOf } from "../trace/support.ts";

t.test("the common mistakes", async (t) => {
  const ask = (mistake: string, from: string, to: string, resolver = "glibc") =>
    guide(["09-network-policy/production", `11-debugging/mistakes/${mistake}`], from, to, { resolver });

  for (const resolver of ["glibc", "musl", "go"]) {
    const dns = await ask("no-dns", "production/backend", "postgres:5432", resolver);
    t.match(
      dns,
      { verdict: "deny", reason: "dns-egress-denied", lookup: { result: { ok: false } } },
      resolver,
    );
    t.ok(
      dns.hops.every((h) => h.layer === "dns" && h.verdict === "deny"),
      "every query is dropped",
    );
    t.equal(placeOf(dns.remedy!), "11-debugging/mistakes/no-dns.yaml:8");
    t.match(dns.remedy?.change, /k8s-app: kube-dns.*protocol: UDP, port: 53.*protocol: TCP, port: 53/);
  }
  t.match(
    await ask("no-dns", "production/backend", "production/postgres:5432"),
    { verdict: "allow" },
    "the address is open",
  );

  const namespace = await ask("no-namespace-selector", "staging/frontend", "backend-service.production:8080");
  t.match(namespace, {
    verdict: "deny",
    reason: "ingress-denied",
    remedy: { change: /^namespaceSelector: .*staging/ },
  });
  t.equal(placeOf(namespace.remedy!), "11-debugging/mistakes/no-namespace-selector.yaml:10");
  t.match(await ask("no-namespace-selector", "production/frontend", "backend-service:8080"), {
    verdict: "allow",
  });

  const type = await ask("no-egress-type", "production/backend", "redis:6379");
  t.match(type, { verdict: "allow" }, "egress rules that nobody reads");
  const ignored = type.notes.find((n) => n.code === "egress-rules-ignored");
  t.match(ignored, {
    object: "NetworkPolicy production/backend-egress",
    text: /policyTypes: \[Ingress, Egress\]/,
  });
  t.equal(placeOf(ignored!), "11-debugging/mistakes/no-egress-type.yaml:7");

  const cidr = await ask("wrong-cidr", "production/backend", "production/redis:6379");
  t.match(cidr, {
    verdict: "deny",
    reason: "egress-denied",
    remedy: { text: /10\.244\.22\.0\/24 does not hold/ },
  });
});
