/** Reloads: nothing is lost, and a broken file changes nothing. */
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { ask } from "../conformance/ask.ts";
import { freePorts } from "../conformance/scenario.ts";
import { createServer } from "../../src/index.ts";

const corefile = (port: number, address: string): string =>
  `.:${port} {\n bind 127.0.0.1\n hosts none {\n  ${address} www.test\n  ttl 60\n }\n}\n`;

async function setUp(t: { teardown(fn: () => unknown): void }) {
  const folder = mkdtempSync(join(tmpdir(), "clusterdns-"));
  const [port] = (await freePorts(1)) as [number];
  const file = join(folder, "Corefile");
  writeFileSync(file, corefile(port, "192.0.2.1"));
  const server = createServer({ file });
  t.teardown(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  await server.listen();
  const address = async (): Promise<string | undefined> =>
    (await ask({ name: "www.test.", type: "A" }, port, false)).answer?.[0]?.split(" ").at(-1);
  return { server, file, port, address };
}

t.test("a changed Corefile takes over on the same socket", async (t) => {
  const { server, file, port, address } = await setUp(t);
  t.equal(await address(), "192.0.2.1");
  writeFileSync(file, corefile(port, "192.0.2.2"));
  t.equal((await server.reload()).kind, "reloaded");
  t.equal(await address(), "192.0.2.2");
});

t.test("a broken Corefile changes nothing, and says what is wrong", async (t) => {
  const { server, file, address } = await setUp(t);
  writeFileSync(file, ".:53 {\n nosuch\n}\n");
  const outcome = await server.reload();
  t.equal(outcome.kind, "failed");
  t.match(outcome, { error: /Corefile:2: unknown directive "nosuch"/ });
  t.equal(await address(), "192.0.2.1");
});

t.test("an address that can't be opened changes nothing", async (t) => {
  const { server, file, address } = await setUp(t);
  writeFileSync(file, ".:53 {\n bind 203.0.113.77\n whoami\n}\n");
  t.equal((await server.reload()).kind, "failed");
  t.equal(await address(), "192.0.2.1");
});

t.test("zones and ports come and go", async (t) => {
  const { server, file, port, address } = await setUp(t);
  const [second] = (await freePorts(1)) as [number];
  writeFileSync(file, corefile(port, "192.0.2.3") + corefile(second, "192.0.2.4"));
  t.equal((await server.reload()).kind, "reloaded");
  t.equal(await address(), "192.0.2.3");
  t.equal(
    (await ask({ name: "www.test.", type: "A" }, second, false)).answer?.[0],
    "www.test. 60 IN A 192.0.2.4",
  );
  writeFileSync(file, corefile(second, "192.0.2.5"));
  t.equal((await server.reload()).kind, "reloaded");
  t.equal(
    (await ask({ name: "www.test.", type: "A" }, port, false, 300)).timeout,
    true,
    "the port that went is silent",
  );
  t.equal(
    (await ask({ name: "www.test.", type: "A" }, second, false)).answer?.[0],
    "www.test. 60 IN A 192.0.2.5",
  );
});

t.test("queries that never stop lose nothing over ten reloads", async (t) => {
  const { server, file, port } = await setUp(t);
  const socket = createSocket("udp4");
  t.teardown(() => socket.close());
  const waiting = new Set<number>();
  socket.on("message", (reply) => waiting.delete(reply.readUInt16BE(0)));
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const query = Buffer.from("0000010000010000000000000377777704746573740000010001", "hex");
  let sent = 0;
  const timer = setInterval(() => {
    for (let i = 0; i < 5; i++) {
      query.writeUInt16BE(++sent, 0);
      waiting.add(sent);
      socket.send(Buffer.from(query), port, "127.0.0.1");
    }
  }, 5);
  for (let i = 0; i < 10; i++) {
    writeFileSync(file, corefile(port, `192.0.2.${i + 10}`));
    t.equal((await server.reload()).kind, "reloaded");
    await sleep(30);
  }
  clearInterval(timer);
  await sleep(300);
  t.ok(sent > 200, `${sent} queries`);
  t.same([...waiting], [], "all were answered");
});
