/**
 * Runs within network and mount namespaces of its own (see getent.test.ts): a server on the address that pods know, a pod's resolv.conf, and
 * the machine's own `getent ahosts`. Prints what the server was asked, by glibc and by its model, as a line of JSON for each case.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "../../src/api/create-server.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { nameText } from "../../src/dns/name.ts";
import { typeText } from "../../src/dns/types.ts";
import { realClock } from "../../src/resolver/clock.ts";
import { parseResolvConf } from "../../src/resolver/conf.ts";
import { lookup } from "../../src/resolver/lookup.ts";
import { findModel } from "../../src/resolver/models.ts";
import { socketTransport } from "../../src/resolver/sockets.ts";
import type { Net } from "../../src/resolver/types.ts";
import { cases, DNS, type Asked, type Outcome } from "./getent-cases.ts";

const ip = (...argv: string[]): void => void execFileSync("ip", argv);

const asked: Asked[] = [];
const ports: number[] = [];
const recorder: Plugin = definePlugin({
  name: "recorder",
  before: ["cache"],
  directive: {},
  setup: () => ({
    // Told when it comes, and not when it is answered: the order is the client's.
    answer(query, next) {
      const { port, protocol } = query.peer;
      if (!ports.includes(port)) ports.push(port);
      asked.push({
        name: nameText(query.rawName),
        type: typeText(query.type),
        proto: protocol,
        socket: ports.indexOf(port) + 1,
      });
      return next(query);
    },
  }),
});

function taken(): Asked[] {
  ports.length = 0;
  return asked.splice(0);
}

/** The addresses that getent prints, each once; undefined where it finds nothing. */
function getent(name: string): Promise<readonly string[] | undefined> {
  return new Promise((resolve) => {
    const child = spawn("getent", ["ahosts", name], { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.on("close", (code) =>
      resolve(code === 0 ? [...new Set(out.match(/^\S+/gm) ?? [])].sort() : undefined),
    );
  });
}

ip("link", "set", "lo", "up");
ip("address", "add", `${DNS}/32`, "dev", "lo");
const resolvConf = join(mkdtempSync(join(tmpdir(), "getent-")), "resolv.conf");
writeFileSync(resolvConf, "");
execFileSync("mount", ["--bind", resolvConf, "/etc/resolv.conf"]);
const hosts = `${resolvConf}.hosts`;
writeFileSync(hosts, "127.0.0.1 localhost\n");
execFileSync("mount", ["--bind", hosts, "/etc/hosts"]);

const [corefile, manifests] = process.argv.slice(2) as [string, string];
const server = createServer({ corefile, cluster: manifests, plugins: [recorder] });
await server.listen();
let net: Net = "v4only";
for (const { conf, names, ipv6 = true } of cases) {
  if (ipv6 && net === "v4only") {
    // A second family for AI_ADDRCONFIG: any address that is not the loopback's own.
    ip("-6", "address", "add", "fd00::7/128", "dev", "lo", "nodad");
    net = "dual";
  }
  writeFileSync(resolvConf, conf);
  for (const name of names) {
    taken();
    const found = await getent(name);
    const byGlibc = taken();
    const report = await lookup(findModel("getent-ahosts")!, name, {
      conf: parseResolvConf(conf),
      net,
      transport: socketTransport(new Map([[DNS, { host: DNS, port: 53 }]])),
      clock: realClock,
      random: Math.random,
    });
    const addresses = report.result.ok ? report.result.addresses.toSorted() : undefined;
    const outcome: Outcome = {
      conf,
      name,
      glibc: { asked: byGlibc, found },
      model: { asked: taken(), found: addresses },
    };
    process.stdout.write(`${JSON.stringify(outcome)}\n`);
  }
}
await server.close();
