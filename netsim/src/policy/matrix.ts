/** Everybody against everybody: the stages of every class, evaluated over sets of classes as bits. */
import { bits, bitsWhere, fullBits, hasBit, isEmpty, transpose, union } from "../select/bitset.ts";
import type { Bits } from "../select/bitset.ts";
import { classify } from "./classes.ts";
import type { Classes } from "./classes.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Judge } from "./judge.ts";
import { portsMatch } from "./rule.ts";
import type { Action, Direction, Probe, Rule } from "./rule.ts";
import { createSelections } from "./selections.ts";
import type { Prepared, PreparedRule } from "./selections.ts";

/** The verdicts for one port. Classes, not endpoints: see `Matrix`. */
export interface PortMatrix {
  readonly probe: Probe;
  /** What the end itself says of a connection from class `from` to class `to`. */
  side(direction: Direction, from: number, to: number): Action;
  verdict(from: number, to: number): Action;
  /** Classes that `from` reaches (redirects among them), as bits. */
  reaches(from: number): Bits;
}

export interface Matrix {
  readonly endpoints: readonly Endpoint[];
  readonly classes: Classes;
  port(probe: Probe): PortMatrix;
}

interface Row {
  /** Allowed or redirected. */
  readonly open: Bits;
  readonly redirect: Bits | undefined;
}

/** Subjects of the same kind have the same rows. */
interface Kind {
  readonly id: number;
  readonly subject: Endpoint;
  readonly prepared: Prepared;
}

export function createMatrix(judge: Judge, endpoints: readonly Endpoint[]): Matrix {
  const classes = classify(endpoints, judge.layers);
  const { members } = classes;
  const size = members.length;
  const everybody = fullBits(size);
  const selections = createSelections(members);

  const kinds: Record<Direction, (Kind | undefined)[]> = { ingress: [], egress: [] };
  const kindIds = new Map<string, Kind>();
  /** Besides its stages a row depends on the subject's own ports, where a rule names some, and on its node, where hosts are peers. */
  function kindOf(direction: Direction, index: number): Kind {
    let kind = kinds[direction][index];
    if (kind === undefined) {
      const subject = members[index] as Endpoint;
      const prepared = selections.prepare(judge.stages(subject, direction));
      const own = prepared.named && direction === "ingress";
      const ports = own ? subject.ports.map((p) => `${p.name}/${p.containerPort}/${p.protocol}`).join() : "";
      const key = `${direction} ${prepared.id} ${prepared.host ? subject.node : ""} ${ports}`;
      kind = kindIds.get(key);
      if (kind === undefined) kindIds.set(key, (kind = { id: kindIds.size, subject, prepared }));
      kinds[direction][index] = kind;
    }
    return kind;
  }

  function port(probe: Probe): PortMatrix {
    const named = new Map<Rule, Bits>();
    const hit = bits(size);
    // Working sets, used again for every row: a matrix has too many rows to leave each one's to the collector.
    let undecided = bits(size);
    let passed = bits(size);

    /** Destinations whose named ports the rule takes. */
    function takers(rule: Rule): Bits {
      let known = named.get(rule);
      if (known === undefined) {
        known = bitsWhere(size, (i) => portsMatch(rule, probe, judge.portsOf.egress(members[i] as Endpoint)));
        named.set(rule, known);
      }
      return known;
    }

    /** The peers that the rule takes among those still undecided, into `hit`; false when its ports do not match. */
    function match(
      { rule, peers, named: byName }: PreparedRule,
      direction: Direction,
      subject: Endpoint,
    ): boolean {
      const byPeer = byName && direction === "egress";
      if (!byPeer && !portsMatch(rule, probe, subject.ports)) return false;
      if (peers === undefined) hit.set(undecided);
      else {
        const { bits: set, local } = peers;
        const own = local === undefined ? undefined : selections.hosts(subject.node);
        for (let w = 0; w < hit.length; w++) {
          let word = set[w] as number;
          if (own !== undefined)
            word = (word & ~(own[w] as number)) | ((local?.[w] as number) & (own[w] as number));
          hit[w] = word & (undecided[w] as number);
        }
      }
      if (byPeer) {
        const taking = takers(rule);
        for (let w = 0; w < hit.length; w++) hit[w] = (hit[w] as number) & (taking[w] as number);
      }
      return true;
    }

    function row(direction: Direction, { subject, prepared }: Kind): Row {
      if (prepared.stages.length === 0) return { open: everybody, redirect: undefined };
      const open = bits(size);
      let redirect: Bits | undefined;
      undecided.set(everybody);
      for (const { rules, otherwise } of prepared.stages) {
        passed.fill(0);
        for (const candidate of rules) {
          if (!match(candidate, direction, subject)) continue;
          const { action } = candidate.rule;
          if (action === "allow" || action === "redirect") union(open, hit);
          if (action === "redirect") union((redirect ??= bits(size)), hit);
          if (action === "pass") union(passed, hit);
          for (let w = 0; w < hit.length; w++) undecided[w] = (undecided[w] as number) & ~(hit[w] as number);
        }
        if (otherwise === "allow") union(open, undecided);
        if (otherwise === "next") union(passed, undecided);
        [undecided, passed] = [passed, undecided];
        if (isEmpty(undecided)) break;
      }
      union(open, undecided);
      return { open, redirect };
    }

    const rows: (Row | undefined)[] = [];
    function rowOf(direction: Direction, index: number): Row {
      const kind = kindOf(direction, index);
      return (rows[kind.id] ??= row(direction, kind));
    }

    function side(direction: Direction, from: number, to: number): Action {
      const [subject, peer] = direction === "ingress" ? [to, from] : [from, to];
      const { open, redirect } = rowOf(direction, subject);
      if (!hasBit(open, peer)) return "deny";
      return redirect !== undefined && hasBit(redirect, peer) ? "redirect" : "allow";
    }

    function verdict(from: number, to: number): Action {
      const egress = side("egress", from, to);
      const ingress = egress === "deny" ? "deny" : side("ingress", from, to);
      if (ingress === "deny") return "deny";
      return ingress === "redirect" || egress === "redirect" ? "redirect" : "allow";
    }

    /** For each class, the classes that let it in. */
    let letIn: readonly Bits[] | undefined;

    function reaches(from: number): Bits {
      if (letIn === undefined) {
        const ingress = members.map((_, to) => rowOf("ingress", to).open);
        letIn = transpose(ingress, size);
      }
      const out = rowOf("egress", from).open.slice();
      const entered = letIn[from] as Bits;
      for (let w = 0; w < out.length; w++) out[w] = (out[w] as number) & (entered[w] as number);
      return out;
    }

    return { probe, side, verdict, reaches };
  }

  return { endpoints, classes, port };
}
