/**
 * A real kube-apiserver over a real etcd, on loopback, for the tests that must not believe a fake.
 *
 * The programs come from KUBEBUILDER_ASSETS or from `npm run setup:apiserver`; where there are none, `noApiServer` says so
 * and a test hands it to tap: `t.test(name, { skip: noApiServer }, ...)`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import type { OutgoingHttpHeaders } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "./paths.ts";

const assets = process.env["KUBEBUILDER_ASSETS"] || join(root, ".cache/apiserver");
const etcdProgram = join(assets, "etcd");
const apiServerProgram = join(assets, "kube-apiserver");

/** Why there is no API server here, for tap's `skip`; false where there is one. */
export const noApiServer: string | false =
  existsSync(etcdProgram) && existsSync(apiServerProgram)
    ? false
    : `no kube-apiserver and etcd in ${assets}: npm run setup:apiserver`;

export interface ApiServerOptions {
  /** How requests are authorised. `RBAC`: only `token` (an administrator's) may do everything. Default `AlwaysAllow`. */
  readonly authorization?: "AlwaysAllow" | "RBAC";
  /** Further flags of kube-apiserver. */
  readonly flags?: readonly string[];
}

export interface ApiResponse {
  readonly status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what comes from an API server has no type here
  readonly body: any;
}

export interface ApiServer {
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /** Bearer token of an administrator. */
  readonly token: string;
  readonly caFile: string;
  /** Path of a kubeconfig with `token` and the CA. */
  readonly kubeconfig: string;
  /** A directory of its own that goes with `close`. */
  readonly dir: string;
  /** One request as the administrator, or with another token; the body goes out as JSON. Rejects only where no response came. */
  request(
    method: string,
    path: string,
    body?: unknown,
    options?: { contentType?: string; token?: string },
  ): Promise<ApiResponse>;
  /** Ends the API server at once (SIGKILL); etcd goes on. */
  kill(): Promise<void>;
  /** Starts it again on the same port over the same etcd; resolves when it is ready. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Starts both and waits for `/readyz`, which takes some 5 s. Rejects with the end of the log where one of them does not start. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const dir = mkdtempSync(join(tmpdir(), "apiserver-"));
  directories.add(dir);
  const [port, etcdPort, peerPort] = await freePorts(3);
  const url = `https://127.0.0.1:${port}`;
  const token = randomBytes(16).toString("hex");
  const caFile = join(dir, "certs", "apiserver.crt");
  const kubeconfig = join(dir, "kubeconfig");
  writeCredentials(dir, token);
  writeFileSync(kubeconfig, kubeconfigText(url, caFile, token));

  const etcd = run(dir, "etcd", etcdProgram, etcdFlags(dir, etcdPort!, peerPort!));
  const flags = [
    ...apiServerFlags(dir, port!, etcdPort!, options.authorization ?? "AlwaysAllow"),
    ...(options.flags ?? []),
  ];
  let server = run(dir, "kube-apiserver", apiServerProgram, flags);
  let agent: Agent | undefined;

  const request: ApiServer["request"] = (
    method,
    path,
    body,
    { contentType = "application/json", token: as = token } = {},
  ) =>
    new Promise((resolve, reject) => {
      agent ??= new Agent({ keepAlive: true, ca: readFileSync(caFile) });
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const headers: OutgoingHttpHeaders = { authorization: `Bearer ${as}` };
      if (payload !== undefined) {
        headers["content-type"] = contentType;
        // Node sends the body of a DELETE without any framing otherwise.
        headers["content-length"] = Buffer.byteLength(payload);
      }
      const sent = httpsRequest(url + path, { method, agent, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: parse(text) }));
      });
      sent.on("error", reject);
      sent.end(payload);
    });

  const ready = async () => {
    for (const end = Date.now() + 60_000; Date.now() < end; await sleep(50)) {
      if (etcd.exitCode !== null || server.exitCode !== null) break;
      if (!existsSync(caFile)) continue;
      const answer = await request("GET", "/readyz").catch(() => undefined);
      // Requests are served a moment before the bootstrap controllers have made the first namespaces.
      if (answer?.status === 200 && (await request("GET", "/api/v1/namespaces/default")).status === 200)
        return;
    }
    const log =
      readFileSync(join(dir, "kube-apiserver.log"), "utf8").slice(-2000) +
      readFileSync(join(dir, "etcd.log"), "utf8").slice(-500);
    await close();
    throw new Error(`the API server is not ready after 60 s:\n${log}`);
  };
  const kill = async () => {
    agent?.destroy();
    agent = undefined;
    await end(server);
  };
  const close = async () => {
    await kill();
    await end(etcd);
    rmSync(dir, { recursive: true, force: true });
    directories.delete(dir);
  };
  const restart = async () => {
    await kill();
    server = run(dir, "kube-apiserver", apiServerProgram, flags);
    await ready();
  };

  await ready();
  return { url, port: port!, token, caFile, kubeconfig, dir, request, kill, restart, close };
}

function writeCredentials(dir: string, token: string): void {
  mkdirSync(join(dir, "certs"));
  writeFileSync(join(dir, "tokens.csv"), `${token},admin,admin,"system:masters"\n`);
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(join(dir, "sa.key"), keys.privateKey.export({ type: "sec1", format: "pem" }));
  writeFileSync(join(dir, "sa.pub"), keys.publicKey.export({ type: "spki", format: "pem" }));
}

function etcdFlags(dir: string, port: number, peerPort: number): string[] {
  const client = `http://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  return [
    ["--data-dir", join(dir, "etcd")],
    ["--listen-client-urls", client],
    ["--advertise-client-urls", client],
    ["--listen-peer-urls", peer],
    ["--initial-advertise-peer-urls", peer],
    ["--initial-cluster", `default=${peer}`],
    ["--log-level", "error"],
    ["--watch-progress-notify-interval", "5s"], // as kubeadm runs it
    ["--unsafe-no-fsync"],
  ].flat();
}

function apiServerFlags(dir: string, port: number, etcdPort: number, authorization: string): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    `--cert-dir=${join(dir, "certs")}`,
    `--token-auth-file=${join(dir, "tokens.csv")}`,
    `--authorization-mode=${authorization}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${join(dir, "sa.pub")}`,
    `--service-account-signing-key-file=${join(dir, "sa.key")}`,
    "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112",
    "--endpoint-reconciler-type=none", // a loopback address may not stand in an EndpointSlice
    "--disable-admission-plugins=ServiceAccount", // no controller makes the accounts that pods would need
  ];
}

export function kubeconfigText(url: string, caFile: string, token: string): string {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server: url, "certificate-authority": caFile } }],
    users: [{ name: "admin", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
    "current-context": "test",
  };
  return JSON.stringify(config, undefined, 2);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const running = new Set<ChildProcess>();
const directories = new Set<string>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const dir of directories) rmSync(dir, { recursive: true, force: true });
});
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  // Without a handler the signal would end this process before "exit", and leave the two running.
  process.once(signal, () => process.exit(1));
}

function run(dir: string, name: string, program: string, flags: readonly string[]): ChildProcess {
  const log = openSync(join(dir, `${name}.log`), "a");
  const child = spawn(program, flags, { stdio: ["ignore", log, log] });
  closeSync(log);
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
