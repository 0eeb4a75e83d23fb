/** An exhibit as a story for a terminal, as data, and as a page of the manual. */
import { type Shown, WINGS } from "./index.ts";
import type { Fact, Facts, Outcome, Thread } from "./types.ts";

const WIDTH = 100;

/** Words in lines of at most 100 characters, the later ones indented by `indent`. */
function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.join(`\n${" ".repeat(indent)}`);
}

/** With its full stop. */
const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

const factText = (value: Fact): string => (Array.isArray(value) ? value.join(", ") : String(value));

const factsText = (facts: Facts): string =>
  Object.entries(facts)
    .map(([name, value]) => `${name} ${factText(value)}`)
    .join("; ");

/** `owner/repository#number` as an address; others are one. */
export const addressOf = ({ cite }: Thread): string =>
  cite.startsWith("https:") ? cite : `https://github.com/${cite.replace("#", "/issues/")}`;

export function story({ exhibit, evidence, ok }: Shown): string {
  const { id, title, year, wing, threads } = exhibit;
  const { steps, broken, mended, lesson, assertions } = evidence;
  const side = (head: string, { on, what, facts }: Outcome): string =>
    [`  ${head}`, wrap(on, 4), wrap(what, 4), wrap(`(${factsText(facts)})`, 4), ""].join("\n    ");
  return [
    `${title} (${year})`,
    `${id}, ${WINGS[wing]}`,
    "",
    ...steps.map((step, i) => `  ${String(i + 1).padStart(2)}. ${wrap(sentence(step), 6)}`),
    "",
    side("Fails on", broken).trimEnd(),
    "",
    side("Passes on", mended).trimEnd(),
    "",
    "  What this run has shown:",
    ...assertions.map(({ text, holds }) => `    ${holds ? "yes" : "NO "}  ${wrap(text, 9)}`),
    "",
    "  To learn:",
    `    ${wrap(lesson, 4)}`,
    "",
    "  Reported in:",
    ...threads.map((one) => `    ${wrap(`${one.cite} "${one.title}": ${one.found}`, 6)}`),
    ...(ok ? [] : ["", "  This run has NOT shown the outage as it was reported."]),
    "",
  ].join("\n");
}

export const document = ({ exhibit, evidence, ok }: Shown): object => {
  const { id, title, year, wing, threads } = exhibit;
  return { id, title, year, wing, threads, ok, ...evidence };
};

const side = (head: string, { on, what, facts }: Outcome): string[] => [
  `## ${head}`,
  "",
  `**${on}**: ${sentence(what)}`,
  "",
  ...Object.entries(facts).map(([name, value]) => `- \`${name}\`: ${factText(value)}`),
  "",
];

/** A page of Markdown. The same at every run, as the exhibit is. */
export function page({ exhibit, evidence }: Shown): string {
  const { id, title, year, wing, threads } = exhibit;
  const { steps, broken, mended, lesson, assertions } = evidence;
  return [
    `# ${title}`,
    "",
    `${year}. ${WINGS[wing]}. \`netsim museum ${id}\` shows it; this page is written by \`netsim museum --pages\`.`,
    "",
    ...steps.map((step, i) => `${i + 1}. ${sentence(step)}`),
    "",
    ...side("Fails on", broken),
    ...side("Passes on", mended),
    "## What the run has shown",
    "",
    ...assertions.map(({ text, holds }) => `- ${holds ? "" : "**not shown:** "}${text}`),
    "",
    "## To learn",
    "",
    lesson,
    "",
    "## Reported in",
    "",
    ...threads.map((one) => `- [${one.cite}](${addressOf(one)}), "${one.title}": ${one.found}`),
    "",
  ].join("\n");
}

/** The page that leads to all others. */
export function index(all: readonly Shown[]): string {
  const wings = Object.entries(WINGS).flatMap(([wing, name]) => {
    const here = all.filter(({ exhibit }) => exhibit.wing === wing);
    if (here.length === 0) return [];
    return [
      `## ${name}`,
      "",
      ...here.map(
        ({ exhibit: { id, title, year, threads }, evidence: { broken, mended } }) =>
          `- **[${title}](${id}.md)** (${year}, ${threads[0]?.cite.replace(/^https:\/\/([^/]+).*/, "$1") ?? ""}). Fails on ${broken.on}: ${broken.what}. Passes on ${mended.on}.`,
      ),
      "",
    ];
  });
  return [
    "# The museum of outages",
    "",
    `${all.length} failures of Kubernetes' networking and DNS that many clusters have had, as programs: each builds the broken world out of`,
    "the same models that `netsim` answers with (real servers of clusterdns in this process, resolvers, connection tables, kube-proxy, policy",
    "engines, gateways), measures what goes wrong, and then what a remedy makes of it. Time is virtual: seconds and hours pass at once, and",
    "every run is the same. Numbers on these pages are those of a run.",
    "",
    "```console",
    "$ netsim museum                 # the list",
    "$ netsim museum five-seconds    # one of them, as a story; --json as data",
    "$ netsim museum --all           # all, with an exit code",
    "```",
    "",
    "An exhibit whose failure does not happen, or whose remedy does not help, makes the exit code 1. Each cites the threads that it is taken",
    "from; what these report is what the tests expect of it.",
    "",
    ...wings,
  ].join("\n");
}
