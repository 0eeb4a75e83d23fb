/** `netsim gateway` as a process: it listens, answers, follows its files, and ends when it is told to. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { netsim } from "../cli/support.ts";
import { edge, route } from "./proxy-support.ts";

const self = import.meta.url;
const main = new URL(`../../src/cli/main${self.slice(self.lastIndexOf("."))}`, self).href;
const MANIFESTS = (service: string): string =>
  edge(
    `
{name: web, port: 80, protocol: HTTP}
{name: tls, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: c}]}}
`,
    route(`    - backendRefs: [{name: ${service}, port: 80}]`),
  );

t.test("netsim gateway", { timeout: 30_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "netsim-gateway-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "edge.yaml");
  writeFileSync(file, MANIFESTS("web"));
  const script = `const { main } = await import(${JSON.stringify(main)}); process.exitCode = await main(process.argv.slice(1));`;
  const authority = join(dir, "ca.pem");
  const child = spawn(
    process.execPath,
    [
      ...[
        "--input-type=module",
        "-e",
        script,
        "--",
        "gateway",
        file,
        "--gateway",
        "shop/edge",
        "--seed",
        "1",
      ],
      ...["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0=443", "--ca-file", authority],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  t.teardown(() => child.kill("SIGKILL"));
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const seen = async (isThere: () => boolean): Promise<void> => {
    for (let i = 0; i < 300 && !isThere(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  await seen(() => err.includes("port 443"));
  const port = /listening on 127\.0\.0\.1:(\d+) for Gateway shop\/edge, port 80/.exec(err)?.[1];
  const secure = Number(/listening on 127\.0\.0\.1:(\d+) for Gateway shop\/edge, port 443/.exec(err)?.[1]);
  t.ok(port, err);
  const ask = async (): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}/x`);
    return ((await answer.json()) as { service: string }).service;
  };
  t.equal(await ask(), "web");
  await seen(() => out.includes("/x"));
  t.match(
    out,
    /"GET http:\/\/127\.0\.0\.1:\d+\/x HTTP\/1\.1" 200 .* by HTTPRoute shop\/one \(.*edge\.yaml:\d+\)\n/,
  );

  const status = await new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port: secure,
      servername: "any.example.com",
      ca: readFileSync(authority),
    };
    const asked = request({ ...options, headers: { host: "any.example.com" } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on("error", reject);
    asked.end();
  });
  t.equal(status, 200, "by the authority that was written out");

  writeFileSync(`${file}.new`, MANIFESTS("canary"));
  renameSync(`${file}.new`, file);
  await seen(() => err.includes("read again"));
  t.equal(await ask(), "canary", "it follows its files");

  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  t.equal(await ended, 0);
});

t.test("command lines that cannot be used", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "netsim-gateway-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "edge.yaml");
  writeFileSync(file, MANIFESTS("web"));
  for (const [args, words] of [
    [[], "--listen"],
    [["--listen", "8080"], "ADDRESS:PORT"],
    [["--listen", ":0=81"], "80, 443"],
    [["--listen", ":0", "--gateway", "shop/none"], "shop/edge"],
    [["--listen", ":0", "--gateway", "shop/edge#none"], "no listener none"],
    [["--listen", ":0", "--backend", "web=1"], "NAMESPACE/SERVICE:PORT=ADDRESS:PORT"],
    [["--listen", "192.0.2.1:1"], "--listen"],
    [["--listen", ":0", "--echo", "--endpoints"], "exclude"],
  ] as const) {
    const { status, stderr } = netsim(["gateway", file, ...args]);
    t.equal(status, 2, args.join(" "));
    t.match(stderr, words);
  }
  t.end();
});
