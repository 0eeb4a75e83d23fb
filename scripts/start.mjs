// `npm start`: sets up, then serves the example cluster on 127.0.0.1:1053 and says what to try.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { root, setup } from "./setup.mjs";

/** CLUSTERDNS_PORT chooses another port; `--no-setup` leaves out installing and building. */
const PORT = process.env.CLUSTERDNS_PORT ?? "1053";

if (!process.argv.includes("--no-setup")) setup();

const server = spawn(
  process.execPath,
  ["bin/clusterdns", "-conf", "corefiles/development", "-dns.port", PORT],
  {
    cwd: root,
    stdio: ["inherit", "pipe", "inherit"],
  },
);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => server.kill(signal));
server.on("exit", (code, signal) => process.exit(code ?? (signal === null ? 0 : 1)));

let greeted = false;
server.stdout.on("data", (chunk) => {
  process.stdout.write(chunk);
  if (greeted || !String(chunk).includes("clusterdns ")) return;
  greeted = true;
  console.log(greeting());
});

function greeting() {
  const dig = (rest) => `  dig @127.0.0.1 -p ${PORT} +noall +answer ${rest}`;
  return `
Serving the cluster of examples/cluster as cluster.local on 127.0.0.1:${PORT} (UDP and TCP).
Everything else goes to this machine's resolvers (${resolvers()}). Ctrl-C ends it. Try:

${dig("web.shop.svc.cluster.local")}                      a Service's address
${dig("web.shop.svc.cluster.local AAAA")}                 dual stack
${dig("_http._tcp.web.shop.svc.cluster.local SRV")}       its port
${dig("db.shop.svc.cluster.local")}                       a headless Service: its pods
${dig("db-0.db.shop.svc.cluster.local")}                  one pod of a StatefulSet
${dig("payments-api.shop.svc.cluster.local")}             an ExternalName
${dig("-x 10.96.10.10")}                                  the name of an address
${dig("nothing.shop.svc.cluster.local").replace(" +noall +answer", "")}                 what does not exist
`;
}

function resolvers() {
  try {
    const found = readFileSync("/etc/resolv.conf", "utf8").match(/^nameserver\s+\S+/gm) ?? [];
    return found.map((line) => line.split(/\s+/)[1]).join(", ") || "none configured";
  } catch {
    return "none configured";
  }
}
