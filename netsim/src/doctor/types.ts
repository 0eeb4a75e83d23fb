/** What the doctor says: findings, each with its evidence and with what to change. */
import type { Context } from "./context.ts";

/** `error`: something does not work. `warning`: it will not, or not always. `note`: it works, and costs. */
export const SEVERITIES = ["error", "warning", "note"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Where something is written; null where it is in no file. */
export interface Place {
  /** `Kind namespace/name`. */
  readonly object: string | null;
  readonly file: string | null;
  readonly line: number | null;
}

/** Something that was computed, and where it was computed from. */
export interface Evidence extends Place {
  readonly text: string;
}

/** The object that a patch is for. */
export interface Target {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** JSON Patch (RFC 6902). */
export type Operation =
  | { readonly op: "add" | "replace"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string };

/** One change to the input. `file` is where the object stands, or where a new one would best be put. */
export type Change =
  | {
      readonly kind: "patch";
      readonly target: Target;
      readonly file: string | null;
      readonly line: number | null;
      readonly operations: readonly Operation[];
      /** What changes, line by line, where an operation holds a long text. */
      readonly shown?: readonly string[];
      /** The long text that the operation's was made of: where another change has come first, it is made of that one's. */
      readonly base?: string;
    }
  | { readonly kind: "create"; readonly file: string | null; readonly object: KubernetesObject }
  | {
      readonly kind: "sysctl";
      readonly file: string;
      readonly line: number;
      readonly key: string;
      readonly value: string;
    };

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** `changes` is empty where the remedy is not a matter of manifests: the text says what to do. */
export interface Fix {
  readonly text: string;
  readonly changes: readonly Change[];
}

/** What a check gives: one for each cause, however many it hurts. */
export interface Draft {
  /** A sentence without a full stop. */
  readonly message: string;
  readonly at: Place;
  readonly subjects?: readonly Place[];
  readonly evidence: readonly Evidence[];
  readonly fix: Fix;
  /** Where it is not the check's own. */
  readonly severity?: Severity;
  /** Tells it from others of the same check in the same object: a port, a host. */
  readonly cause?: string;
}

export interface Finding extends Draft {
  readonly id: CheckId;
  readonly severity: Severity;
  readonly title: string;
  readonly subjects: readonly Place[];
  /** The same for the same fault of the same object, wherever in the file it stands. */
  readonly fingerprint: string;
}

export type CheckId = `NS/${string}`;

export interface Reference {
  readonly text: string;
  readonly url: string;
}

export interface Check {
  readonly id: CheckId;
  /** A few words, as a heading. */
  readonly title: string;
  readonly severity: Severity;
  /** What happens when it is left so. */
  readonly why: string;
  readonly sources: readonly Reference[];
  readonly run: (context: Context) => readonly Draft[] | Promise<readonly Draft[]>;
}

/** A check that could not be run to its end. */
export interface Failure {
  readonly id: CheckId;
  readonly message: string;
}

export interface Diagnosis {
  /** The worst first, then by file and line. */
  readonly findings: readonly Finding[];
  readonly failures: readonly Failure[];
  readonly checks: readonly Check[];
  readonly counts: Readonly<Record<Severity, number>>;
}

/** A key of `sysctl -a`, and where it was read. */
export interface SysctlLine {
  readonly key: string;
  readonly value: string;
  readonly file: string;
  readonly line: number;
}

export interface DoctorOptions {
  /** Checks to run, and to leave out. */
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  /** The least severity that is told. */
  readonly severity?: Severity;
  /** Lines of a node's `sysctl -a`. */
  readonly sysctls?: readonly SysctlLine[];
  /** New connections a second on a node, for the size of its connection table. */
  readonly flows?: number;
  /** The MTU of the nodes' network cards, in octets. */
  readonly nic?: number;
}
