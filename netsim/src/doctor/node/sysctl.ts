/** Kernel parameters: of a node's `sysctl -a`, and as manifests set them (init containers that run sysctl, ConfigMaps). */
import { fields } from "../../gateway/fields.ts";
import type { KubeObject, OtherObject } from "../../model/types.ts";
import type { Path } from "../../model/read.ts";
import { lazy, type Context } from "../context.ts";
import { pointer, textChange } from "../fix.ts";
import { placeOf, placeInText } from "../place.ts";
import type { Change, Place, SysctlLine } from "../types.ts";

export interface Setting {
  readonly key: string;
  readonly value: string;
  readonly at: Place;
  /** A file, `container NAME`, `ConfigMap NAME`. */
  readonly by: string;
  /** The text of a field that the value is a part of; undefined for a line of a file. */
  readonly spot: Spot | undefined;
}

interface Spot {
  readonly object: KubeObject;
  readonly path: Path;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Gives settings new values. Those of one text are one change: from its end, so that places stay what they were. */
export function setAll(
  pairs: readonly { readonly setting: Setting; readonly wanted: string }[],
): readonly Change[] {
  const lines = pairs.flatMap(({ setting: { key, at, spot }, wanted }): Change[] =>
    spot !== undefined
      ? []
      : [{ kind: "sysctl", file: at.file ?? "", line: at.line ?? 0, key, value: wanted }],
  );
  const texts = new Map<string, { spot: Spot; wanted: string }[]>();
  for (const { setting, wanted } of pairs) {
    const { spot, at } = setting;
    if (spot === undefined) continue;
    const id = `${at.object ?? ""} ${pointer(spot.path)}`;
    texts.set(id, [...(texts.get(id) ?? []), { spot, wanted }]);
  }
  const patches = [...texts.values()].map((spots) => {
    const { object, path, text } = spots[0]!.spot;
    const changed = [...spots]
      .sort((a, b) => b.spot.start - a.spot.start)
      .reduce(
        (now, { spot, wanted }) =>
          now.slice(0, spot.start) + quotedAs(now, spot, wanted) + now.slice(spot.end),
        text,
      );
    return textChange(object, path, text, changed);
  });
  return [...lines, ...patches];
}

/** Several numbers are one word of a command only in quotes. */
const quotedAs = (text: string, { start, path }: Spot, value: string): string =>
  value.includes(" ") && path[0] === "spec" && !/["']/.test(text[start - 1] ?? "") ? `"${value}"` : value;

const LINE = /^\s*-?([a-z][a-z0-9_-]*(?:[./][A-Za-z0-9_*:-]+)+)\s*=\s*(.*?)\s*$/;
const IN_WORDS =
  /\b((?:net|kernel|vm|fs)(?:[./][a-z0-9_-]+)+)\s*=\s*(?:"([^"]*)"|'([^']*)'|(\d+(?:[ \t]+\d+)*))/g;

const normal = (key: string): string => key.replaceAll("/", ".");

/** Lines of `sysctl -a`, or of a file in /etc/sysctl.d. What is none is left out. */
export function parseSysctls(text: string, file: string): readonly SysctlLine[] {
  return text.split(/\r?\n/).flatMap((line, i) => {
    const match = /^\s*[#;]/.test(line) ? null : LINE.exec(line);
    if (match === null) return [];
    const [, key = "", value = ""] = match;
    return [{ key: normal(key), value: value.replace(/\s+/g, " "), file, line: i + 1 }];
  });
}

const settingsOfContext = new WeakMap<Context, () => readonly Setting[]>();

/** All that is said of a key counts: where two places differ each is looked at. */
export function settings(context: Context): readonly Setting[] {
  let all = settingsOfContext.get(context);
  if (all === undefined) settingsOfContext.set(context, (all = lazy(() => read(context))));
  return all();
}

const read = (context: Context): readonly Setting[] => [
  ...(context.options.sysctls ?? []).map(fromDump),
  ...fromContainers(context),
  ...context.others("ConfigMap").flatMap((map) => fromConfigMap(map)),
];

const fromDump = ({ key, value, file, line }: SysctlLine): Setting => ({
  key,
  value,
  at: { object: null, file, line },
  by: file,
  spot: undefined,
});

function fromContainers({ groups }: Context): readonly Setting[] {
  return groups.flatMap(({ holder: { object, path }, pods: [pod] }) => {
    const lists = [
      ["initContainers", pod?.spec.initContainers ?? []],
      ["containers", pod?.spec.containers ?? []],
    ] as const;
    return lists.flatMap(([list, containers]) =>
      containers.flatMap((container, i) => {
        const words = [...(container.command ?? []), ...(container.args ?? [])];
        if (!words.some((w) => /\bsysctl\b/.test(w))) return [];
        return (["command", "args"] as const).flatMap((field) =>
          (container[field] ?? []).flatMap((word, j) =>
            inText(word, object, [...path, list, i, field, j], `container ${container.name}`),
          ),
        );
      }),
    );
  });
}

function inText(text: string, object: KubeObject, path: Path, by: string): readonly Setting[] {
  return [...text.matchAll(IN_WORDS)].map((match) => {
    const [whole, key = "", double, single, bare] = match;
    const value = double ?? single ?? bare ?? "";
    const start = match.index + whole.lastIndexOf(value);
    const line = text.slice(0, match.index).split("\n").length;
    const at = text.includes("\n") ? placeInText(object, path, line) : placeOf(object, path);
    return {
      key: normal(key),
      value,
      at,
      by,
      spot: { object, path, text, start, end: start + value.length },
    };
  });
}

function fromConfigMap(map: OtherObject): readonly Setting[] {
  return Object.entries(fields(map.data)).flatMap(([key, text]) => {
    if (typeof text !== "string" || !/^\s*(net|kernel|vm|fs)[./]\S+\s*=/m.test(text)) return [];
    const path = ["data", key];
    const lines = text.split("\n");
    return parseSysctls(text, "").map((line): Setting => {
      const before = lines.slice(0, line.line - 1).reduce((length, l) => length + l.length + 1, 0);
      const own = lines[line.line - 1] ?? "";
      const start = before + (/^[^=]*=\s*/.exec(own)?.[0].length ?? 0);
      const spot = { object: map, path, text, start, end: before + own.trimEnd().length };
      return {
        key: line.key,
        value: line.value,
        at: placeInText(map, path, line.line),
        by: `ConfigMap ${map.metadata.name}`,
        spot,
      };
    });
  });
}
