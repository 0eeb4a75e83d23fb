/** Packets that nobody should send: the server goes on, and does not grow. */
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { ask } from "../conformance/ask.ts";
import { freePorts } from "../conformance/scenario.ts";
import { startProgram } from "../cli/process.ts";
import { root } from "../support/paths.ts";

const WARM = 10_000;
const TOTAL = 100_000;
/** Packets between two pauses: what the kernel's buffer holds. */
const BURST = 200;

const corefile = (port: number): string => `.:${port} {
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:0
    cache 30
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        manifests ${join(root, "examples/cluster")}
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
    }
    loadbalance
    whoami
}
`;

/** A small generator with a seed: a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const good = Buffer.from(
  "123401000001000000000001037765620473686f70037376630" +
    "7636c7573746572056c6f63616c00000100010000290400000080000000",
  "hex",
);

function mutate(next: () => number): Buffer {
  const pick = (n: number): number => Math.floor(next() * n);
  if (next() < 0.2) return Buffer.from(Array.from({ length: pick(600) }, () => pick(256)));
  const bytes = Buffer.from(good);
  for (let i = 1 + pick(6); i > 0; i--) bytes[pick(bytes.length)] = pick(256);
  if (next() < 0.2) return bytes.subarray(0, pick(bytes.length));
  return next() < 0.2 ? Buffer.concat([bytes, bytes.subarray(pick(bytes.length))]) : bytes;
}

/** Resident memory in kB. */
function resident(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]);
}

t.test("100,000 random and mutated packets over UDP and TCP", { timeout: 300_000 }, async (t) => {
  const [port] = (await freePorts(1)) as [number];
  const program = startProgram(["-conf", "Corefile"], { files: { Corefile: corefile(port) } });
  t.teardown(() => program.end());
  t.ok(await program.says(/^CoreDNS-/m), "it starts");
  const next = random(20261122);
  const udp = createSocket("udp4");
  t.teardown(() => udp.close());
  udp.on("message", () => undefined);
  let warm = 0;
  for (let sent = 0; sent < TOTAL;) {
    for (let i = 0; i < BURST && sent < TOTAL; i++, sent++) {
      const packet = mutate(next);
      if (sent % 10 === 0) await overTcp(port, packet, next() < 0.5);
      else udp.send(packet, port, "127.0.0.1");
      if (sent === WARM) warm = resident(program.child.pid!);
    }
    await sleep(1);
  }
  await sleep(500);
  const answer = await ask({ name: "web.shop.svc.cluster.local.", type: "A" }, port, false);
  t.match(
    answer.answer?.[0],
    /^web\.shop\.svc\.cluster\.local\. \d IN A 10\.96\.10\.10$/,
    "it still answers over UDP",
  );
  const tcp = await ask({ name: "web.shop.svc.cluster.local.", type: "A", proto: "tcp" }, port, false);
  t.equal(tcp.rcode, "NOERROR", "and over TCP");
  const now = resident(program.child.pid!);
  t.ok(now <= warm * 1.2, `memory: ${warm} kB after ${WARM} packets, ${now} kB after ${TOTAL}`);
  t.notMatch(program.stdout(), /panic/, "no plugin threw");
});

/** Sends a message, or something that claims another length, and does not wait for what comes back. */
function overTcp(port: number, packet: Buffer, honest: boolean): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      const length = honest ? packet.length : packet.length + 3;
      socket.end(Buffer.concat([Buffer.from([length >> 8, length & 255]), packet]));
    });
    socket.on("data", () => undefined);
    socket.on("error", () => resolve());
    socket.on("close", () => resolve());
    socket.setTimeout(2000, () => socket.destroy());
  });
}
