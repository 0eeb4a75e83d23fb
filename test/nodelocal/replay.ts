/** Does with our node-cache what was done with the real one, step by step, inside a namespace of the test's own. */
import { spawn, type ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import packet from "dns-packet";
import { root } from "../support/paths.ts";
import { sh } from "./namespace.ts";
import type { Query, Record, Reply, Snapshot } from "./record.ts";

export interface Replayed {
  readonly exit: number;
  readonly snapshots: { [name: string]: Snapshot };
  readonly replies: Reply[];
  readonly metrics: { [url: string]: { [series: string]: number } };
  /** Status of each look over HTTP, in the steps' order. */
  readonly http: number[];
  readonly log: string;
}

/** Longest wait for a line, for an end: milliseconds. */
const PATIENCE = 30_000;

export const nodeCache = [
  "--optimize-for-size",
  "--max-semi-space-size=2",
  join(root, "bin/clusterdns"),
  "node-cache",
];

export interface Running {
  readonly child: ChildProcess;
  log(): string;
  /** Resolves when the log, behind its first `from` characters, has the pattern, or the process has ended, or time is up: whether it has it. */
  says(pattern: RegExp, ms?: number, from?: number): Promise<boolean>;
  /** Resolves with the exit code; -9 and the like for signals. */
  readonly ended: Promise<number>;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export function start(
  args: readonly string[],
  options: { cwd: string; env: Readonly<{ [name: string]: string }>; wrapper?: readonly string[] },
): Running {
  const [program, ...rest] = [...(options.wrapper ?? []), process.execPath, ...nodeCache, ...args];
  const env = { PATH: process.env["PATH"] ?? "", ...options.env };
  const child = spawn(program!, rest, { cwd: options.cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += String(chunk)));
  const ended = new Promise<number>((resolve) =>
    child.on("close", (code, signal) => {
      running.delete(child);
      resolve(code ?? (signal === "SIGKILL" ? -9 : -1));
    }),
  );
  return {
    child,
    ended,
    log: () => text,
    async says(pattern, ms = PATIENCE, from = 0) {
      const has = (): boolean => pattern.test(text.slice(from));
      for (const end = performance.now() + ms; performance.now() < end; await sleep(10))
        if (has() || child.exitCode !== null || child.signalCode !== null) break;
      return has();
    },
  };
}

export interface ReplayOptions {
  /** A command that starts node-cache in another way. */
  readonly wrapper?: readonly string[];
  /** By the iptables of before nftables. */
  readonly legacy?: boolean;
}

export async function replay(
  record: Record,
  { wrapper = [], legacy = false }: ReplayOptions = {},
): Promise<Replayed> {
  const dir = mkdtempSync(join(tmpdir(), "node-cache-"));
  const path = process.env["PATH"] ?? "";
  if (legacy) {
    mkdirSync(join(dir, "legacy"));
    for (const name of ["iptables", "iptables-save", "ip6tables-save"])
      symlinkSync(sh(`command -v ${name.replace("tables", "tables-legacy")}`), join(dir, "legacy", name));
    process.env["PATH"] = `${dir}/legacy:${path}`;
  }
  const helpers = new Set<ChildProcess>();
  const paths = (text: string): string =>
    text.replaceAll("$DIR", dir).replaceAll("$D/", `${dir}/`).replaceAll("$IPT", "/usr/sbin");
  const result: Replayed = { exit: 0, snapshots: {}, replies: [], metrics: {}, http: [], log: "" };
  try {
    for (const [name, text] of Object.entries(record.files)) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(
        join(dir, name),
        text.startsWith("hex:") ? Buffer.from(text.slice(4), "hex") : paths(text),
      );
    }
    writeFileSync("/etc/resolv.conf", record.before["resolv.conf"]);
    for (const command of record.before.commands) {
      const own = paths(command).replaceAll("type dummy", "type bridge");
      if (command.startsWith("&")) {
        const sockets = sh("ss -Hlntu");
        helpers.add(spawn("sh", ["-c", `exec ${own.slice(1)}`], { stdio: "ignore" }));
        await sleep(500);
        for (let tries = 0; /bind/.test(own) && sockets === sh("ss -Hlntu") && tries < 100; tries++)
          await sleep(100);
      } else sh(own);
    }
    const env = Object.fromEntries(Object.entries(record.env).map(([name, value]) => [name, paths(value)]));
    const launch = (args: readonly string[]): Running => start(args.map(paths), { cwd: dir, env, wrapper });
    let program = launch(record.args);
    let exit: number | undefined;
    void program.ended.then((code) => (exit = code));
    const asked = [...record.observed.queries];
    const askNext = async (): Promise<void> => void result.replies.push(await ask(asked.shift()!.q));

    /** What the log said before the last thing that was done. */
    let seen = 0;
    for (const [, what, ...rest] of record.observed.steps) {
      const [first, second] = rest as [string, unknown];
      if (what !== "line") seen = program.log().length;
      switch (what) {
        case "up":
          if (rest[0] === true) await isUp(program, record);
          break;
        case "snap":
          result.snapshots[first] = snapshot(dir);
          break;
        case "q":
          await askNext();
          break;
        case "queries": {
          const named = record.observed.steps.filter(([, what]) => what === "q").length;
          for (let left = record.observed.queries.length - named; left > 0; left--) await askNext();
          break;
        }
        case "metrics":
          result.metrics[first] = await scrape(first);
          break;
        case "http":
          result.http.push(await status(first));
          break;
        case "sh":
          await shell(
            paths(first).replace(/\bnode-cache(?= -localip)/, [process.execPath, ...nodeCache].join(" ")),
          );
          break;
        case "sleep":
          await sleep(Number(first) * 1000);
          break;
        case "line":
          await program.says(new RegExp(first, "m"), PATIENCE, seen);
          // Often it is one of several that come together.
          await settled(program);
          break;
        case "write":
          writeFileSync(join(dir, first), String(second));
          break;
        case "rm":
          rmSync(join(dir, first));
          break;
        case "signal":
          program.child.kill(first.split(" ")[0] as NodeJS.Signals);
          break;
        case "start":
          program = launch(record.args);
          seen = 0;
          exit = undefined;
          void program.ended.then((code) => (exit = code));
          break;
        case "exit":
          await Promise.race([program.ended, sleep(PATIENCE, undefined, { ref: false })]);
          break;
        case "still running":
          await sleep(1000);
          break;
      }
    }
    if (exit === undefined && !record.observed.steps.some(([, what]) => what === "exit"))
      program.child.kill("SIGTERM");
    const last = await Promise.race([program.ended, sleep(PATIENCE, Number.NaN, { ref: false })]);
    if (Number.isNaN(last)) program.child.kill("SIGKILL");
    result.snapshots["after_exit"] = snapshot(dir);
    return { ...result, exit: last, log: program.log() };
  } finally {
    for (const helper of helpers) helper.kill("SIGKILL");
    clean();
    process.env["PATH"] = path;
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Queries are answered, and the rules have been tried where they come with the start. */
async function isUp(program: Running, { args }: Record): Promise<void> {
  if (!args.includes("-quiet")) await program.says(/^CoreDNS-/m);
  // The last of an address's rules is that of the health port.
  const addresses = args[args.indexOf("-localip") + 1]!.split(",").length;
  if (args.includes("-pidfile") && !args.includes("-setupiptables=false"))
    await program.says(
      new RegExp(`(--sport (?!53\\b|5353\\b)\\d+ -j NOTRACK[^]*){${addresses}}|holding the xtables lock`),
      2500,
    );
  await settled(program);
}

/** The node-cache that a command starts needs the name servers of this process. */
async function shell(command: string): Promise<void> {
  const child = spawn("sh", ["-c", command], { stdio: "ignore" });
  await new Promise((resolve) => child.on("close", resolve));
}

/** Its log has stood still for a moment. */
async function settled(program: Running): Promise<void> {
  for (let length = -1, tries = 0; length !== program.log().length && tries < 20; tries++) {
    length = program.log().length;
    await sleep(150);
  }
}

function snapshot(dir: string): Snapshot {
  let corefile: string | null = null;
  try {
    corefile = readFileSync(join(dir, "Corefile"), "utf8");
  } catch {
    // There is none.
  }
  return {
    corefile,
    "iptables-save": sh("iptables-save 2>/dev/null"),
    "ip6tables-save": sh("ip6tables-save 2>/dev/null"),
    "ip addr": sh("ip addr"),
  };
}

/** The namespace as it was before. */
function clean(): void {
  for (const program of ["iptables", "ip6tables"])
    for (const table of ["raw", "filter"]) sh(`${program} -t ${table} -F; ${program} -P INPUT ACCEPT`);
  sh("nft delete table inet clusterdns_nodelocal");
  for (const link of ["nodelocaldns", "dnscache0"]) sh(`ip link del ${link}`);
  sh("ip addr del 169.254.20.10/32 dev lo");
}

async function status(url: string): Promise<number> {
  return fetch(url).then(
    (response) => response.status,
    () => 0,
  );
}

async function scrape(url: string): Promise<{ [series: string]: number }> {
  const text = await fetch(url).then(
    (response) => response.text(),
    () => "",
  );
  return Object.fromEntries(
    Array.from(text.matchAll(/^(\w*nodecache\w*\S*) (\S+)$/gm), ([, series, value]) => [
      series!,
      Number(value),
    ]),
  );
}

const RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

/** Asks once, and waits 3 seconds at most. */
export async function ask({ name, type, to, proto }: Query): Promise<Reply> {
  const colon = to.lastIndexOf(":");
  const [address, port] = [to.slice(0, colon), Number(to.slice(colon + 1))];
  const query = {
    type: "query" as const,
    id: 4242,
    flags: 0x100,
    questions: [{ name: name.replace(/\.$/, ""), type }],
  };
  const bytes = await new Promise<Buffer | undefined>((resolve) => {
    const done = (bytes?: Buffer): void => {
      clearTimeout(timer);
      end();
      resolve(bytes);
    };
    const timer = setTimeout(() => done(), 3000);
    let end: () => void;
    if (proto === "tcp") {
      const socket = connect({ host: address, port });
      end = () => socket.destroy();
      let input = Buffer.alloc(0);
      socket.on("error", () => done());
      socket.on("data", (chunk) => {
        input = Buffer.concat([input, chunk]);
        if (input.length >= 2 && input.length >= input.readUInt16BE() + 2) done(input.subarray(2));
      });
      socket.write(packet.streamEncode(query));
    } else {
      const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
      end = () => socket.close();
      socket.on("error", () => done());
      socket.on("message", done);
      socket.send(packet.encode(query), port, address, (error) => {
        if (error) done();
      });
    }
  });
  if (bytes === undefined) return { timeout: true };
  const { answers, authorities, flag_aa, flag_tc, flag_ra, flag_rd } = packet.decode(bytes);
  return {
    rcode: RCODES[bytes[3]! & 15]!,
    flags: Object.entries({ QR: true, AA: flag_aa, TC: flag_tc, RD: flag_rd, RA: flag_ra })
      .filter(([, set]) => set)
      .map(([flag]) => flag),
    answer: answers.map(recordText),
    authority: authorities.map(recordText),
  };
}

type RecordPacket = ReturnType<typeof packet.decode>["answers"][number];

function recordText({ name, ttl, type, data }: RecordPacket): string {
  const rdata =
    type === "SOA"
      ? Object.values(data as { [field: string]: unknown })
          .map((value) => (typeof value === "string" ? `${value}.` : value))
          .join(" ")
      : type === "A" || type === "AAAA"
        ? String(data)
        : `${String(data)}.`;
  return `${name}. ${ttl} IN ${type} ${rdata}`;
}
