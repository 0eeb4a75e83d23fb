import t from "tap";
import { QUERY_TIME } from "../../../src/capabilities.ts";
import { definePlugin } from "../../../src/plugin.ts";
import { serveWorld } from "../../support/world.ts";

t.test("plugins that wait are told how long", async (t) => {
  let found: readonly number[] = [];
  const waiting = definePlugin({
    name: "waiting",
    before: ["world"],
    directive: {},
    setup: (_options, context) => ({ start: () => void (found = context.find(QUERY_TIME)) }),
  });
  for (const [line, milliseconds] of [
    ["cancel", [5001]],
    ["cancel 1500ms", [1500]],
    ["", []],
  ] as const) {
    await serveWorld(t, `. {\n${line}\nwaiting\nworld\n}`, { plugins: [waiting] });
    t.same(found, milliseconds, line);
  }
});
