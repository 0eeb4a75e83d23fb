/** What becomes of a query when its packet's buffer is used again. */
import t from "tap";
import { nameOf } from "../../src/dns/name.ts";
import { parseQuery } from "../../src/dns/parse.ts";
import { Query, type Peer } from "../../src/dns/query.ts";

const packet = (id: number): Buffer =>
  Buffer.concat([
    Buffer.from([0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    Buffer.from(nameOf("a.example"), "latin1"),
    Buffer.from([0, 1, 0, 1]),
  ]);

/** A sender whose address is read from a place that is written anew, as the native socket's is. */
function sender(place: { address: string }): Peer {
  const peer = { protocol: "udp", family: 4, port: 1, localAddress: "", localPort: 53 } as const;
  return {
    ...peer,
    get address() {
      return place.address;
    },
    keep() {
      const { address } = place;
      const kept: Peer = { ...peer, address, keep: () => kept };
      return kept;
    },
  };
}

t.test("queries made from one before it was kept know their client afterwards", (t) => {
  const place = { address: "192.0.2.1" };
  const buffer = packet(1);
  const query = new Query();
  query.peer = sender(place);
  parseQuery(query, buffer, 0, buffer.length);
  const derived = query.with({ name: nameOf("b.example") });
  const further = derived.with({ type: 28 });
  query.keep();
  place.address = "192.0.2.2";
  for (const one of [query, derived, further]) t.equal(one.peer.address, "192.0.2.1");
  t.end();
});

t.test("a client that a plugin puts in place stays with what is made from there", (t) => {
  const query = new Query();
  query.peer = sender({ address: "192.0.2.1" });
  const derived = query.with({});
  derived.peer = sender({ address: "192.0.2.9" });
  t.equal(derived.with({ type: 28 }).peer.address, "192.0.2.9");
  t.equal(query.with({}).peer.address, "192.0.2.1");
  t.end();
});
