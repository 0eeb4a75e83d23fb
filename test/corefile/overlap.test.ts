import t from "tap";
import { findOverlap, parseCorefile, type ServedBlock } from "../../src/corefile/index.ts";

/** What is wrong with blocks of `KEYS [@ADDRESSES] [view]`. */
function overlap(...lines: string[]): string | undefined {
  const served = lines.map((line): ServedBlock => {
    const [keys, addresses = ""] = line.replace("view", "").split("@");
    const corefile = parseCorefile({ text: `${keys!} {\n}\n`, file: "Corefile", directives: new Set() });
    if (corefile.error !== undefined) throw new Error(corefile.error.message);
    return {
      block: corefile.blocks[0]!,
      addresses: addresses.trim().split(/ +/),
      view: line.includes("view"),
    };
  });
  return findOverlap(served)?.message;
}

t.test("zones that are served twice", (t) => {
  const twice = /cannot serve dns:\/\/a\.:53 - it is already defined/;
  t.match(overlap("a", "a"), twice);
  t.match(overlap("a a."), twice, "in one block");
  t.match(overlap("a dns://A:53"), twice, "by another spelling");
  t.match(overlap("a @1.1.1.1", "a @1.1.1.1"), /dns:\/\/a\.:53 on 1\.1\.1\.1 - it is already defined/);
  t.equal(overlap("a", "b.a"), undefined, "a zone and its child");
  t.equal(overlap("a", "tls://a:53"), undefined, "another transport");
  t.equal(overlap("a", "a:54"), undefined, "another port");
  t.equal(overlap("a @1.1.1.1", "a @1.1.1.2"), undefined, "other addresses");
  t.end();
});

t.test("all addresses and one of them", (t) => {
  t.match(
    overlap("a @1.1.1.1", "a"),
    /cannot serve dns:\/\/a\.:53 - zone overlap listener capacity with dns:\/\/a\.:53 on 1\.1\.1\.1/,
  );
  t.match(
    overlap("a", "a @1.1.1.1"),
    /cannot serve dns:\/\/a\.:53 on 1\.1\.1\.1 - zone overlap listener capacity with dns:\/\/a\.:53:/,
  );
  t.end();
});

t.test("views", (t) => {
  t.equal(overlap("a view", "a view", "a"), undefined, "any number of them, and one without");
  t.match(overlap("a view", "a", "a"), /already defined/);
  t.match(overlap("a @1.1.1.1", "a view"), /zone overlap/, "which must listen on the same addresses");
  t.equal(overlap("a @1.1.1.1", "a @1.1.1.1 view"), undefined);
  t.end();
});
