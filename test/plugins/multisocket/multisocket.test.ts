import { createSocket } from "node:dgram";
import t from "tap";
import { createSocketlessServer } from "../../../src/api/create-server.ts";
import { serveWorld } from "../../support/world.ts";

const QUERY = Buffer.from("000101000001000000000000017801790000010001", "hex");

t.test("clients are answered whichever socket they come to", async (t) => {
  const corefile = ".:0 {\nbind 127.0.0.1\nmultisocket 3\nworld\n}";
  const { server } = await serveWorld(t, corefile, { world: { "x.y": ["192.0.2.1"] }, listen: true });
  const { port } = server.addresses().find(({ protocol }) => protocol === "udp")!;
  const ask = (): Promise<number> =>
    new Promise((resolve) => {
      const socket = createSocket("udp4", (reply) => {
        socket.close();
        resolve(reply.readUInt16BE(6));
      });
      socket.send(QUERY, port, "127.0.0.1");
    });
  t.same(new Set(await Promise.all(Array.from({ length: 24 }, ask))), new Set([1]));
});

t.test("from 1 to 1024", async (t) => {
  for (const sockets of ["0", "1025", "two"]) {
    const server = createSocketlessServer({ corefile: `. {\nmultisocket ${sockets}\nwhoami\n}` });
    await t.rejects(server.listen(), { message: /^Corefile:2: multisocket: / }, sockets);
    await server.close();
  }
});
