import t from "tap";
import { createSocketlessServer } from "../../../src/api/create-server.ts";
import { definePlugin } from "../../../src/plugin.ts";
import { serveWorld } from "../../support/world.ts";

const QUERY = Buffer.from("000101000001000000000000017801790000010001", "hex");
const broken = definePlugin({
  name: "broken",
  before: ["whoami"],
  directive: {},
  setup: () => ({
    answer() {
      throw new Error("broken for good");
    },
  }),
});

t.test("plugins say more", async (t) => {
  for (const [line, lines] of [
    ["debug", 1],
    ["", 0],
  ] as const) {
    const { ask, log } = await serveWorld(t, `. {\n${line}\nlocal\nworld\n}`, {});
    await ask("www.localhost A", "127.0.0.1");
    t.equal(log.filter((one) => one.includes("Intercepting localhost query")).length, lines, line);
  }
});

t.test("an exception ends the process, and else is an error", async (t) => {
  for (const line of ["debug", ""]) {
    const fatal: string[] = [];
    const log: string[] = [];
    const server = createSocketlessServer({
      corefile: `. {\n${line}\nbroken\n}`,
      plugins: [broken],
      onFatal: (text) => fatal.push(text),
      log: (level, text) => log.push(`${level} ${text}`),
    });
    t.teardown(() => server.close());
    await server.listen();
    const reply = await server.exchange(QUERY);
    t.equal(reply![3]! & 15, 2, "SERVFAIL");
    t.match(fatal, line === "" ? [] : [/broken for good/]);
    if (line === "")
      t.match(log.at(-1), /^error Recovered from panic in server: "dns:\/\/:53" .*broken for good/);
  }
});
