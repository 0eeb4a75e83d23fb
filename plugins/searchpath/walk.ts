import { isWithin, labelCount, labelText, type Name } from "../../src/dns/name.ts";

/** The first name of a search-list walk, read: `BASE.NAMESPACE.svc.ZONE`. */
export interface Walk {
  /** What the program asked its resolver for, with the root's label; in the letters of the query. */
  readonly base: Name;
  /** The namespace of the pod that asks. */
  readonly namespace: string;
  /** The last label of the base: a service's, if the name is one of the namespace's own. */
  readonly service: string;
}

const SVC = "\x03svc";

/** Undefined where `name` (in lower case) is no first name of a walk in `zone`. `rawName` is the same in the client's letters. */
export function readWalk(name: Name, rawName: Name, zone: Name): Walk | undefined {
  const services = (SVC + zone) as Name;
  if (!isWithin(name, services)) return undefined;
  const end = name.length - services.length;
  let base = 0;
  let last = 0;
  let at = 0;
  // The label before `end` is the namespace, the one before that the base's last.
  for (; at < end; at += name.charCodeAt(at) + 1) {
    last = base;
    base = at;
  }
  if (base === 0) return undefined;
  return {
    base: (rawName.slice(0, base) + "\0") as Name,
    namespace: labelText(name.slice(base + 1, end)),
    service: labelText(name.slice(last + 1, base)),
  };
}

/** Number of dots between the labels of a name. */
export const dotsOf = (name: Name): number => labelCount(name) - 1;
