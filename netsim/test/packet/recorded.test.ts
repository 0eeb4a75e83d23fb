/** Sizes, fragments, losses and path MTUs, as real kernels had them: every record, every try. See data/README.md. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { createMemory, type Journey } from "../../src/packet/journey.ts";
import type { Path } from "../../src/packet/path.ts";
import { createSender, type Discovery, type Try } from "../../src/packet/sender.ts";
import { transfer } from "../../src/packet/tcp.ts";
import { overheadOf } from "../../src/packet/tunnel.ts";
import { DATA, labPath, lines, outer, type Lab } from "./support.ts";

interface Line {
  readonly underlayMtu: number;
  readonly middleLinkMtu: number;
  readonly underlayFamily: 4 | 6;
  readonly vxlanDefaultMtu: number;
  readonly vxlanMtu: number;
  readonly podMtu: number;
  readonly innerFamily?: 4 | 6;
  readonly udp: readonly {
    readonly df: Discovery;
    readonly size: number;
    readonly tries: readonly string[];
    readonly pathMtu: number;
  }[];
  readonly tcp: { readonly mssAtConnect: number; readonly mssAfter: number; readonly received: string };
  readonly outerSeen: readonly {
    readonly innerLen: number;
    readonly outerLen: number;
    readonly outerDf: boolean | null;
    readonly moreFragments: boolean;
    readonly udpChecksum: boolean;
    readonly count: number;
  }[];
  readonly outerLaterFragments: Readonly<Record<string, number>>;
}

/** A packet on the wire at node B's card: outer length, flags, and the inner packet it begins with. */
interface Wired {
  readonly octets: number;
  readonly df: boolean;
  readonly more: boolean;
  readonly offset: number;
  readonly inner: number;
}

const cardOfB = (path: Path): number => path.links.findIndex((l) => l.node === "b" && l.kind === "card");

const on = (link: number, journey: Journey | undefined): Wired[] =>
  (journey?.sightings ?? [])
    .filter((s) => s.link === link)
    .map(({ frame }) => ({
      octets: frame.octets,
      df: frame.df,
      more: frame.part?.more ?? false,
      offset: frame.part?.offset ?? 0,
      inner: (frame.part?.of ?? frame).inside?.frame.octets ?? frame.octets,
    }));

/** The second fragment of an outer packet around a full TCP segment, which fills the path MTU. */
const restOfFull = (pathMtu: number, overhead: number, middle: number): number =>
  pathMtu + overhead - 20 - Math.floor((middle - 20) / 8) * 8 + 20;

const recorded = process.env["NETSIM_RECORDED"];
const more = recorded === undefined ? undefined : join(recorded, "encap", "vxlan-mtu.jsonl");
const sources = [join(DATA, "vxlan-mtu.jsonl"), ...(more !== undefined && existsSync(more) ? [more] : [])];

for (const source of sources) {
  for (const [n, line] of lines<Line>(source).entries()) {
    const { underlayMtu, middleLinkMtu, underlayFamily, vxlanMtu, podMtu } = line;
    t.test(
      `line ${n + 1}: ${underlayMtu}/${middleLinkMtu} IPv${underlayFamily} vxlan ${vxlanMtu} pod ${podMtu}`,
      (t) => {
        const innerFamily = line.innerFamily ?? 4;
        const path = labPath({ ...line, innerFamily, style: "bridged" });
        const overhead = overheadOf({ kind: "vxlan", ...outer(underlayFamily) });
        t.equal(underlayMtu - overhead, line.vxlanDefaultMtu, "the MTU that the kernel gave the device");

        const sender = createSender(path);
        const sent: Wired[] = [];
        for (const { df, size, tries, pathMtu } of line.udp) {
          let last: Try | undefined;
          const had = tries.map(() => {
            last = sender.send(size, df);
            sent.push(...on(cardOfB(path), last.journey));
            return last.outcome === "delivered" ? `delivered ${size}` : last.outcome;
          });
          t.same(had, tries, `${df} ${size}: the tries`);
          t.equal(last?.pathMtu, pathMtu, `${df} ${size}: the path MTU afterwards`);
        }

        // The capture of one line was ended early: it has the first packets only, in the order that they were sent.
        const firsts = sent.filter((w) => w.offset === 0);
        const total = line.outerSeen.reduce((sum, o) => sum + o.count, 0);
        const seen = new Map<string, number>();
        for (const w of firsts.slice(0, total)) {
          const df = underlayFamily === 4 ? w.df : null;
          const key = JSON.stringify([w.inner, w.octets, df, w.more]);
          seen.set(key, (seen.get(key) ?? 0) + 1);
        }
        t.same(
          [...seen].sort(),
          line.outerSeen
            .map((o) => [JSON.stringify([o.innerLen, o.outerLen, o.outerDf, o.moreFragments]), o.count])
            .sort(),
          "every outer packet at node B: lengths, DF, fragments, how many",
        );

        const later = new Map<number, number>();
        for (const w of sent.filter((w) => w.offset > 0)) later.set(w.octets, (later.get(w.octets) ?? 0) + 1);
        t.same([...later.keys()].sort(), Object.keys(line.outerLaterFragments).map(Number).sort());
        for (const [octets, count] of later) {
          const had = line.outerLaterFragments[octets] ?? 0;
          // A later fragment does not say what it is of: those of full TCP segments are counted there too.
          if (octets === restOfFull(sender.pathMtu(), overhead, middleLinkMtu))
            t.ok(had >= count, `${count} later fragments of ${octets} octets`);
          else t.equal(had, count, `later fragments of ${octets} octets`);
        }

        const tcp = transfer(path, Number(line.tcp.received), sender);
        t.equal(tcp.mssAtConnect, line.tcp.mssAtConnect, "TCP: MSS at connect");
        t.equal(tcp.mssAfter, line.tcp.mssAfter, "TCP: MSS after the transfer");
        t.equal(tcp.received, Number(line.tcp.received), "TCP: octets received");
        t.end();
      },
    );
  }
}

