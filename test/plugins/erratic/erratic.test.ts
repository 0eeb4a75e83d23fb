import t from "tap";
import { serveWorld } from "../../support/world.ts";

const QUERY = Buffer.from("000101000001000000000000017801790000010001", "hex");

/** For each of the first queries: dropped, truncated, or answered. */
async function outcomes(t: Parameters<typeof serveWorld>[0], options: string, count = 6): Promise<string> {
  const { server } = await serveWorld(t, `. {\nerratic${options}\n}`, {});
  let seen = "";
  for (let i = 0; i < count; i++) {
    const reply = await server.exchange(QUERY);
    seen += reply === undefined ? "-" : (reply[2]! & 2) !== 0 ? "T" : "A";
  }
  return seen;
}

t.test("faults by the query's number", async (t) => {
  t.equal(await outcomes(t, ""), "-A-A-A");
  t.equal(await outcomes(t, " {\ndrop 3\n}"), "-AA-AA");
  t.equal(await outcomes(t, " {\ndrop 0\n}"), "AAAAAA");
  t.equal(await outcomes(t, " {\ntruncate\n}"), "TTAATT");
  t.equal(await outcomes(t, " {\ntruncate 1\n}"), "TATATA");
  t.equal(await outcomes(t, " {\ndelay 2 1ms\n}"), "AAAAAA");
  t.equal(await outcomes(t, " {\ndrop\ndelay 2 1ms\n}"), "AAAAAA", "a drop without a number changes nothing");
  t.equal(await outcomes(t, " {\ndrop 2\ndelay 2 1ms\n}"), "-A-A-A");
});

t.test("answers that come late come", async (t) => {
  const { ask } = await serveWorld(t, ". {\nerratic {\ndelay 1 30ms\n}\n}", {});
  const begin = performance.now();
  t.equal(await ask("x.y A"), "A 192.0.2.53/0");
  t.ok(performance.now() - begin >= 29);
});
