/**
 * `node dist/bench/nodelocal.js [SECONDS] [loss]`: what a node-local cache spares the cluster's DNS, and its pods: 2 ms away, pods once ask it directly, once the cache. As root,
 * in a network namespace of its own. `loss`: of 100 packets between node and cluster one is lost, each way. With COREDNS_BIN the same with CoreDNS in both places, by the same Corefile as ours.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { enterNamespace, noNamespaces, sh } from "../test/nodelocal/namespace.ts";
import { records } from "../test/nodelocal/record.ts";
import { serveZone, soaOf } from "../test/nodelocal/upstreams.ts";
import { root } from "../test/support/paths.ts";
import { startProcess, type ServerProcess } from "./lib/process.ts";
import { askAll, outside, services, type Latencies } from "./nodelocal/pods.ts";
import { relay } from "./nodelocal/relay.ts";

const CACHE = "169.254.20.10";
/** The cluster's DNS and the resolver as the node reaches them, and where they are. */
const CLUSTER = { near: "10.96.0.11", there: "10.96.1.11" };
const RESOLVER = { near: "10.96.0.53", there: "10.96.1.53" };
/** Milliseconds each way. */
const DISTANCE = 1;
const PODS = 10;
const RATE = 5;

const clusterdns = process.env["CLUSTERDNS_BIN"] ?? join(root, "bin/clusterdns");
const coredns = process.env["COREDNS_BIN"];

async function main(seconds: number, loss: boolean): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "nodelocal-"));
  process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
  prepare(dir);
  await serveZone(RESOLVER.there, ({ name, type }) => {
    const isThere = outside.includes(name.toLowerCase());
    if (isThere && type === "A") return { answers: [{ type: "A", name, ttl: 30, data: "192.0.2.1" }] };
    return { flags: isThere ? 0 : 3, authorities: [soaOf("example")] };
  });
  const toCluster = await relay(CLUSTER.near, CLUSTER.there, DISTANCE);
  const toResolver = await relay(RESOLVER.near, RESOLVER.there, DISTANCE);
  if (loss) {
    const near = `{ ${CLUSTER.near}, ${RESOLVER.near} }`;
    sh("nft add table ip loss; nft 'add chain ip loss input { type filter hook input priority 0; }'");
    for (const way of ["saddr", "daddr"])
      sh(`nft add rule ip loss input ip ${way} ${near} numgen random mod 100 0 drop`);
  }
  const reached = (): { cluster: number; resolver: number } => ({
    cluster: toCluster.udp + toCluster.tcp,
    resolver: toResolver.udp + toResolver.tcp,
  });

  for (const [who, program] of [
    ["clusterdns", clusterdns],
    ["CoreDNS", coredns],
  ] as const) {
    // prettier-ignore
    if (program === undefined) {
      console.log("CoreDNS is left out: COREDNS_BIN names no program");
      continue;
    }
    const process = (name: string, args: string[], env = {}): ServerProcess =>
      startProcess({ command: program, args, cwd: dir, env, logFile: join(dir, `${name}.log`) });
    const dns = process("dns", ["-conf", "cluster"]);
    const cache =
      who === "clusterdns"
        ? process(
            "cache",
            [
              "node-cache",
              "-localip",
              CACHE,
              "-conf",
              `${dir}/Corefile`,
              "-basecorefile",
              `${dir}/base/Corefile`,
            ],
            { KUBE_DNS_SERVICE_HOST: CLUSTER.near },
          )
        : process("cache", ["-conf", "Corefile"]);
    await sleep(2000);
    for (const [how, server] of [
      ["directly", CLUSTER.near],
      ["through the cache", CACHE],
    ] as const) {
      // prettier-ignore
      const before = reached();
      const spent = dns.cpu();
      const result = await askAll({ server, pods: PODS, rate: RATE, seconds }, 7);
      const after = reached();
      const cpu = dns.cpu().user + dns.cpu().system - spent.user - spent.system;
      console.log(`${who}, ${how}:`);
      console.log(`  ${result.queries.length} questions, ${result.failed} lookups failed`);
      console.log(
        `  the cluster's DNS saw ${after.cluster - before.cluster}, the resolver ${after.resolver - before.resolver}`,
      );
      console.log(`  question ${spread(result.queries)}; lookup ${spread(result.lookups)}`);
      console.log(`  the cluster's DNS used ${cpu.toFixed(2)} s of CPU`);
      if (server === CACHE)
        console.log(`  hit ratio ${await hitRatio()}, the cache used ${total(cache).toFixed(2)} s of CPU`);
    }
    await cache.stop(who === "clusterdns" ? "SIGTERM" : "SIGKILL");
    // CoreDNS makes no interface: it listens on the one that we would have made.
    sh(`ip link add nodelocaldns type bridge; ip addr add ${CACHE}/32 dev nodelocaldns`);
    await dns.stop();
  }
}

const total = (server: ServerProcess): number => server.cpu().user + server.cpu().system;

function prepare(dir: string): void {
  const pods = Array.from({ length: PODS }, (_, i) => `10.244.0.${i + 2}`);
  for (const address of [...Object.values(CLUSTER), ...Object.values(RESOLVER), ...pods])
    sh(`ip addr add ${address}/32 dev lo`);
  writeFileSync(join(dir, "resolv.conf"), `nameserver ${RESOLVER.near}\n`);
  sh(`mount --bind ${dir}/resolv.conf /etc/resolv.conf`);
  mkdirSync(join(dir, "base"));
  // The outside resolver stands beside the cluster's DNS: no way between them.
  writeFileSync(
    join(dir, "cluster"),
    `.:53 {\n  bind ${CLUSTER.there}\n  cache 30\n  file zone cluster.local\n  forward . ${RESOLVER.there}\n}\n`,
  );
  const hosts = services.map((name, i) => `${name}.nlcbench.svc IN A 10.96.12.${i + 1}`);
  writeFileSync(
    join(dir, "zone"),
    `$ORIGIN cluster.local.\n$TTL 30\n@ IN SOA ns.dns hostmaster 1 7200 1800 86400 30\n@ IN NS ns.dns\nns.dns IN A ${CLUSTER.near}\n${hosts.join("\n")}\n`,
  );
  const standard = records.find(({ id }) => id === "basic@nft")!.files["base/Corefile.base"]!;
  writeFileSync(join(dir, "base/Corefile"), standard);
}

/** Of all its zones together, by its own metrics. */
async function hitRatio(): Promise<string> {
  const text = await (await fetch("http://127.0.0.1:9253/metrics")).text();
  const sum = (name: string): number =>
    Array.from(text.matchAll(new RegExp(`^coredns_cache_${name}_total\\{.*\\} (\\S+)$`, "gm"))).reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  return (sum("hits") / sum("requests")).toFixed(3);
}

function spread(times: Latencies["queries"]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(2);
  const mean = sorted.reduce((sum, time) => sum + time, 0) / sorted.length;
  return `mean ${mean.toFixed(2)} ms, p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}`;
}

enterNamespace(import.meta.url);
if (noNamespaces !== false) console.log(`left out: ${noNamespaces}`);
else await main(Number(process.argv[2] ?? 45), process.argv[3] === "loss").then(() => process.exit(0));