interface Case extends Omit<Lab, "df" | "from"> {
  readonly brNetfilter: 0 | 1 | null;
  readonly from: "pa" | "na";
  readonly df: "unset" | "set" | "inherit";
  readonly tcpFirst?: { readonly mssAtConnect: number; readonly mssAfter: number; readonly received: number };
  readonly steps: readonly {
    readonly df: Discovery;
    readonly size: number;
    readonly tries: readonly string[];
    readonly pathMtu: number;
    readonly outer: readonly (readonly (readonly (number | string)[])[])[];
    readonly arrives: readonly (readonly (readonly (number | string)[])[])[];
  }[];
}

const nameOf = (lab: Omit<Case, "steps">): string =>
  `${lab.style} IPv${lab.innerFamily} over IPv${lab.underlayFamily}, ${lab.underlayMtu}/${lab.middleLinkMtu}, vxlan ${lab.vxlanMtu} df ${lab.df}, pods ${lab.podMtu}/${lab.podMtuB}, from ${lab.from}, br_netfilter ${lab.brNetfilter}`;

const written = ({ octets, df, more, offset }: Omit<Wired, "inner">): (number | string)[] => [
  octets,
  ...(df ? ["DF"] : []),
  ...(more ? ["MF"] : []),
  ...(offset > 0 ? [offset] : []),
];

for (const [n, lab] of lines<Case>(join(DATA, "laboratory.jsonl")).entries()) {
  t.test(`case ${n + 1}: ${nameOf(lab)}`, (t) => {
    const path = labPath(lab);
    const memory = createMemory();
    const sender = createSender(path, { bridgeNetfilter: lab.brNetfilter === 1 }, memory);
    if (lab.tcpFirst !== undefined)
      t.match(transfer(path, lab.tcpFirst.received, sender), lab.tcpFirst, "TCP on a fresh path");
    for (const step of lab.steps) {
      const tries = step.tries.map(() => sender.send(step.size, step.df));
      const about = `${step.df} ${step.size}`;
      t.same(
        tries.map((x) => x.outcome),
        step.tries,
        `${about}: the tries`,
      );
      t.equal(tries.at(-1)?.pathMtu, step.pathMtu, `${about}: the path MTU afterwards`);
      t.same(
        tries.map((x) => on(cardOfB(path), x.journey).map(written)),
        step.outer,
        `${about}: the packets at node B's card`,
      );
      t.same(
        tries.map((x) => on(path.links.length - 1, x.journey).map(written)),
        step.arrives,
        `${about}: the packets at the pod`,
      );
    }
    t.end();
  });
}

interface Series extends Omit<Case, "steps" | "tcpFirst"> {
  readonly steps: readonly Omit<Case["steps"][number], "outer" | "arrives">[];
  readonly outer: readonly (readonly (number | string)[])[];
  readonly arrives: readonly (readonly (number | string)[])[];
}

for (const [n, lab] of lines<Series>(join(DATA, "sizes.jsonl")).entries())
  t.test(`series ${n + 1}: ${nameOf(lab)}`, (t) => {
    const path = labPath(lab);
    const sender = createSender(path, { bridgeNetfilter: lab.brNetfilter === 1 });
    const outer: (number | string)[][] = [];
    const arrives: (number | string)[][] = [];
    const had = lab.steps.map(({ df, size, tries }) => ({
      df,
      size,
      tries: tries.map(() => {
        const { outcome, journey } = sender.send(size, df);
        outer.push(...on(cardOfB(path), journey).map(written));
        arrives.push(...on(path.links.length - 1, journey).map(written));
        return outcome;
      }),
      pathMtu: sender.pathMtu(),
    }));
    t.same(had, lab.steps, "every try of every size, and the path MTU after it");
    t.same(outer, lab.outer, "the packets at node B's card, in order");
    t.same(arrives, lab.arrives, "the packets at the pod, in order");
    t.end();
  });
