/** Everybody against everybody: the stages of every class, evaluated over sets of classes as bits. */
import { bits, bitsWhere, fullBits, hasBit, isEmpty, union } from "../select/bitset.ts";
import type { Bits } from "../select/bitset.ts";
import { classify } from "./classes.ts";
import type { Classes } from "./classes.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Judge } from "./judge.ts";
import { hasNamedPorts, portsMatch } from "./rule.ts";
import type { Action, Direction, PeerTest, Probe, Rule, Stage } from "./rule.ts";

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

/** Classes that a peer test selects: `bits` when hosts are somebody else's, `local` when they are the subject's own. */
interface Selected {
  readonly bits: Bits;
  readonly local: Bits | undefined;
}

interface Row {
  /** Allowed or redirected. */
  readonly open: Bits;
  readonly redirect: Bits | undefined;
}

export function createMatrix(judge: Judge, endpoints: readonly Endpoint[]): Matrix {
  const classes = classify(endpoints, judge.layers);
  const { members } = classes;
  const size = members.length;
  const everybody = fullBits(size);
  const hostsOf = new Map<string, Bits>();
  for (const { onHost, node } of members) {
    if (onHost && !hostsOf.has(node)) {
      hostsOf.set(
        node,
        bitsWhere(size, (i) => (members[i] as Endpoint).onHost && (members[i] as Endpoint).node === node),
      );
    }
  }

  const tests = new Map<string, Selected>();
  function selected(test: PeerTest): Selected {
    let known = tests.get(test.key);
    if (known === undefined) {
      const remote = bitsWhere(size, (i) => test.test(members[i] as Endpoint, false));
      const local =
        hostsOf.size === 0 ? undefined : bitsWhere(size, (i) => test.test(members[i] as Endpoint, true));
      const differs = local !== undefined && local.some((w, i) => w !== remote[i]);
      tests.set(test.key, (known = { bits: remote, local: differs ? local : undefined }));
    }
    return known;
  }

  const rulePeers = new Map<Rule, Selected | null>();
  function peersOf(rule: Rule): Selected | null {
    let known = rulePeers.get(rule);
    if (known === undefined) {
      if (rule.peers === undefined) known = null;
      else {
        const all = rule.peers.map(selected);
        const merged = bits(size);
        for (const s of all) union(merged, s.bits);
        let local: Bits | undefined;
        if (all.some((s) => s.local !== undefined)) {
          local = bits(size);
          for (const s of all) union(local, s.local ?? s.bits);
        }
        known = { bits: merged, local };
      }
      rulePeers.set(rule, known);
    }
    return known;
  }

  /** Adds to `into` whom the rule's peers take in `among`, seen from a subject on this node. */
  function takePeers(rule: Rule, among: Bits, node: string, into: Bits): void {
    const peers = peersOf(rule);
    const own = peers?.local === undefined || node === "" ? undefined : hostsOf.get(node);
    for (let w = 0; w < into.length; w++) {
      let word = peers === null ? 0xffffffff : (peers.bits[w] as number);
      if (own !== undefined)
        word = (word & ~(own[w] as number)) | ((peers?.local?.[w] as number) & (own[w] as number));
      into[w] = word & (among[w] as number);
    }
  }

  const stageCache: Record<Direction, (readonly Stage[] | undefined)[]> = { ingress: [], egress: [] };
  const stagesOf = (direction: Direction, subject: number): readonly Stage[] =>
    (stageCache[direction][subject] ??= judge.stages(members[subject] as Endpoint, direction));

  function port(probe: Probe): PortMatrix {
    const named = new Map<Rule, Bits>();
    const hit = bits(size);

    /** The peers that the rule takes among those still undecided, into `hit`; false when its ports do not match. */
    function match(rule: Rule, direction: Direction, subject: Endpoint, undecided: Bits): boolean {
      const byPeer = direction === "egress" && hasNamedPorts(rule);
      if (!byPeer && !portsMatch(rule, probe, direction === "ingress" ? judge.portsOf.ingress(subject) : []))
        return false;
      takePeers(rule, undecided, subject.node, hit);
      if (byPeer) {
        let takes = named.get(rule);
        if (takes === undefined) {
          takes = bitsWhere(size, (i) =>
            portsMatch(rule, probe, judge.portsOf.egress(members[i] as Endpoint)),
          );
          named.set(rule, takes);
        }
        for (let w = 0; w < hit.length; w++) hit[w] = (hit[w] as number) & (takes[w] as number);
      }
      return true;
    }

    function row(direction: Direction, index: number): Row {
      const subject = members[index] as Endpoint;
      const stages = stagesOf(direction, index);
      if (stages.length === 0) return { open: everybody, redirect: undefined };
      const open = bits(size);
      let redirect: Bits | undefined;
      let undecided: Bits = Uint32Array.from(everybody);
      for (const stage of stages) {
        const passed = bits(size);
        for (const rule of stage.rules) {
          if (!match(rule, direction, subject, undecided)) continue;
          if (rule.action === "allow" || rule.action === "redirect") union(open, hit);
          if (rule.action === "redirect") union((redirect ??= bits(size)), hit);
          if (rule.action === "pass") union(passed, hit);
          for (let w = 0; w < hit.length; w++) undecided[w] = (undecided[w] as number) & ~(hit[w] as number);
        }
        if (stage.otherwise === "allow") union(open, undecided);
        if (stage.otherwise === "next") union(passed, undecided);
        undecided = passed;
        if (isEmpty(undecided)) break;
      }
      union(open, undecided);
      return { open, redirect };
    }

    const rows: Record<Direction, (Row | undefined)[]> = { ingress: [], egress: [] };
    const rowOf = (direction: Direction, index: number): Row =>
      (rows[direction][index] ??= row(direction, index));

    function side(direction: Direction, from: number, to: number): Action {
      const [subject, peer] = direction === "ingress" ? [to, from] : [from, to];
      const { open, redirect } = rowOf(direction, subject);
      if (!hasBit(open, peer)) return "deny";
      return redirect !== undefined && hasBit(redirect, peer) ? "redirect" : "allow";
    }

    return {
      probe,
      side,
      verdict: (from, to) => {
        const egress = side("egress", from, to);
        const ingress = egress === "deny" ? "deny" : side("ingress", from, to);
        if (ingress === "deny") return "deny";
        return ingress === "redirect" || egress === "redirect" ? "redirect" : "allow";
      },
      reaches: (from) => {
        const out = Uint32Array.from(rowOf("egress", from).open);
        for (let to = 0; to < size; to++) {
          if (hasBit(out, to) && !hasBit(rowOf("ingress", to).open, from)) {
            out[to >>> 5] = (out[to >>> 5] as number) & ~(1 << (to & 31));
          }
        }
        return out;
      },
    };
  }

  return { endpoints, classes, port };
}
