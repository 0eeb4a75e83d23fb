/** Everybody against everybody: the stages of every class, evaluated over sets of classes as bits. */
import { bits, bitsWhere, fullBits, hasBit, isEmpty, transpose, union } from "../select/bitset.ts";
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

  /** The stages of a subject, and what a row depends on besides them: own ports (named in a rule), the node (host peers). */
  const about = new Map<readonly Stage[], { id: number; named: boolean; host: boolean }>();
  function aboutStages(stages: readonly Stage[]) {
    let known = about.get(stages);
    if (known === undefined) {
      const rules = stages.flatMap((s) => s.rules);
      const host = rules.some((r) => peersOf(r)?.local !== undefined);
      about.set(stages, (known = { id: about.size, named: rules.some(hasNamedPorts), host }));
    }
    return known;
  }

  interface Kind {
    readonly key: string;
    readonly stages: readonly Stage[];
  }
  const kinds: Record<Direction, (Kind | undefined)[]> = { ingress: [], egress: [] };
  /** Subjects of the same kind have the same row. */
  function kindOf(direction: Direction, index: number): Kind {
    let kind = kinds[direction][index];
    if (kind === undefined) {
      const subject = members[index] as Endpoint;
      const stages = judge.stages(subject, direction);
      const { id, named, host } = aboutStages(stages);
      const ports =
        named && direction === "ingress"
          ? subject.ports.map((p) => `${p.name}/${p.containerPort}/${p.protocol}`).join()
          : "";
      kinds[direction][index] = kind = { key: `${id} ${host ? subject.node : ""} ${ports}`, stages };
    }
    return kind;
  }

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

    function row(direction: Direction, index: number, stages: readonly Stage[]): Row {
      const subject = members[index] as Endpoint;
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

    const rows: Record<Direction, Map<string, Row>> = { ingress: new Map(), egress: new Map() };
    function rowOf(direction: Direction, index: number): Row {
      const { key, stages } = kindOf(direction, index);
      let known = rows[direction].get(key);
      if (known === undefined) rows[direction].set(key, (known = row(direction, index, stages)));
      return known;
    }

    /** For each class, the classes that let it in. */
    let letIn: readonly Bits[] | undefined;

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
        letIn ??= transpose(
          members.map((_, to) => rowOf("ingress", to).open),
          size,
        );
        const out = Uint32Array.from(rowOf("egress", from).open);
        const entered = letIn[from] as Bits;
        for (let w = 0; w < out.length; w++) out[w] = (out[w] as number) & (entered[w] as number);
        return out;
      },
    };
  }

  return { endpoints, classes, port };
}
