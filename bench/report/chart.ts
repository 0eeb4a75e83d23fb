/** The CPU of a query as bars, for a README: user time and, lighter, the kernel's. */
import type { Figures } from "./figures.ts";
import type { Kind } from "../servers/server.ts";
import type { Workload } from "../workloads.ts";

const WIDTH = 760;
const LABEL = 250;
const BAR = 14;
const STEP = 19;
const OURS = ["#2f6fdb", "#9fc0f5"] as const;
const OTHERS = ["#6e7681", "#c3c9d0"] as const;

export function chart(
  figures: readonly Figures[],
  workloads: readonly Workload[],
  kinds: readonly Kind[],
): string {
  // One slow server must not make all other bars too short to read.
  const sorted = figures.map(({ cpu }) => cpu.median).sort((a, b) => a - b);
  const top = sorted[Math.floor((sorted.length - 1) * 0.9)] ?? 1;
  const scale = (WIDTH - LABEL - 70) / top;
  const parts: string[] = [];
  let y = 46;
  for (const { name, title } of workloads) {
    const rows = kinds.flatMap((kind) =>
      figures.filter((one) => one.workload === name && one.server === kind.name),
    );
    if (rows.length === 0) continue;
    parts.push(text(8, y + 2, escape(title), 'font-weight="600"'));
    y += 10;
    for (const row of rows) {
      const kind = kinds.find((one) => one.name === row.server)!;
      parts.push(
        ...bar(y, kind.title.split(",")[0]!, row, scale, row.server.startsWith("ours") ? OURS : OTHERS),
      );
      y += STEP;
    }
    y += 20;
  }
  const height = y + 4;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(
      8,
      18,
      "CPU time for a query in µs: the server's own (dark), the kernel's (light); less is better",
      'font-size="13"',
    ),
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

function bar(
  y: number,
  label: string,
  { user, system, cpu }: Figures,
  scale: number,
  [dark, light]: readonly [string, string],
): string[] {
  const most = WIDTH - LABEL - 60;
  const own = Math.min(user.median * scale, most);
  const kernel = Math.min(system.median * scale, most - own);
  return [
    text(LABEL - 8, y + BAR - 3, escape(label), 'text-anchor="end"'),
    rect(LABEL, y, own, dark),
    rect(LABEL + own, y, kernel, light),
    text(LABEL + own + kernel + 6, y + BAR - 3, cpu.median.toFixed(1)),
  ];
}

const rect = (x: number, y: number, width: number, fill: string): string =>
  `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${fill}"/>`;

const text = (x: number, y: number, content: string, more = ""): string =>
  `<text x="${x.toFixed(1)}" y="${y}" fill="#1f2328" ${more}>${content}</text>`;

const escape = (content: string): string => content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
