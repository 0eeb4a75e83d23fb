/** Tuning: what MTU is left by tunnels, where a node's cache stands, and the kernel's parameters. */
import t from "tap";
import { netsim } from "../cli/support.ts";
import { guide, names } from "../trace/support.ts";
import { file, json, readme } from "./console.ts";

readme(t, "12-tuning");

const FILES = ["12-tuning/cluster", "12-tuning/felix"];

t.test("MTU: 9000 - 50 for VXLAN", (t) => {
  const ping = (size: number, card: string) =>
    json<{ echoes: { outcome: string; wire: unknown[] }[] }>(
      "12-tuning",
      ...["ping", "default/client", "default/server", "cluster.yaml", "felix.yaml", "--mtu", card],
      ...["-M", "do", "-c", "1", "-s", String(size)],
    ).echoes[0]!;
  t.match(ping(8950 - 28, "9000"), { outcome: "reply", wire: { length: 1 } });
  t.not(ping(8950 - 27, "9000").outcome, "reply", "not one octet more");
  t.ok(ping(8950 - 28, "1500").wire.length > 1, "on small cards the outer packets are cut in pieces");
  t.end();
});

t.test("a cache on the node: the first answer is the node's", async (t) => {
  const found = await guide(
    [...FILES, "12-tuning/node-local-dns"],
    "default/client",
    "https://api.example.com",
  );
  t.ok(
    found.hops
      .filter((h) => h.details?.["endpoint"] !== undefined && h.layer === "dns")
      .every((h) => h.details?.["endpoint"] === "node-1"),
    "every query goes to the pod's own node",
  );
  t.equal(names(found).length, 4, "the search list stays");
  const plain = await guide(FILES, "default/client", "https://api.example.com");
  t.match(plain.hops[0]?.details?.["endpoint"], /^kube-system\/coredns-/);
});

t.test("the kernel's parameters", (t) => {
  const doctor = (conf: string) =>
    netsim([
      "doctor",
      file("12-tuning/cluster.yaml"),
      "--sysctl",
      file(`12-tuning/${conf}`),
      "--flows",
      "2000",
    ]);
  t.match(doctor("sysctl-defaults.conf"), { status: 1, stdout: /nf_conntrack_max.*[^]*tcp_keepalive_time/ });
  t.equal(doctor("sysctl.conf").status, 0);
  t.end();
});
