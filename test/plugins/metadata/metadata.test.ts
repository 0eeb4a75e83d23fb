import t from "tap";
import { definePlugin } from "../../../src/plugin.ts";
import { serveWorld } from "../../support/world.ts";

const WORLD = { "www.example.com": ["192.0.2.1"], "www.example.org": ["192.0.2.2"] };

t.test("labels are known in the zones of the plugin, and nowhere else", async (t) => {
  let asked = 0;
  const knowing = definePlugin({
    name: "knowing",
    before: ["world"],
    directive: {},
    setup: () => ({
      metadata(query, label) {
        asked++;
        return label === "knowing/client" ? query.peer.address : undefined;
      },
    }),
  });
  const block = (metadata: string): string =>
    `. {\n${metadata}\nlog . "{/knowing/client} {/knowing/nothing}"\nknowing\nworld\n}`;
  for (const [metadata, com, org] of [
    ["metadata example.com", "10.0.0.1 -", "- -"],
    ["metadata", "10.0.0.1 -", "10.0.0.1 -"],
    ["", "- -", "- -"],
  ] as const) {
    asked = 0;
    const { ask, log } = await serveWorld(t, block(metadata), { world: WORLD, plugins: [knowing] });
    await ask("www.example.com A", "10.0.0.1");
    await ask("www.example.org A", "10.0.0.1");
    t.same(log.slice(-2), [com, org], metadata);
  }
  t.equal(asked, 0, "nobody is asked where there is no metadata");
});
