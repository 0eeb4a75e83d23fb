import { connect } from "node:net";
import t from "tap";
import { serveWorld } from "../../support/world.ts";

const QUERY = Buffer.from("0015" + "000101000001000000000000017801790000010001", "hex");

t.test("a connection may bring so many queries", async (t) => {
  const corefile = ".:0 {\nbind 127.0.0.1\ntimeouts {\nmaxtcpqueries 2\n}\nworld\n}";
  const { server } = await serveWorld(t, corefile, { world: { "x.y": ["192.0.2.1"] }, listen: true });
  const { port } = server.addresses().find(({ protocol }) => protocol === "tcp")!;
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.write(Buffer.concat([QUERY, QUERY, QUERY]));
  await new Promise((resolve) => socket.on("close", resolve));
  const bytes = Buffer.concat(chunks);
  let answers = 0;
  for (let at = 0; at < bytes.length; at += 2 + bytes.readUInt16BE(at)) answers++;
  t.equal(answers, 2);
});
