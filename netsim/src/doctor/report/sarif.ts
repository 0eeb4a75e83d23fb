/** A diagnosis as SARIF 2.1.0 (OASIS), as code scanning takes it. */
import { follow } from "../follow.ts";
import { hunkOf } from "../hunk.ts";
import type { Check, Diagnosis, Finding, Place, Severity } from "../types.ts";
import { manualPath } from "./markdown.ts";
import { changeLines } from "./text.ts";

export interface SarifOptions {
  /** The text of a file of the input; without it results have no fixes. */
  readonly read?: (file: string) => string | undefined;
  /** A file's name as the repository knows it; by default as it was given. */
  readonly uriOf?: (file: string) => string;
  readonly version?: string;
}

const SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/** Characters that a URI reference cannot have, and those that would make a scheme of a file's name. */
const relativeUri = (file: string): string =>
  file.startsWith("/")
    ? `file://${file.split("/").map(encodeURIComponent).join("/")}`
    : file.replace(/^\.\//, "").split("/").map(encodeURIComponent).join("/");

export function doctorSarif({ findings, failures, checks }: Diagnosis, options: SarifOptions = {}): object {
  const { uriOf = (file) => file, version = "0.1.0" } = options;
  const uri = (file: string): string => relativeUri(uriOf(file));
  const index = new Map(checks.map((check, i) => [check.id, i]));
  const results = findings.map((finding) => ({
    ruleId: finding.id,
    ruleIndex: index.get(finding.id) ?? -1,
    level: finding.severity satisfies Severity,
    message: { text: textOf(finding) },
    locations: [locationOf(mainPlace(finding), uri)],
    ...related(finding, uri),
    // The second is the one that GitHub goes by; left out, it would be made of the line's text.
    partialFingerprints: {
      "netsimDoctor/v1": finding.fingerprint,
      primaryLocationLineHash: `${finding.fingerprint}:1`,
    },
    ...fixesOf(finding, uri, options.read),
    properties: {
      object: finding.at.object ?? "",
      subjects: finding.subjects.map((s) => s.object ?? "").slice(0, 1000),
    },
  }));
  return {
    $schema: SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: { name: "netsim doctor", version, rules: checks.map(ruleOf) },
        },
        invocations: [
          {
            executionSuccessful: failures.length === 0,
            toolExecutionNotifications: failures.map((f) => ({
              level: "error",
              message: { text: f.message },
              associatedRule: { id: f.id, index: index.get(f.id) ?? -1 },
            })),
          },
        ],
        columnKind: "utf16CodeUnits",
        results,
      },
    ],
  };
}

function ruleOf({ id, title, why, severity, sources }: Check): object {
  const links = sources.map(({ text, url }) => `- [${text}](${url})`);
  return {
    id,
    name: pascal(id),
    shortDescription: { text: title },
    fullDescription: { text: why },
    ...(sources[0] !== undefined && { helpUri: sources[0].url }),
    help: {
      text: [why, ...sources.map((s) => `${s.text}: ${s.url}`)].join("\n"),
      markdown: [why, "", ...links, "", `More: ${manualPath(id)}`].join("\n"),
    },
    defaultConfiguration: { level: severity },
    properties: {
      tags: ["kubernetes", "network"],
      precision: "high",
      "problem.severity": severity === "note" ? "recommendation" : severity,
    },
  };
}

/** `NS/dns-egress` is `DnsEgress`. */
const pascal = (id: string): string =>
  id
    .replace(/^NS\//, "")
    .split("-")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join("");

const textOf = ({ message, at, evidence, fix }: Finding): string =>
  [
    `${at.object === null ? "" : `${at.object}: `}${message}`,
    ...evidence.map((e) => `- ${e.text}`),
    `Fix: ${fix.text}`,
    ...fix.changes.flatMap(changeLines).map((line) => `    ${line}`),
  ].join("\n");

/** Code scanning shows only what is in a file: else one of the subjects', or of the evidence. */
const mainPlace = ({ at, subjects, evidence }: Finding): Place =>
  [at, ...subjects, ...evidence].find((p) => p.file !== null) ?? at;

function locationOf({ object, file, line }: Place, uri: (file: string) => string, text?: string): object {
  return {
    ...(file !== null && {
      physicalLocation: {
        artifactLocation: { uri: uri(file) },
        region: { startLine: Math.max(1, line ?? 1) },
      },
    }),
    ...(object !== null && { logicalLocations: [{ fullyQualifiedName: object, kind: "resource" }] }),
    ...(text !== undefined && { message: { text } }),
  };
}

const MOST_RELATED = 50;

/** Evidence and subjects that are in files, as places to look at. */
function related({ evidence, subjects, at }: Finding, uri: (file: string) => string): object {
  const places = [
    ...evidence.filter((e) => e.file !== null).map((e) => locationOf(e, uri, e.text)),
    ...subjects
      .filter((s) => s.file !== null && s.object !== at.object)
      .map((s) => locationOf(s, uri, `concerns ${s.object ?? ""}`)),
  ].slice(0, MOST_RELATED);
  return places.length === 0 ? {} : { relatedLocations: places.map((p, i) => ({ id: i + 1, ...p })) };
}

/** The advice as a change of lines, for each file by itself. */
function fixesOf(finding: Finding, uri: (file: string) => string, read: SarifOptions["read"]): object {
  if (read === undefined || finding.fix.changes.length === 0) return {};
  const { files, left } = follow([finding], read);
  if (left.length > 0) return {};
  const artifactChanges = files.flatMap(({ name, before, after }) => {
    const hunk = hunkOf(before, after);
    if (hunk === undefined) return [];
    const { first, last, lines } = hunk;
    const text = lines.map((line) => `${line}\n`).join("");
    return [
      {
        artifactLocation: { uri: uri(name) },
        replacements: [
          {
            deletedRegion: {
              startLine: first,
              startColumn: 1,
              endLine: Math.max(first, last + 1),
              endColumn: 1,
            },
            insertedContent: { text },
          },
        ],
      },
    ];
  });
  return artifactChanges.length === 0
    ? {}
    : { fixes: [{ description: { text: finding.fix.text }, artifactChanges }] };
}
