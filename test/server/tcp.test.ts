/** Connections: order, pauses, half-closed clients, transfers' back pressure (RFC 7766; BEHAVIOUR as recorded). */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import {
  createServer,
  definePlugin,
  encodeMessage,
  decodeMessage,
  nameOf,
  rdata,
  record,
  reply,
  RCODE,
  FLAG,
  TYPE,
  type Plugin,
} from "../../src/index.ts";

/** Answers names that begin with `slow` after 50 ms, others at once. */
const slow: Plugin = definePlugin({
  name: "slow",
  directive: {},
  setup: () => ({
    answer(query) {
      const answer = reply(query, RCODE.NOERROR, FLAG.AA, {
        answer: [record(query.rawName, TYPE.A, 1, rdata.a("192.0.2.1"))],
      });
      return query.name.startsWith("\x04slow") ? sleep(50, answer) : answer;
    },
  }),
});

const question = (id: number, name: string): Buffer => {
  const { bytes } = encodeMessage({
    id,
    flags: FLAG.RD,
    question: { name: nameOf(name), type: TYPE.A, class: 1 },
    answer: [],
    authority: [],
    additional: [],
  });
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

async function* ids(socket: Socket): AsyncGenerator<number> {
  let input = Buffer.alloc(0);
  for await (const chunk of socket) {
    input = Buffer.concat([input, chunk as Buffer]);
    while (input.length >= 2 && input.length >= 2 + input.readUInt16BE()) {
      const end = 2 + input.readUInt16BE();
      const message = decodeMessage(input.subarray(2, end));
      yield message.error === undefined ? message.id : -1;
      input = input.subarray(end);
    }
  }
}

const collect = async (socket: Socket): Promise<number[]> => {
  const out: number[] = [];
  for await (const id of ids(socket)) out.push(id);
  return out;
};

async function withServer(t: { teardown(fn: () => unknown): void }): Promise<number> {
  const server = createServer({ corefile: ".:0 {\n bind 127.0.0.1\n slow\n}", plugins: [slow] });
  t.teardown(() => server.close());
  return (await server.listen())[0]!.port;
}

t.test("answers come in the order of the questions, a slow one holds up those behind it", async (t) => {
  const socket = connect(await withServer(t), "127.0.0.1");
  socket.end(
    Buffer.concat([
      question(1, "slow.test"),
      question(2, "fast.test"),
      question(3, "slow.test"),
      question(4, "fast.test"),
    ]),
  );
  t.same(
    await collect(socket),
    [1, 2, 3, 4],
    "a client that closed its side gets all its answers, then the end",
  );
});

t.test("messages in pieces, and several in one", async (t) => {
  const socket = connect(await withServer(t), "127.0.0.1");
  const bytes = Buffer.concat([question(1, "a.test"), question(2, "b.test"), question(3, "c.test")]);
  for (let at = 0; at < bytes.length; at += 7) {
    socket.write(bytes.subarray(at, at + 7));
    await sleep(1);
  }
  socket.end();
  t.same(await collect(socket), [1, 2, 3]);
});

t.test("lengths of 0 and below a header are passed over", async (t) => {
  const socket = connect(await withServer(t), "127.0.0.1");
  socket.end(Buffer.concat([Buffer.from([0, 0]), Buffer.from([0, 3, 1, 2, 3]), question(7, "a.test")]));
  t.same(await collect(socket), [7]);
});

t.test("thousands of questions on one connection, read slowly", async (t) => {
  const socket = connect(await withServer(t), "127.0.0.1");
  const count = 5000;
  socket.end(Buffer.concat(Array.from({ length: count }, (_, i) => question(i, `n${i}.test`))));
  socket.pause();
  await sleep(100);
  t.same(
    await collect(socket),
    Array.from({ length: count }, (_, i) => i),
  );
});

t.test("a connection that sends nothing is closed after 3 seconds", async (t) => {
  const socket = connect(await withServer(t), "127.0.0.1");
  const begin = performance.now();
  t.same(await collect(socket), []);
  const seconds = (performance.now() - begin) / 1000;
  t.ok(seconds > 2.5 && seconds < 4.5, `closed after ${seconds.toFixed(1)} s`);
});
