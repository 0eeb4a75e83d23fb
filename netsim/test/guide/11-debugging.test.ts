/** The common mistakes of policies, found by a trace: what fails, on which line, and what to write there. */
import t from "tap";
import { guide, placeOf } from "../trace/support.ts";
import { netsim } from "../cli/support.ts";
import { file, readme } from "./console.ts";

readme(t, "11-debugging");

t.test("DNS pods that are not ready", async (t) => {
  const ask = (dns: string) =>
    guide(
      ["09-network-policy/production", `11-debugging/${dns}`],
      "production/frontend",
      "kubernetes.default.svc.cluster.local:443",
    );
  t.match(await ask("dns"), { verdict: "allow", to: { id: "node-1", port: 6443 } });
  t.match(await ask("dns-not-ready"), { verdict: "reject", reason: "dns-no-endpoints" });
});

t.test("the doctor finds the mistakes", (t) => {
  const codes = (...files: string[]) => {
    const { stdout } = netsim(["doctor", ...files.map(file), "--format", "json", "--fail-on", "never"]);
    const { findings } = JSON.parse(stdout) as { findings: { id?: string; check?: string; code?: string }[] };
    return findings.map((f) => f.id ?? f.check ?? f.code);
  };
  const production = "09-network-policy/production.yaml";
  const alone = ["NS/policy-pod-selector-alone"];
  t.same(codes(production, "09-network-policy/backend-policy.yaml"), alone, "staging has a frontend as well");
  t.same(codes(production, "11-debugging/mistakes/no-namespace-selector.yaml"), alone);
  t.same(codes(production, "11-debugging/mistakes/no-dns.yaml"), ["NS/dns-egress"]);
  t.same(codes(production, "11-debugging/mistakes/no-egress-type.yaml"), ["NS/policy-types-egress"]);
  t.ok(codes(production, "11-debugging/mistakes/wrong-cidr.yaml").includes("NS/policy-block-pods"));
  t.ok(codes("11-debugging/dns-not-ready.yaml").includes("NS/dns-endpoints"));
  t.end();
});

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
