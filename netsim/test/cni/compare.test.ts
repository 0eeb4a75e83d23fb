/** The comparison: what each model claims is what it does, and the manual has the table as it is made. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { CAPABILITIES } from "../../src/cni/capabilities.ts";
import { compareMarkdown, measure } from "../../src/cni/compare.ts";
import { CNIS } from "../../src/cni/types.ts";

const find = (dir: string): string =>
  existsSync(join(dir, "docs/cni.md")) && existsSync(join(dir, "package.json")) ? dir : find(dirname(dir));
const manual = readFileSync(join(find(dirname(fileURLToPath(import.meta.url))), "docs/cni.md"), "utf8");

for (const cni of CNIS)
  t.test(`${cni}: the claims hold`, (t) => {
    const { variants } = CAPABILITIES[cni];
    t.ok(variants.length > 0);
    for (const variant of variants) {
      const { overhead: _, nat, ...measured } = measure(cni, variant);
      t.same(measured, { ...variant.claims, far: variant.claims.far }, variant.name);
      t.notOk(nat, `${variant.name}: no NAT between pods`);
    }
    t.end();
  });

t.test("the guide's section 3.2 and what the models say", (t) => {
  const table = compareMarkdown();
  const row = (name: string) =>
    table
      .split("\n")
      .find((l) => l.startsWith(`| ${name} `))
      ?.split("|")
      .slice(2, 6)
      .map((c) => c.trim()) ?? [];
  t.match(row("Developer"), ["Tigera", /Isovalent \(Cisco\)/, /CoreOS/, "Weaveworks"]);
  t.match(row("Data plane"), [/iptables.*eBPF/, "eBPF", String, String]);
  t.match(row("Between nodes"), [/BGP.*VXLAN.*IP in IP/, /VXLAN.*native/, /VXLAN/, /sleeve/]);
  // Flannel has learned WireGuard since the guide's table; the rest is as there.
  t.same(row("Encryption"), ["WireGuard", "WireGuard, IPsec (ESP)", "WireGuard", "IPsec (ESP), NaCl"]);
  t.match(row("kube-proxy replacement"), [/eBPF/, /eBPF/, "no", "no"]);
  t.match(row("Observability"), [String, "Hubble", "none", "Scope"]);
  t.end();
});

t.test("the manual's table is the generated one", (t) => {
  const squeezed = (text: string) => text.replace(/ +\|/g, " |").replace(/-+/g, "-").replace(/\n+/g, "\n");
  t.ok(
    squeezed(manual).includes(squeezed(compareMarkdown()).trim()),
    "run `netsim cni compare` and put its output into docs/cni.md",
  );
  t.end();
});
