/** From findings to files: which change belongs to which file, and what each file becomes. */
import { editText } from "./edit.ts";
import { rebase } from "./hunk.ts";
import type { Change, Finding, Operation } from "./types.ts";

/** A file after all changes to it. `name` is that of the input, or of a new file where a new object has no place. */
export interface Edited {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

export interface Followed {
  readonly files: readonly Edited[];
  /** Findings whose advice is in the files. */
  readonly done: readonly Finding[];
  /** Findings whose advice is no change of a manifest, or one that did not fit (another one had changed the same place). */
  readonly left: readonly Finding[];
}

/** Where objects go that belong to no file of the input. */
const NEW_FILE = "doctor-new.yaml";

const fileOf = (change: Change): string => change.file ?? NEW_FILE;

/** Changes files in memory by the advice of findings, one after the other. `read` gives a file's text; undefined where it has none. */
export function follow(findings: readonly Finding[], read: (file: string) => string | undefined): Followed {
  const before = new Map<string, string>();
  const after = new Map<string, string>();
  const done: Finding[] = [];
  const left: Finding[] = [];
  const moved = new Set<string>();
  const texts = createTexts();
  for (const finding of findings) {
    const { changes } = finding.fix;
    const next = new Map<string, string>();
    const moves = changes.flatMap(movedLists);
    const ok = changes.every((made) => {
      const change = texts.renewed(made);
      if (change === undefined || passesBy(change, moved)) return false;
      const name = fileOf(change);
      const now = next.get(name) ?? after.get(name) ?? readOnce(name);
      const edited = now === undefined ? undefined : editText(now, [change]);
      if (edited === undefined) return false;
      next.set(name, edited);
      return true;
    });
    if (changes.length === 0 || !ok) {
      left.push(finding);
      continue;
    }
    for (const [name, text] of next) after.set(name, text);
    for (const list of moves) moved.add(list);
    texts.keep(changes);
    done.push(finding);
  }
  const files = [...after].map(([name, text]): Edited => ({
    name,
    before: before.get(name) ?? "",
    after: text,
  }));
  return { files: files.filter((f) => f.before !== f.after), done, left };

  function readOnce(name: string): string | undefined {
    const text = name === NEW_FILE ? "" : read(name);
    if (text !== undefined) before.set(name, text);
    return text;
  }
}

/** Fields that have been given new texts: a later change of the same field must not undo the earlier one. */
function createTexts() {
  const known = new Map<string, unknown>();
  const renewed = (change: Change): Change | undefined => {
    if (change.kind !== "patch") return change;
    const operations: Operation[] = [];
    for (const operation of change.operations) {
      const key = `${idOf(change.target)} ${operation.path}`;
      const before = known.get(key);
      if (operation.op !== "replace" || before === undefined) operations.push(operation);
      else {
        const { base } = change;
        const value =
          base === undefined || typeof before !== "string" || typeof operation.value !== "string"
            ? undefined
            : rebase(base, operation.value, before);
        if (value === undefined) return undefined;
        operations.push({ ...operation, value });
      }
    }
    return { ...change, operations };
  };
  const keep = (changes: readonly Change[]): void => {
    for (const change of changes.flatMap((c) => renewed(c) ?? []))
      if (change.kind === "patch")
        for (const operation of change.operations)
          if (operation.op === "replace")
            known.set(`${idOf(change.target)} ${operation.path}`, operation.value);
  };
  return { renewed, keep };
}

const idOf = (target: object): string => JSON.stringify(target);

/** Lists of which an item went, or into which one came before others: their indexes are no longer what findings say. */
const movedLists = (change: Change): string[] =>
  change.kind !== "patch"
    ? []
    : change.operations.flatMap(({ op, path }) => {
        const slash = path.lastIndexOf("/");
        const isItem = /^\d+$/.test(path.slice(slash + 1));
        return isItem && op !== "replace" ? [`${idOf(change.target)} ${path.slice(0, slash)}/`] : [];
      });

/** Whether a change goes through a list that has been moved. */
const passesBy = (change: Change, moved: ReadonlySet<string>): boolean =>
  change.kind === "patch" &&
  change.operations.some(({ path }) =>
    [...moved].some((list) => {
      const at = `${idOf(change.target)} ${path}`;
      return at.startsWith(list) && !at.slice(list.length).startsWith("-");
    }),
  );
