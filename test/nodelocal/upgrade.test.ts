/** One node-cache after the other, under the queries of a pod: none is lost. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import t from "tap";
import { nativeBinding } from "../../src/native/binding.ts";
import type { Outcome } from "./load-client.ts";
import { enterNamespace, makePod, noNamespaces, sh } from "./namespace.ts";
import { records, rulesOf } from "./record.ts";
import { start, type Running } from "./replay.ts";
import { resolverZone, serveZone, type Zone } from "./upstreams.ts";

enterNamespace(import.meta.url);
t.setTimeout(180_000);

const skip = noNamespaces || (nativeBinding().binding === undefined && nativeBinding().reason);
/** A second, over UDP and over TCP. */
const RATE = 1000;
const TCP_RATE = 20;
const SECONDS = 51;
const UPGRADES = 5;

const everyService: Zone = ({ name, type }) => ({
  flags: 0x400,
  answers: type === "A" ? [{ type: "A", name, ttl: 30, data: "10.96.12.34" }] : [],
});

t.test("an upgrade under load", { skip }, async (t) => {
  const pod = makePod("10.244.0.2", "10.244.0.1");
  for (const address of ["10.96.0.11", "10.96.0.53"]) sh(`ip addr add ${address}/32 dev lo`);
  const dir = mkdtempSync(join(tmpdir(), "upgrade-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, "resolv.conf"), "nameserver 10.96.0.53\n");
  sh(`mount --bind ${dir}/resolv.conf /etc/resolv.conf`);
  // The round trip to the cluster's DNS.
  await serveZone("10.96.0.11", everyService, 2);
  await serveZone("10.96.0.53", resolverZone);
  mkdirSync(join(dir, "base"));
  const template = records.find(({ id }) => id === "basic@nft")!.files["base/Corefile.base"]!;
  writeFileSync(join(dir, "base/Corefile.base"), template);

  let number = 0;
  const launch = (): Running => {
    number++;
    const own = join(dir, String(number));
    mkdirSync(own);
    return start(
      [
        ...["-localip", "169.254.20.10", "-conf", join(own, "Corefile"), "-pidfile", join(own, "pid")],
        ...["-basecorefile", join(dir, "base/Corefile.base"), "-upstreamsvc", "kube-dns-upstream"],
      ],
      { cwd: own, env: { KUBE_DNS_UPSTREAM_SERVICE_HOST: "10.96.0.11" } },
    );
  };

  let current = launch();
  t.ok(await current.says(/--sport 8080 -j NOTRACK/), "the first one serves");
  const client = fileURLToPath(new URL(`./load-client${extname(import.meta.url)}`, import.meta.url));
  const load = spawn(
    "nsenter",
    ["-t", String(pod), "-n", process.execPath, client, "169.254.20.10", RATE, TCP_RATE, SECONDS].map(String),
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let printed = "";
  load.stdout.on("data", (chunk) => (printed += String(chunk)));
  const loaded = once(load, "close");

  for (let i = 1; i <= UPGRADES; i++) {
    await sleep((SECONDS * 1000) / (UPGRADES + 1));
    const old = current;
    current = launch();
    if (i % 2 === 1) {
      // As a DaemonSet with a surge does it: the old one is told to end when the new one has been ready for a while.
      t.ok(await old.says(/has taken over/), `upgrade ${i}: the new one has taken over`);
      await sleep(1000);
    } else {
      // At once: it waits until the new one, which has its sockets, serves.
      t.ok(await current.says(/Taking over/), `upgrade ${i}: the new one is taking over`);
    }
    old.child.kill("SIGTERM");
    t.equal(await old.ended, 0, "the old one ends well");
    t.equal(rulesOf(sh("iptables-save 2>/dev/null"))["raw"]?.length, 8, "the rules are still there");
  }
  await loaded;
  t.notMatch(current.log(), /\[ERROR\]/, "the ports of health and metrics were handed over as well");
  const outcome = JSON.parse(printed) as Outcome;
  t.comment(JSON.stringify(outcome));
  t.ok(outcome.sent >= 50_000, `${outcome.sent} queries`);
  t.same(outcome.lost, {}, "none is lost");
  t.equal(outcome.answered, outcome.sent, "all are answered");
  current.child.kill("SIGTERM");
  t.equal(await current.ended, 0);
  t.same(rulesOf(sh("iptables-save 2>/dev/null")), {}, "the last one tidies up");
  t.match(sh("ip link show nodelocaldns"), /does not exist/);
});
