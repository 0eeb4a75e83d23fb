/**
 * Text in columns, as Go's text/tabwriter aligns it (elastic tabstops): cells end with a tab, a column is a run of lines that have
 * a cell there, and it is as wide as the widest of them and `padding`. What follows a line's last tab belongs to no column. A form
 * feed ends the line and all columns; a vertical tab is a tab.
 */
export function alignColumns(text: string, least: number, padding: number): string {
  return text
    .split("\f")
    .map((part) => alignBlock(part, least, padding))
    .join("\n");
}

function alignBlock(text: string, least: number, padding: number): string {
  const lines = text.split("\n").map((line) => line.split(/[\t\v]/));
  const out: string[] = lines.map(() => "");
  const width = (cell: string): number => [...cell].length;

  const align = (from: number, to: number, column: number): void => {
    let line = from;
    while (line < to) {
      const isCell = (i: number): boolean => column < (lines[i] as string[]).length - 1;
      if (!isCell(line)) {
        out[line] += (lines[line] as string[])[column] ?? "";
        line++;
        continue;
      }
      let end = line;
      let widest = least;
      for (; end < to && isCell(end); end++)
        widest = Math.max(widest, width((lines[end] as string[])[column] as string) + padding);
      for (let i = line; i < end; i++) {
        const cell = (lines[i] as string[])[column] as string;
        out[i] += cell + " ".repeat(widest - width(cell));
      }
      align(line, end, column + 1);
      line = end;
    }
  };
  align(0, lines.length, 0);
  return out.join("\n");
}
