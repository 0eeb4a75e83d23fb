import t from "tap";
import { serveZones, zoneText } from "../../support/zone-server.ts";

t.test("relative names of files begin there, the last line counts", async (t) => {
  const { text } = await serveZones(t, "example.org {\nroot /nowhere\nroot DIR/zones\nfile db\n}", {
    "zones/db": `${zoneText(1)}$INCLUDE more/www\n`,
    "zones/more/www": "www A 192.0.2.1\n",
  });
  t.equal(await text("www.example.org. A"), "www.example.org. 300 IN A 192.0.2.1");
});

t.test("a folder that is not there is only warned of", async (t) => {
  const { log } = await serveZones(t, "example.org {\nroot DIR/none\nwhoami\n}", {});
  t.same(log, ["[warning] plugin/root: Root path does not exist: DIR/none"]);
});
